//! Staff: added by name, signed in by a one-time code, later by a [password](super::password); and who they are at a store.

use domain::event::{Actor, StaffAdded, StaffCodeMade, StaffRevoked, StaffRolesChanged, StaffSignedIn};
use domain::name;
use domain::view::{MemberView, Person, Role};
use domain::{Faults, StoreId, Timestamp, UserId};

use super::browser::BrowserId;
use super::hashing::{Memory, of_code};
use super::rights::Right;
use super::secret::{Secret, random};
use super::session::{IssuedSession, NewSession, ensure_session_in};
use super::throttle::{self, Bucket};
use super::{Caller, Client, Identities, IdentityError, pairing, rights, sign_in, store, token};
use crate::db::Tx;
use crate::log::{self, NewEvent};
use crate::stores::Stores;

/// How long a sign-in code is good: a day.
pub const CODE_SECONDS: i64 = 24 * 3600;
/// How long staff stay signed in: a long shift.
pub const SHIFT_SECONDS: i64 = 12 * 3600;

/// Crockford's base 32: no `I`, `L`, `O`, `U`, which are read for other things.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 8;

pub(super) struct NewCode {
    pub(super) code: Secret,
    pub(super) hash: String,
}

impl NewCode {
    pub(super) fn make(memory: &mut Memory) -> Result<Self, IdentityError> {
        let bytes = random::<LENGTH>().map_err(IdentityError::randomness)?;
        let code: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        Ok(Self { hash: of_code(&code, memory)?, code: Secret::new(code) })
    }
}

/// The code as it was given out, however it was typed; `None` for what cannot be one.
pub(super) fn normalized(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .take(LENGTH + 1)
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect();
    (code.len() == LENGTH && code.bytes().all(|b| ALPHABET.contains(&b))).then_some(code)
}

/// Somebody of the staff with a new one-time code, which is told this once.
#[derive(Debug, Clone)]
pub struct Invited {
    pub person: Person,
    /// What they are at the store.
    pub roles: Vec<Role>,
    pub code: Secret,
    /// Until when the code is good.
    pub expires_at: Timestamp,
}

/// The name, as it is kept, of whoever is to be added with this role; or all that is wrong with the two.
pub fn member_name(name: &str, role: Role) -> Result<String, IdentityError> {
    match (name::clean(name), rights::is_staff(role)) {
        (Ok(name), true) => Ok(name),
        (Ok(_), false) => Err(IdentityError::NotStaff),
        (Err(invalid), true) => Err(invalid.into()),
        (Err(invalid), false) => Err(Faults(vec![invalid.fault("/name"), IdentityError::not_staff("/role")]).into()),
    }
}

/// What a name that somebody of the store has already means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SameName {
    IsThem,
    Refused,
}

impl Identities {
    /// Adds somebody to the staff of a store and returns their one-time sign-in code, good for a day. Who works there by the same
    /// name is the same person: they get one more role, or only a new code. Who does not any more is not.
    pub async fn staff_add(&self, at: StoreId, name: String, role: Role) -> Result<(Person, Secret), IdentityError> {
        let invited = self.staff_add_by(at, name, role, SameName::IsThem, None).await?;
        Ok((invited.person, invited.code))
    }

    /// Adds somebody new to the staff, for a manager of the store. A name that somebody there has, however it is written, is
    /// refused: whoever is added next would get the other's account. Roles are changed by [`Self::set_roles`].
    pub async fn add_member(&self, caller: &Caller, at: StoreId, name: String, role: Role) -> Result<Invited, IdentityError> {
        caller.require(Right::Staff, &at)?;
        Stores.get(&mut self.db.reader(), &at).await?.ok_or(IdentityError::NotFound)?;
        self.staff_add_by(at, name, role, SameName::Refused, Some(caller.clone())).await
    }

