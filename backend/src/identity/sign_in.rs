//! Signing in by phone: six digits by text message, three tries, ten minutes. Whether the phone is known makes no
//! difference to anything that can be seen: who is not gets an account.

use async_trait::async_trait;
use domain::{Locale, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::phone::Phone;
use super::secret::{Keys, Secret};
use super::session::{IssuedSession, NewSession};
use super::throttle::{self, Bucket};
use super::{Caller, Client, Identities, IdentityError, Owner, store};
use crate::db::{DbError, Tx};
use crate::idempotency;
use crate::job::{self, Job, JobHandler, JobOutcome};
use crate::notify::{Message, Sender};
use crate::ordering;
use crate::subscriber::HandlerError;

/// How long a code is good.
pub const CODE_SECONDS: i64 = 600;
/// How often a code may be tried.
pub const TRIES: i64 = 3;
/// How long a shopper stays signed in without coming back.
pub const SHOPPER_SECONDS: i64 = 30 * 24 * 3600;

const SEND: &str = "notify.sign_in_code";
const PURPOSE: &str = "sign-in code";

/// How many digits a code has.
const LENGTH: usize = 6;

/// The code as it was sent, however it was typed: in the digits of any keyboard, with spaces or hyphens, or pasted with what cannot be
/// seen. `None` for what cannot be one.
fn typed_code(typed: &str) -> Option<String> {
    /// The zeros that nine other digits follow: Latin, Arabic, Persian, Devanagari, Bengali, full-width.
    const ZEROS: [char; 6] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{ff10}'];
    let between = |c: char| {
        c.is_whitespace()
            || matches!(c, '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let digit = |c: char| {
        let from = |zero: char| u32::from(c).checked_sub(u32::from(zero));
        ZEROS.into_iter().filter_map(from).find_map(|digit| char::from_digit(digit, 10))
    };
    let code: String = typed.chars().filter(|c| !between(*c)).map(digit).take(LENGTH + 1).collect::<Option<_>>()?;
    (code.len() == LENGTH).then_some(code)
}

/// A code for this id: made of our secret, so that nothing that is stored tells it.
fn code(keys: &Keys, id: Uuid) -> String {
    digits(keys.sign(PURPOSE, id.as_bytes()))
}

/// Six digits. The remainder of 64 bits favours none of a million by more than one in ten billion.
fn digits(signature: [u8; 32]) -> String {
    let number = signature.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{:06}", number % 1_000_000)
}

/// Whether `typed` is the code for this id, by any of the keys. Compared by their signatures, which takes the same time
/// wherever they differ.
fn is_right(keys: &Keys, id: Uuid, typed: &str) -> bool {
    keys.sign_by_each(PURPOSE, id.as_bytes())
        .map(digits)
        .fold(false, |right, code| keys.verify("equality", typed.as_bytes(), &keys.sign("equality", code.as_bytes())) | right)
}

/// What a try of a code came to. A wrong one is written down, so it is no error of the transaction.
enum Tried {
    In,
    Wrong { left: i64 },
    Spent,
}

impl Identities {
    /// Sends a code to the phone; the one before is worth nothing from now on. It leaves by a job, after the answer.
    pub async fn send_code(&self, phone: &Phone, client: &Client, locale: Locale) -> Result<(), IdentityError> {
        let (phone, address, limits) = (phone.clone(), client.address, self.limits);
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    let keys = phone_keys_in(tx).await?;
                    let hash = phone.hash(&keys);
                    if limits {
                        throttle::count_in(tx, &keys, Bucket::CodesForPhone(&hash)).await?;
                        throttle::count_in(tx, &keys, Bucket::CodesFromAddress(address)).await?;
                    }
                    let id = Uuid::now_v7();
                    let expires_at = tx.now().plus_seconds(CODE_SECONDS);
                    store::insert_sign_in_code(tx, &hash, id, &phone, locale, expires_at).await?;
                    job::enqueue_in(tx, SEND, &id.to_string(), json!({})).await?;
                    Ok::<_, IdentityError>(())
                })
            })
            .await
    }

    /// Signs in by a code, which is spent by it, and answers a new session. What the guest of the old session has (carts,
    /// checkouts, orders, request keys) is the account's from now on, added to what it had; the old session is over. What cannot be a
    /// code is no try of one.
    pub async fn sign_in(&self, before: &Caller, phone: &Phone, typed: &str, client: &Client) -> Result<IssuedSession, IdentityError> {
        let Some(typed) = typed_code(typed) else {
            return Err(IdentityError::invalid("/code", "invalid_code", "The code has six digits."));
        };
        let issued = self.issue(SHOPPER_SECONDS);
        let session = NewSession {
            id: issued.session,
            seconds: SHOPPER_SECONDS,
            slides: true,
            device: client.device.clone(),
            may_set_password: false,
        };
        let (before, phone, address) = (before.clone(), phone.clone(), client.address);
        let (limits, codes) = (self.limits, self.keys.clone());
        let tried = self
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    let keys = phone_keys_in(tx).await?;
                    let hash = phone.hash(&keys);
                    if limits {
                        throttle::take_in(tx, &keys, Bucket::TriesFromAddress(address)).await?;
                    }
                    // Counted before it is looked at: guesses that come at once wait for each other here.
                    let Some((id, tries)) = store::try_sign_in_code(tx, &hash, TRIES).await? else { return Ok(Tried::Spent) };
                    if !is_right(&codes, id, &typed) {
                        return Ok(Tried::Wrong { left: TRIES - tries });
                    }
                    store::end_sign_in_code(tx, id).await?;
                    let user = account_in(tx, &hash, &phone).await?;
                    store::insert_session(tx, &session, Some(user)).await?;
                    leave_session_in(tx, &before, user).await?;
                    Ok::<_, IdentityError>(Tried::In)
                })
            })
            .await?;
        match tried {
            Tried::In => Ok(issued),
            Tried::Wrong { left } => Err(IdentityError::WrongSignInCode { left }),
            Tried::Spent => Err(IdentityError::CodeSpent),
        }
    }

    /// What sends the codes.
    pub fn code_sender(&self, sender: Sender) -> impl JobHandler + use<> {
        SendCode { identities: self.clone(), sender }
    }
}

