//! Names without their capitals, of any script and from any keyboard, and on both databases alike.

use domain::view::Role;

use super::{GOOD, by_code, from, harbor, manager};
use crate::cafe::Cafe;
use crate::support::on_both_databases;
use backend::args;
use backend::db::Sql as _;
use backend::refused::Refused as _;

on_both_databases! {
    async fn a_name_is_one_name_in_whatever_capitals(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;
        for (name, otherwise) in [("Ärger", "ärger"), ("łucja", "ŁUCJA"), ("Élodie", "éLODIE")] {
            let added = identities.add_member(&mo, harbor(), name.to_owned(), Role::Barista).await.unwrap();
            let taken = identities.add_member(&mo, harbor(), otherwise.to_owned(), Role::Barista).await.unwrap_err();
            assert_eq!((taken.status(), taken.faults().remove(0).code.as_str()), (422, "name_taken"), "{otherwise}");
            let caller = by_code(&cafe, added.code.expose()).await;
            identities.set_password(&caller, None, GOOD.to_owned()).await.unwrap();
            let signed_in = cafe.by_password(otherwise, GOOD, &from(1)).await.unwrap();
            assert_eq!(signed_in.user(), Some(added.person.id), "{otherwise}");
        }
    }

    /// Some keyboards send an `é` and others an `e` and an accent.
    async fn a_name_is_one_name_from_whatever_keyboard(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;
        let (one, other) = ("Élodie", "E\u{301}lodie");
        let (added, code) = identities.staff_add(harbor(), other.to_owned(), Role::Barista).await.unwrap();
        assert_eq!(added.name, one);
        let caller = by_code(&cafe, code.expose()).await;
        identities.set_password(&caller, None, GOOD.to_owned()).await.unwrap();
        for typed in [one, other] {
            assert_eq!(cafe.by_password(typed, GOOD, &from(1)).await.unwrap().user(), Some(added.id), "{typed:?}");
            let taken = identities.add_member(&mo, harbor(), typed.to_owned(), Role::Barista).await.unwrap_err();
            assert_eq!((taken.status(), taken.faults().remove(0).code.as_str()), (422, "name_taken"), "{typed:?}");
            let (same, _) = identities.staff_add(harbor(), typed.to_owned(), Role::Barista).await.unwrap();
            assert_eq!(same.id, added.id, "{typed:?}");
        }
    }

    /// Such a name may have been kept before each letter had one spelling.
    async fn a_name_that_was_kept_as_it_was_typed_is_the_same_name(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (added, _) = identities.staff_add(harbor(), "Jos\u{e9}".to_owned(), Role::Barista).await.unwrap();
        let kept = "update staff set name = $1 where name = $2";
        let changed = shop.db.transaction(move |tx| Box::pin(async move { tx.execute(kept, args!["Jose\u{301}", "Jos\u{e9}"]).await })).await;
        assert_eq!(changed, Ok(1));
        let (same, _) = identities.staff_add(harbor(), "Jos\u{e9}".to_owned(), Role::Warehouse).await.unwrap();
        assert_eq!(same.id, added.id);
    }
}
