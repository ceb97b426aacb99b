//! Sessions, tokens and staff.

use std::time::Duration;

use backend::identity::{Caller, Client, Identities, IdentityError, NewToken, Right, Secret, SessionError, ensure_session_in};
use domain::StoreId;
use domain::name::InvalidName;
use domain::view::Role;

use crate::support::{TestDb, on_both_databases};

const HOUR: Duration = Duration::from_hours(1);

async fn identities(shop: &TestDb) -> Identities {
    Identities::open(shop.db.clone(), &[], false, true).await.unwrap()
}

fn client() -> Client {
    Client { address: [192, 0, 2, 1].into(), device: None, browser: None }
}

fn harbor() -> StoreId {
    "harbor".parse().unwrap()
}

fn barista(name: &str) -> NewToken {
    NewToken { role: Role::Barista, store: Some(harbor()), merchant: None, kiosk: None, name: name.to_owned() }
}

async fn written(shop: &TestDb, caller: &Caller) -> Result<(), SessionError> {
    let caller = caller.clone();
    shop.db.transaction(move |tx| Box::pin(async move { ensure_session_in(tx, &caller).await })).await
}

on_both_databases! {
    async fn a_guest_has_no_row_until_the_first_mutation(shop) {
        let identities = identities(&shop).await;
        let (guest, issued) = identities.new_guest();
        let session = issued.session;
        assert_eq!(guest, Caller::Guest { session, fresh: true });
        assert_eq!(identities.caller_by_cookie(issued.cookie.expose()).await, Ok(guest.clone()));
        written(&shop, &guest).await.unwrap();
        written(&shop, &guest).await.unwrap();
        let known = identities.caller_by_cookie(issued.cookie.expose()).await.unwrap();
        assert_eq!(known, Caller::Guest { session, fresh: false });
        assert_eq!(known.owner(), guest.owner());

        // The id was made by the machine's clock, the test's stands elsewhere: far enough, both are over.
        shop.hands.advance(HOUR * 24 * 36_500);
        assert_eq!(identities.caller_by_cookie(issued.cookie.expose()).await, Ok(Caller::Nobody));
        let (_, unwritten) = identities.new_guest();
        assert_eq!(identities.caller_by_cookie(unwritten.cookie.expose()).await, Ok(Caller::Nobody));
    }

    async fn a_session_that_has_ended_stays_ended(shop) {
        let identities = identities(&shop).await;
        for write_first in [false, true] {
            let (guest, issued) = identities.new_guest();
            if write_first {
                written(&shop, &guest).await.unwrap();
            }
            let seen = identities.caller_by_cookie(issued.cookie.expose()).await.unwrap();
            identities.sign_out(&guest).await.unwrap();
            for late in [&guest, &seen] {
                assert!(matches!(written(&shop, late).await, Err(SessionError::Over)), "{late:?}");
            }
            assert_eq!(identities.caller_by_cookie(issued.cookie.expose()).await, Ok(Caller::Nobody));
        }
    }

    async fn the_kept_secret_is_the_same_for_every_process_and_a_list_rotates(shop) {
        let (one, two) = tokio::join!(identities(&shop), identities(&shop));
        let (guest, issued) = one.new_guest();
        assert_eq!(two.caller_by_cookie(issued.cookie.expose()).await, Ok(guest.clone()));

        let with = async |secrets: &[&str]| {
            let secrets: Vec<_> = secrets.iter().copied().map(Secret::new).collect();
            Identities::open(shop.db.clone(), &secrets, false, true).await.unwrap()
        };
        let (_, old) = with(&["old"]).await.new_guest();
        assert_eq!(two.caller_by_cookie(old.cookie.expose()).await, Ok(Caller::Nobody));
        assert!(with(&["new", "old"]).await.caller_by_cookie(old.cookie.expose()).await.unwrap().is_guest());
        assert!(with(&["new"]).await.caller_by_cookie(old.cookie.expose()).await.unwrap().is_nobody());
    }

    async fn a_code_signs_in_once_for_one_shift(shop) {
        let identities = identities(&shop).await;
        let (kim, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let (guest, _) = identities.new_guest();
        let typed = code.expose().to_lowercase();
        let issued = identities.staff_sign_in(&guest, &typed, &client()).await.unwrap();
        assert_ne!(Some(issued.session), guest.session(), "a session from before is not made stronger");
        let caller = identities.caller_by_cookie(issued.cookie.expose()).await.unwrap();
        assert_eq!(caller.person(), Some(kim.clone()));
        assert!(caller.may(Right::Queue, &harbor()) && !caller.may(Right::Store, &harbor()));
        for wrong in [typed.as_str(), "AAAAAAAA", ""] {
            assert_eq!(identities.staff_sign_in(&guest, wrong, &client()).await.map(drop), Err(IdentityError::WrongCode), "{wrong}");
        }
        assert_eq!(identities.person(kim.id).await.unwrap(), Some(kim));

        shop.hands.advance(HOUR * 12);
        assert_eq!(identities.caller_by_cookie(issued.cookie.expose()).await, Ok(Caller::Nobody));
    }

    async fn a_code_is_good_for_a_day(shop) {
        let identities = identities(&shop).await;
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        shop.hands.advance(HOUR * 24);
        let late = identities.staff_sign_in(&Caller::Nobody, code.expose(), &client()).await;
        assert_eq!(late.map(drop), Err(IdentityError::WrongCode));
    }

    async fn one_of_two_who_use_a_code_at_once_gets_in(shop) {
        let identities = identities(&shop).await;
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let here = client();
        let sign_in = || identities.staff_sign_in(&Caller::Nobody, code.expose(), &here);
        let (one, two) = tokio::join!(sign_in(), sign_in());
        assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
    }

    async fn staff_are_one_person_by_name_with_all_their_roles(shop) {
        let identities = identities(&shop).await;
        let add = |name: &str, role| identities.staff_add(harbor(), name.to_owned(), role);
        let (first, _) = add("Kim", Role::Barista).await.unwrap();
        let (again, code) = add(" Kim ", Role::Manager).await.unwrap();
        assert_eq!(first, again);
        let issued = identities.staff_sign_in(&Caller::Nobody, code.expose(), &client()).await.unwrap();
        let caller = identities.caller_by_cookie(issued.cookie.expose()).await.unwrap();
        assert_eq!(caller.roles().len(), 2);
        assert!(caller.may(Right::Store, &harbor()) && !caller.may(Right::Store, &"pier".parse().unwrap()));
        assert_eq!(add("", Role::Barista).await.map(drop), Err(IdentityError::Name(InvalidName::Empty)));
        assert_eq!(add("Kim", Role::Operator).await.map(drop), Err(IdentityError::NotStaff));
    }

    async fn a_token_is_its_role_until_it_is_revoked(shop) {
        let identities = identities(&shop).await;
        let (id, token) = identities.issue_token(barista("Kim")).await.unwrap();
        let (_, other) = identities.issue_token(barista("Kim")).await.unwrap();
        let caller = identities.caller_by_token(token.expose()).await.unwrap();
        let second = identities.caller_by_token(other.expose()).await.unwrap();
        assert!(caller.may(Right::Queue, &harbor()) && caller.session().is_none());
        assert_ne!(caller.person().unwrap().id, second.person().unwrap().id, "each holds claims of its own");
        assert!(identities.caller_by_token(&token.expose().to_uppercase()).await.unwrap().is_nobody());
        let rows = identities.tokens().await.unwrap();
        assert_eq!((rows.len(), rows[0].id, rows[0].revoked_at), (2, id, None));

        assert!(identities.revoke_token(id).await.unwrap());
        assert!(!identities.revoke_token(id).await.unwrap());
        assert!(identities.caller_by_token(token.expose()).await.unwrap().is_nobody());
        assert!(!identities.caller_by_token(other.expose()).await.unwrap().is_nobody());
    }

    async fn a_recheck_sees_who_has_gone_and_who_has_changed(shop) {
        let identities = identities(&shop).await;
        let (fresh, _) = identities.new_guest();
        let (gone, _) = identities.new_guest();
        let (token_id, token) = identities.issue_token(barista("Lee")).await.unwrap();
        let device = identities.caller_by_token(token.expose()).await.unwrap();
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let issued = identities.staff_sign_in(&Caller::Nobody, code.expose(), &client()).await.unwrap();
        let kim = identities.caller_by_cookie(issued.cookie.expose()).await.unwrap();
        let all = [fresh.clone(), gone.clone(), device.clone(), kim.clone(), Caller::Nobody];
        let same = identities.recheck(&all).await.unwrap();
        assert_eq!(same, all.iter().cloned().map(Some).collect::<Vec<_>>());

        identities.sign_out(&gone).await.unwrap();
        identities.revoke_token(token_id).await.unwrap();
        identities.staff_add(harbor(), "Kim".to_owned(), Role::Manager).await.unwrap();
        let now = identities.recheck(&all).await.unwrap();
        assert_eq!((&now[0], &now[1], &now[2], &now[4]), (&Some(fresh), &None, &None, &Some(Caller::Nobody)));
        let kim_now = now[3].clone().unwrap();
        assert!(kim_now.may(Right::Store, &harbor()) && !kim.may(Right::Store, &harbor()));
        assert_eq!(identities.recheck(&[]).await, Ok(Vec::new()));
    }
}