/// The account of a phone, made where there is none.
pub async fn shopper_by_phone_in(tx: &mut Tx, phone: &Phone) -> Result<UserId, DbError> {
    let keys = phone_keys_in(tx).await?;
    account_in(tx, &phone.hash(&keys), phone).await
}

async fn account_in(tx: &mut Tx, hash: &str, phone: &Phone) -> Result<UserId, DbError> {
    if let Some(user) = store::account_of_phone(tx, hash).await?
        && store::hold_account_in(tx, user, None).await? == Some(true)
    {
        return Ok(user);
    }
    // There is none, or it was deleted since it was looked for, and the phone is nobody's again.
    let fresh = store::insert_account(tx, "").await?;
    store::insert_phone(tx, hash, fresh, phone.ending()).await
}

/// The session of before is over, and everything that a guest has by it is the account's.
pub(super) async fn leave_session_in(tx: &mut Tx, before: &Caller, user: UserId) -> Result<(), IdentityError> {
    let Some(old) = before.session() else { return Ok(()) };
    // First: whatever is being written for the guest is waited for and comes along, and nothing more is written from here on.
    store::end_session(tx, old).await?;
    if before.is_guest() {
        let (from, to) = (Owner::Session(old), Owner::User(user));
        ordering::adopt_in(tx, &from, &to).await.map_err(|error| IdentityError::Database(error.into_database()))?;
        idempotency::adopt_in(tx, &from.to_string(), &to.to_string()).await?;
    }
    Ok(())
}