    async fn staff_add_by(
        &self,
        at: StoreId,
        name: String,
        role: Role,
        same: SameName,
        caller: Option<Caller>,
    ) -> Result<Invited, IdentityError> {
        let name = member_name(&name, role)?;
        let made = self.hashing.run(NewCode::make).await?;
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    let (mut made_by, mut by) = (None, Actor::System);
                    if let Some(caller) = caller {
                        // Whoever is dismissed while the code is made cuts no key any more.
                        ensure_session_in(tx, &caller).await?;
                        (made_by, by) = (caller.user(), caller.actor(&at));
                    }
                    if same == SameName::Refused {
                        // Two managers who add the same name at once come one after the other.
                        pairing::lock_in(tx, &at).await?;
                        if store::works_here_by_name(tx, &at, &name).await? {
                            let detail = "Somebody here has this name: change their roles, give them a new code, or choose another name.";
                            return Err(IdentityError::invalid("/name", "name_taken", detail));
                        }
                    }
                    let (id, fresh) = store::staff_member(tx, &at, &name, role).await?;
                    let expires_at = tx.now().plus_seconds(CODE_SECONDS);
                    store::insert_code(tx, id, &made, expires_at, made_by).await?;
                    let roles = store::roles_at(tx, &at, id).await?;
                    let event = if fresh {
                        NewEvent::new(StaffAdded { store: at.clone(), user: id, role }, id)
                    } else {
                        NewEvent::new(StaffCodeMade { store: at.clone(), user: id }, id)
                    };
                    log::append_in(tx, event.at_store(&at).by(by)).await?;
                    Ok::<_, IdentityError>(Invited { person: Person { id, name }, roles, code: made.code, expires_at })
                })
            })
            .await
    }

    /// Everybody who works at a store, by name, for who may see them.
    pub async fn members(&self, caller: &Caller, at: &StoreId) -> Result<Vec<MemberView>, IdentityError> {
        caller.require(Right::Staff, at)?;
        Ok(store::members(&mut self.db.reader(), at, self.db.clock().now()).await?)
    }

    /// Gives somebody a new one-time code: they have forgotten their password.
    pub async fn invite_again(&self, caller: &Caller, at: &StoreId, user: UserId) -> Result<Invited, IdentityError> {
        caller.require(Right::Staff, at)?;
        let made = self.hashing.run(NewCode::make).await?;
        let (at, by, made_by, caller) = (at.clone(), caller.actor(at), caller.user(), caller.clone());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    hold_both_in(tx, &caller, user).await?;
                    let name = store::member_in(tx, &at, user).await?.ok_or(IdentityError::NotFound)?;
                    let expires_at = tx.now().plus_seconds(CODE_SECONDS);
                    store::insert_code(tx, user, &made, expires_at, made_by).await?;
                    let roles = store::roles_at(tx, &at, user).await?;
                    let event = NewEvent::new(StaffCodeMade { store: at.clone(), user }, user);
                    log::append_in(tx, event.at_store(&at).by(by)).await?;
                    Ok(Invited { person: Person { id: user, name }, roles, code: made.code, expires_at })
                })
            })
            .await
    }

    /// Makes these somebody's roles at a store; none of them: they do not work there any more. What they have open follows
    /// within seconds, and the tokens of the store that a manager made, what was made by those, and the codes that nobody has used
    /// yet end with her being one. Their account stays theirs, with the money in it: a namesake who is added later gets another.
    /// Nobody changes their own: the last manager would lock everybody out.
    pub async fn set_roles(&self, caller: &Caller, at: &StoreId, user: UserId, roles: Vec<Role>) -> Result<(), IdentityError> {
        self.set_roles_seen(caller, at, user, None, roles).await
    }

    /// The same by what somebody saw: where the roles are neither those `seen` nor these already, another manager has changed them
    /// meanwhile, and nothing is. A right that was just taken away does not come back by a page from before.
    pub async fn set_roles_seen(
        &self,
        caller: &Caller,
        at: &StoreId,
        user: UserId,
        seen: Option<Vec<Role>>,
        roles: Vec<Role>,
    ) -> Result<(), IdentityError> {
        caller.require(Right::Staff, at)?;
        if caller.user() == Some(user) {
            return Err(IdentityError::OwnRole);
        }
        let others = roles.iter().enumerate().filter(|(_, role)| !rights::is_staff(**role));
        let faults: Vec<_> = others.map(|(index, _)| IdentityError::not_staff(format!("/roles/{index}"))).collect();
        if !faults.is_empty() {
            return Err(Faults(faults).into());
        }
        let in_order = |mut roles: Vec<Role>| {
            roles.sort_by_key(|role| *role as u8);
            roles.dedup();
            roles
        };
        let (roles, seen) = (in_order(roles), seen.map(in_order));
        let (at, by, caller) = (at.clone(), caller.actor(at), caller.clone());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    hold_both_in(tx, &caller, user).await?;
                    store::member_in(tx, &at, user).await?.ok_or(IdentityError::NotFound)?;
                    let before = store::roles_at(tx, &at, user).await?;
                    if before == roles {
                        return Ok(());
                    }
                    if seen.is_some_and(|seen| seen != before) {
                        return Err(IdentityError::RolesChanged);
                    }
                    // A manager who is none any more keeps no key that she cut.
                    if before.contains(&Role::Manager) && !roles.contains(&Role::Manager) {
                        let revoked = store::revoke_made_by(tx, &at, user).await?;
                        token::revoked_in(tx, revoked, by).await?;
                        store::end_codes_of(tx, &at, user).await?;
                    }
                    if !store::set_roles(tx, &at, user, &roles).await? {
                        store::forget_staff_secrets(tx, user).await?;
                        store::end_session_of(tx, user, None).await?;
                    }
                    let event = if roles.is_empty() {
                        NewEvent::new(StaffRevoked { store: at.clone(), user }, user)
                    } else {
                        NewEvent::new(StaffRolesChanged { store: at.clone(), user, roles }, user)
                    };
                    log::append_in(tx, event.at_store(&at).by(by)).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Signs in by a one-time code, which is spent by it, and answers a new session: the browser's old one is ended, and what a
    /// guest has ordered by it is theirs.
    pub async fn staff_sign_in(&self, before: &Caller, typed: &str, client: &Client) -> Result<IssuedSession, IdentityError> {
        let bucket = Bucket::StaffCodesFromAddress(client.address);
        throttle::take_all(self, &[bucket]).await?;
        let code = normalized(typed).ok_or(IdentityError::WrongCode)?;
        let looked_at = self.hashing.run(move |memory| of_code(&code, memory)).await;
        let hash = throttle::unless_busy(self, &[bucket], looked_at).await?;
        let (issued, session, browser) = self.new_shift(client, true);
        let (before, keys) = (before.clone(), self.keys.clone());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    let user = store::account_of_code(tx, &hash).await?.ok_or(IdentityError::WrongCode)?;
                    // Before the code, as those who take it away do. What they did meanwhile is seen by whoever spends it.
                    let held = store::hold_account_in(tx, user, None).await?;
                    if held != Some(true) || store::spend_code(tx, hash).await? != Some(user) {
                        return Err(IdentityError::WrongCode);
                    }
                    throttle::give_back_in(tx, &keys, bucket).await?;
                    begin_in(tx, &session, user, browser, &before, "code").await
                })
            })
            .await?;
        Ok(issued)
    }

    /// A session of 12 hours, and the browser that is known from then on.
    pub(super) fn new_shift(&self, client: &Client, may_set_password: bool) -> (IssuedSession, NewSession, BrowserId) {
        let browser = client.browser.unwrap_or_else(BrowserId::new);
        let issued = IssuedSession { browser: Some(browser), ..self.issue(SHIFT_SECONDS) };
        let device = client.device.clone();
        let session = NewSession { id: issued.session, seconds: SHIFT_SECONDS, slides: false, device, may_set_password };
        (issued, session, browser)
    }
}

