//! What somebody ordered before their shift began is theirs in it.

use backend::identity::Caller;
use domain::view::Role;

use super::{GOOD, by_code, from, harbor};
use crate::cafe::{Cafe, flat_white};
use crate::support::on_both_databases;

on_both_databases! {
    async fn what_a_guest_has_ordered_comes_along_behind_the_bar(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let first = by_code(&cafe, code.expose()).await;
        identities.set_password(&first, None, GOOD.to_owned()).await.unwrap();
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        for by_password in [true, false] {
            let (guest, cookie) = identities.new_guest();
            let order = cafe.order(&guest, "tok_ok").await;
            cafe.begin(&guest, "harbor", &[flat_white(1)]).await.unwrap();
            let signed_in = if by_password {
                identities.staff_sign_in_by_password(&guest, &harbor(), "Kim", GOOD, &from(1)).await
            } else {
                identities.staff_sign_in(&guest, code.expose(), &from(1)).await
            };
            let kim = identities.caller_by_cookie(signed_in.unwrap().cookie.expose()).await.unwrap();
            assert_eq!(kim.user(), first.user());
            let mut sql = cafe.backend.db.reader();
            let (owner, _) = cafe.backend.orders.owner_of(&mut sql, order).await.unwrap().unwrap();
            assert_eq!(Some(owner), kim.owner(), "by password: {by_password}");
            assert_eq!(identities.caller_by_cookie(cookie.cookie.expose()).await.unwrap(), Caller::Nobody, "the guest's session is over");
        }
    }
}
