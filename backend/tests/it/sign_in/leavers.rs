//! Whoever deletes their account while something else of it is on its way.

use backend::check;
use backend::identity::{AccountEdit, Caller, IdentityError};
use backend::ordering::OrderingError;
use backend::payment::Forfeit;

use super::guests::{add, begin};
use super::{Shop, phone};
use crate::support::on_both_databases;

fn named() -> AccountEdit {
    AccountEdit { name: Some("Ada".to_owned()), language: None }
}

/// Nobody is left in an account that was deleted.
async fn assert_empty(shop: &Shop, round: usize) {
    let verdicts = check::run(&shop.backend().db).await.unwrap();
    let empty = verdicts.iter().find(|verdict| verdict.check == "accounts.empty").unwrap();
    assert!(empty.ok, "round {round}: {empty:?}");
}

on_both_databases! {
    async fn what_is_written_while_an_account_is_deleted_goes_with_it_or_is_refused(shop) {
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        for round in 0..8 {
            let (ada, _) = shop.sign_in(&Caller::Nobody, &phone(&format!("+1555043{round:04}"))).await;
            let (one, begun, deleted, added, two) = tokio::join!(
                identities.edit_account(&ada, named()),
                begin(&shop, &ada),
                identities.delete_account(&ada, Forfeit::Nothing),
                add(&shop, &ada),
                identities.edit_account(&ada, named())
            );
            deleted.unwrap();
            for edited in [one, two, identities.edit_account(&ada, named()).await] {
                assert!(matches!(edited, Ok(()) | Err(IdentityError::SessionRequired)), "round {round}: {edited:?}");
            }
            for refused in [begun.map(drop), added.map(drop)].into_iter().filter_map(Result::err) {
                assert!(matches!(refused, OrderingError::SessionRequired), "round {round}: {refused}");
            }
            // What comes after it is late for sure.
            assert_eq!(identities.edit_account(&ada, named()).await, Err(IdentityError::SessionRequired), "round {round}");
            assert!(matches!(begin(&shop, &ada).await, Err(OrderingError::SessionRequired)), "round {round}");
            assert!(matches!(add(&shop, &ada).await, Err(OrderingError::SessionRequired)), "round {round}");
            assert_empty(&shop, round).await;
        }
    }

    async fn whoever_signs_in_while_their_account_is_deleted_comes_into_no_account_that_is_gone(shop) {
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        for round in 0..5 {
            let phone = phone(&format!("+1555044{round:04}"));
            let (ada, _) = shop.sign_in(&Caller::Nobody, &phone).await;
            let code = shop.code(&phone).await;
            let (guest, _) = identities.new_guest();
            add(&shop, &guest).await.unwrap();
            let (deleted, signed_in) = tokio::join!(identities.delete_account(&ada, Forfeit::Nothing), shop.try_code(&guest, &phone, &code));
            deleted.unwrap();
            assert!(matches!(signed_in, Ok(_) | Err(IdentityError::CodeSpent)), "round {round}: {signed_in:?}");
            assert_empty(&shop, round).await;
        }
    }
}
