//! What ends with a right: the tokens and the unused codes that were made by it, however far down.

use backend::identity::{Caller, NewToken};
use domain::TokenId;
use domain::view::{KioskView, Role};

use super::{by_code, from, harbor, manager, refused, sequenced};
use crate::cafe::Cafe;
use crate::support::on_both_databases;

/// Lets somebody make a token of harbor: its id, and who works by it.
async fn made_by(cafe: &Cafe, caller: &Caller, role: Role, name: &str) -> (TokenId, Caller) {
    let new = NewToken { role, store: Some(harbor()), merchant: None, kiosk: None, name: name.to_owned() };
    let (id, secret) = cafe.backend.identities.issue_store_token(caller, new).await.unwrap();
    (id, cafe.backend.identities.caller_by_token(secret.expose()).await.unwrap())
}

/// How a right is lost.
#[derive(Debug, Clone, Copy)]
enum Lost {
    /// Another manager revokes the token.
    Revoked,
    /// The command line does.
    ByCommand,
    /// Whoever made it is no manager any more.
    Demoted,
}

on_both_databases! {
    async fn whatever_was_made_by_a_lost_right_ends_with_it(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;
        let mia = identities.add_member(&mo, harbor(), "Mia".to_owned(), Role::Manager).await.unwrap();
        let (mia, user) = (by_code(&cafe, mia.code.expose()).await, mia.person.id);
        for (n, lost) in [(1, Lost::Revoked), (2, Lost::ByCommand), (3, Lost::Demoted)] {
            let (id, first) = made_by(&cafe, &mia, Role::Manager, "First").await;
            let (_, second) = made_by(&cafe, &first, Role::Manager, "Second").await;
            let (_, third) = made_by(&cafe, &second, Role::Barista, "Third").await;
            let (_, other) = made_by(&cafe, &mo, Role::Manager, "Other").await;
            let code = identities.add_member(&second, harbor(), format!("Ned {n}"), Role::Manager).await.unwrap().code;
            let pairing = identities.add_kiosk(&second, &harbor(), &format!("window-{n}")).await.unwrap().code;
            match lost {
                Lost::Revoked => identities.revoke_store_token(&mo, &harbor(), id).await.unwrap(),
                Lost::ByCommand => assert!(identities.revoke_token(id).await.unwrap()),
                Lost::Demoted => identities.set_roles(&mo, &harbor(), user, vec![Role::Barista]).await.unwrap(),
            }
            let left = identities.recheck(&[first, second, third, other.clone()]).await.unwrap();
            assert_eq!(left, [None, None, None, Some(other)], "{lost:?}");
            assert!(!identities.revoke_token(id).await.unwrap(), "it is over, {lost:?}");
            let signed_in = identities.staff_sign_in(&Caller::Nobody, code.expose(), &from(10 + n)).await;
            assert_eq!(refused(signed_in), (401, "wrong_code"), "{lost:?}");
            assert_eq!(refused(identities.pair(pairing.expose(), &from(20 + n)).await), (401, "wrong_code"), "{lost:?}");
        }
        sequenced(&cafe).await;
        let entries = cafe.audit(&mo, "harbor").await;
        let told = entries.iter().filter(|entry| entry.type_name == "token.revoked.v1").count();
        assert_eq!(told, 9, "each is told to managers, whoever ended it");
    }

    async fn codes_that_a_manager_made_end_with_her_being_one(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;
        let mia = identities.add_member(&mo, harbor(), "Mia".to_owned(), Role::Manager).await.unwrap();
        let (mia, user) = (by_code(&cafe, mia.code.expose()).await, mia.person.id);
        let add = async |caller: &Caller, name: &str| identities.add_member(caller, harbor(), name.to_owned(), Role::Barista).await.unwrap();
        let (ada, bo, cy) = (add(&mia, "Ada").await, add(&mia, "Bo").await, add(&mo, "Cy").await);
        let ada = by_code(&cafe, ada.code.expose()).await;
        let again = identities.invite_again(&mia, &harbor(), ada.user().unwrap()).await.unwrap();
        let hers = identities.add_kiosk(&mia, &harbor(), "window-1").await.unwrap();
        let his = identities.add_kiosk(&mo, &harbor(), "window-2").await.unwrap();
        // One that somebody else makes anew is that one's.
        identities.add_kiosk(&mia, &harbor(), "window-3").await.unwrap();
        let anew = identities.pairing_code(&mo, &harbor(), "window-3".parse().unwrap()).await.unwrap();

        // As long as she is a manager among other things, all is as it was.
        identities.set_roles(&mo, &harbor(), user, vec![Role::Manager, Role::Barista]).await.unwrap();
        let until = |kiosks: Vec<KioskView>| {
            kiosks.into_iter().filter(|kiosk| kiosk.pairing_until.is_some()).map(|kiosk| kiosk.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(until(identities.kiosks(&mo, &harbor()).await.unwrap()), ["window-1", "window-2", "window-3"]);

        identities.set_roles(&mo, &harbor(), user, Vec::new()).await.unwrap();
        assert_eq!(until(identities.kiosks(&mo, &harbor()).await.unwrap()), ["window-2", "window-3"]);
        for (n, code) in [(1, &bo.code), (2, &again.code)] {
            let signed_in = identities.staff_sign_in(&Caller::Nobody, code.expose(), &from(10 + n)).await;
            assert_eq!(refused(signed_in), (401, "wrong_code"), "{n}");
        }
        assert_eq!(refused(identities.pair(hers.code.expose(), &from(20)).await), (401, "wrong_code"));
        // What others made is good, and whoever came in by one of hers works here.
        by_code(&cafe, cy.code.expose()).await;
        for (n, code) in [(1, &his.code), (2, &anew.code)] {
            identities.pair(code.expose(), &from(20 + n)).await.unwrap();
        }
        let still = identities.recheck(std::slice::from_ref(&ada)).await.unwrap();
        assert_eq!(still, [Some(ada)]);
        assert!(by_code(&cafe, identities.invite_again(&mo, &harbor(), bo.person.id).await.unwrap().code.expose()).await.user().is_some());
    }

    async fn whoever_was_looked_at_before_they_lost_a_right_does_nothing_by_it(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;
        let kim = identities.add_member(&mo, harbor(), "Kim".to_owned(), Role::Barista).await.unwrap().person.id;
        let (spare, _) = made_by(&cafe, &mo, Role::Barista, "Spare").await;
        let kiosk = identities.add_kiosk(&mo, &harbor(), "window-1").await.unwrap().kiosk;
        let mia = identities.add_member(&mo, harbor(), "Mia".to_owned(), Role::Manager).await.unwrap();
        let (mia, user) = (by_code(&cafe, mia.code.expose()).await, mia.person.id);
        let (_, token) = made_by(&cafe, &mia, Role::Manager, "Mia's").await;
        // First she is no manager any more, then nobody at all.
        for (roles, of_hers) in [(vec![Role::Barista], (403, "forbidden")), (vec![], (401, "session_required"))] {
            identities.set_roles(&mo, &harbor(), user, roles).await.unwrap();
            for (caller, expected) in [(&mia, of_hers), (&token, (401, "session_required"))] {
                assert_eq!(refused(identities.add_member(caller, harbor(), "Eve".to_owned(), Role::Manager).await), expected);
                assert_eq!(refused(identities.invite_again(caller, &harbor(), kim).await), expected);
                assert_eq!(refused(identities.set_roles(caller, &harbor(), kim, vec![Role::Manager]).await), expected);
                assert_eq!(refused(identities.add_kiosk(caller, &harbor(), "window-2").await), expected);
                assert_eq!(refused(identities.pairing_code(caller, &harbor(), kiosk.clone()).await), expected);
                assert_eq!(refused(identities.revoke_kiosk(caller, &harbor(), kiosk.clone()).await), expected);
                let new = NewToken { role: Role::Manager, store: Some(harbor()), merchant: None, kiosk: None, name: "Eve".to_owned() };
                assert_eq!(refused(identities.issue_store_token(caller, new).await), expected);
                assert_eq!(refused(identities.revoke_store_token(caller, &harbor(), spare).await), expected);
            }
        }
        assert_eq!(refused(identities.set_password(&mia, None, "over the counter".to_owned()).await), (401, "session_required"));
        let members = identities.members(&mo, &harbor()).await.unwrap();
        let names: Vec<_> = members.iter().map(|member| (member.name.as_str(), member.roles.as_slice())).collect();
        assert_eq!(names, [("Kim", [Role::Barista].as_slice()), ("Mo", [Role::Manager].as_slice())]);
    }
}