/// What phones are hashed with. It is kept in the database and not in `ORDERLY_SECRET`: a secret that is replaced must
/// not lock everybody out of their accounts.
async fn phone_keys_in(tx: &mut Tx) -> Result<Keys, DbError> {
    let fresh = Secret::random().map_err(|error| DbError::Unavailable(error.to_string()))?.expose().to_owned();
    let kept = store::keep_secret(tx, "phones", fresh).await?;
    Keys::new(&[Secret::new(kept)]).ok_or_else(|| DbError::Defect("no secret was kept".to_owned()))
}

/// Sends a code, until it is too old to be of use.
struct SendCode {
    identities: Identities,
    sender: Sender,
}

impl SendCode {
    fn message(&self, id: Uuid, to: String, locale: Locale) -> Message {
        let code = code(&self.identities.keys, id);
        let minutes = CODE_SECONDS / 60;
        let text = match locale {
            Locale::En => format!("Your Orderly code is {code}. It is good for {minutes} minutes. Never tell it to anybody."),
            Locale::ZhCn => format!("您的 Orderly 验证码是 {code}，{minutes} 分钟内有效。请勿告诉任何人。"),
        };
        Message { to, text, code }
    }
}

#[async_trait]
impl JobHandler for SendCode {
    fn kind(&self) -> &'static str {
        SEND
    }

    async fn run(&self, job: &Job) -> JobOutcome {
        let Ok(id) = job.key.parse::<Uuid>() else { return JobOutcome::Dead("its key is no id".to_owned()) };
        let now = self.identities.db.clock().now();
        match store::to_be_sent(&mut self.identities.db.reader(), id, now).await {
            // Replaced by a newer one, used or too old: nobody waits for it.
            Ok(None) => JobOutcome::Done(Value::Null),
            Ok(Some((number, locale))) => match self.sender.send(&self.message(id, number, locale)).await {
                Ok(()) => JobOutcome::Done(Value::Null),
                Err(error) => JobOutcome::retry(error),
            },
            Err(error) => JobOutcome::retry(error),
        }
    }

    async fn done_in(&self, tx: &mut Tx, job: &Job, _output: Value) -> Result<(), HandlerError> {
        Ok(store::forget_number(tx, &job.key).await?)
    }

    async fn dead_in(&self, tx: &mut Tx, job: &Job, _error: &str) -> Result<(), HandlerError> {
        Ok(store::forget_number(tx, &job.key).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_six_digits_and_survive_a_new_secret() {
        let (old, new) = (Secret::new("old"), Secret::new("new"));
        let before = Keys::new(std::slice::from_ref(&old)).unwrap();
        let during = Keys::new(&[new.clone(), old]).unwrap();
        let after = Keys::new(&[new]).unwrap();
        for n in 0..50 {
            let id = Uuid::from_u128(n);
            let code = code(&before, id);
            assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
            assert!(is_right(&before, id, &code) && is_right(&during, id, &code));
            assert!(!is_right(&before, id, "") && !is_right(&before, id, &code[1..]) && !is_right(&before, Uuid::from_u128(n + 99), &code));
            assert!(!is_right(&after, id, &code), "{code}");
        }
        assert_eq!(digits([0; 32]), "000000");
    }

    #[test]
    fn a_code_is_read_in_the_digits_of_any_keyboard() {
        for typed in [
            "012345",
            " 012 345\n",
            "012-345",
            "0 1 2 3 4 5",
            "\u{200e}012\u{2011}345\u{200b}",
            "０１２３４５",
            "０１２　３４５",
            "٠١٢٣٤٥",
            "۰۱۲۳۴۵",
            "०१२३४५",
        ] {
            assert_eq!(typed_code(typed).as_deref(), Some("012345"), "{typed:?}");
        }
        for bad in ["", "12345", "0123456", "01234x", "......", "①②③④⑤⑥", "12345\u{2070}", "one two", &"1".repeat(1000)] {
            assert_eq!(typed_code(bad), None, "{bad:?}");
        }
    }
}