/// Holds the caller, and whoever they decide about, until the end of the transaction. Accounts are held in the order of their ids: two
/// managers who dismiss each other at once come one after the other, and the second one is none any more. A token's holder cannot be
/// decided about, and the token comes after any account.
async fn hold_both_in(tx: &mut Tx, caller: &Caller, user: UserId) -> Result<(), IdentityError> {
    let first = matches!(caller, Caller::User { user: by, .. } if *by < user);
    if first {
        ensure_session_in(tx, caller).await?;
    }
    store::lock_member_in(tx, user).await?;
    if !first {
        ensure_session_in(tx, caller).await?;
    }
    Ok(())
}

/// Begins a shift: a session of their own, and none that was there before; what a guest has by that one comes along.
pub(super) async fn begin_in(
    tx: &mut Tx,
    session: &NewSession,
    user: UserId,
    browser: BrowserId,
    before: &Caller,
    by: &'static str,
) -> Result<(), IdentityError> {
    store::insert_session(tx, session, Some(user)).await?;
    store::know_browser(tx, browser, user).await?;
    // Somebody who ordered a drink on the way to work still has it.
    sign_in::leave_session_in(tx, before, user).await?;
    for at in store::stores_of_staff(tx, user).await? {
        let event = NewEvent::new(StaffSignedIn { store: at.clone(), user, by: by.to_owned() }, user);
        log::append_in(tx, event.at_store(&at).by(Actor::Staff(user))).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let made = NewCode::make(&mut Memory::new()).unwrap();
        assert_eq!(normalized(made.code.expose()).as_deref(), Some(made.code.expose()));
        assert_eq!(normalized(" abcd-o1il ").as_deref(), Some("ABCD0111"));
        for bad in ["", "ABCD012", "ABCD01234", "ABCDU123", "ABCDé123", &"A".repeat(1000)] {
            assert_eq!(normalized(bad), None, "{bad}");
        }
    }
}
