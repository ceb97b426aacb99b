//! What a guest brings along: carts, checkouts, orders and keys.

use backend::db::Sql as _;
use backend::idempotency::{Answer, Outcome};
use backend::identity::Caller;
use backend::ordering::OrderingError;

use super::{Shop, ada, phone};
use crate::cafe::{EN, croissant, flat_white, line, settle};
use crate::support::on_both_databases;

on_both_databases! {
    async fn checkouts_orders_and_keys_of_a_guest_come_along(shop) {
        let shop = Shop::open(&shop).await;
        let (user, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let (guest, guest_cookie) = shop.backend().identities.new_guest();
        let order = shop.cafe.order(&guest, "tok_ok").await;
        assert_eq!(shop.keyed(&guest, "guest's").await, Outcome::Fresh(Answer { status: 201, body: "guest's".to_owned() }));
        // Both have a live checkout at the same store.
        let (free, _) = shop.cafe.stock("harbor", "butter-croissant").await;
        let old = shop.cafe.begin(&user, "harbor", &[croissant(3)]).await.unwrap();
        let new = shop.cafe.begin(&guest, "harbor", &[croissant(4)]).await.unwrap();
        let places = shop.cafe.active("harbor").await;

        let (signed_in, _) = shop.sign_in(&guest, &ada()).await;
        assert_eq!(signed_in.user(), user.user());
        // The guest's checkout lives on and is theirs, the older one is gone with its hold and its place.
        let mut sql = shop.backend().db.reader();
        let checkouts = &shop.backend().checkouts;
        assert!(checkouts.get(&mut sql, &signed_in, new.id, EN).await.is_ok());
        assert!(checkouts.get(&mut sql, &signed_in, old.id, EN).await.is_err());
        assert!(checkouts.get(&mut sql, &guest, new.id, EN).await.is_err());
        assert_eq!(shop.cafe.stock("harbor", "butter-croissant").await, (free - 4, 4));
        assert_eq!(shop.cafe.active("harbor").await, places - 1);
        // So did the order and the key.
        assert_eq!(shop.backend().orders.owner_of(&mut sql, order).await.unwrap().unwrap().0, user.owner().unwrap());
        assert_eq!(shop.keyed(&signed_in, "another").await, Outcome::Replayed(Answer { status: 201, body: "guest's".to_owned() }));
        assert_eq!(shop.who(&guest_cookie).await, Caller::Nobody, "the guest's session is over");
        shop.cafe.place(&signed_in, &new, "tok_ok").await.unwrap();
    }

    async fn carts_add_up_and_never_lose_a_line(shop) {
        let shop = Shop::open(&shop).await;
        let (user, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let (guest, _) = shop.backend().identities.new_guest();
        let (mine, theirs) = (user.owner().unwrap(), guest.owner().unwrap());
        for (owner, store, line) in [
            (mine, "harbor", flat_white(60)), (mine, "harbor", croissant(2)),
            (theirs, "harbor", flat_white(50)), (theirs, "harbor", line("flat-white-regular", 1, &["whole"])),
            (theirs, "unicorn", line("unicorn-plush", 1, &[])),
        ] {
            shop.add(owner, store, line).await;
        }
        shop.sign_in(&guest, &ada()).await;
        let cart: Vec<_> = shop.cart(&user, "harbor").await;
        assert_eq!(cart.len(), 3, "{cart:?}");
        for expected in [("butter-croissant", 2), ("flat-white-regular", 1), ("flat-white-regular", 99)] {
            assert!(cart.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} in {cart:?}");
        }
        assert_eq!(shop.cart(&user, "unicorn").await, [("unicorn-plush".to_owned(), 1)]);
        // Signing in again, with nothing to bring, empties nothing.
        let (empty, _) = shop.backend().identities.new_guest();
        shop.sign_in(&empty, &ada()).await;
        assert_eq!(shop.cart(&user, "harbor").await.len(), 3);
    }

    async fn whoever_has_signed_in_meanwhile_is_not_told_that_their_checkout_is_over(shop) {
        let shop = Shop::open(&shop).await;
        let (guest, _) = shop.backend().identities.new_guest();
        let checkout = shop.cafe.begin(&guest, "harbor", &[croissant(1)]).await.unwrap();
        let (user, _) = shop.sign_in(&guest, &ada()).await;
        // The request of before comes now. It says what no key keeps: who asks again is somebody else.
        let late = shop.cafe.place(&guest, &checkout, "tok_ok").await;
        assert!(matches!(late, Err(OrderingError::SessionRequired)), "{late:?}");
        shop.cafe.place(&user, &checkout, "tok_ok").await.unwrap();
        // Whoever is a guest still is told of others' as ever.
        let (other, _) = shop.backend().identities.new_guest();
        let others = shop.cafe.place(&other, &checkout, "tok_ok").await;
        assert!(matches!(others, Err(OrderingError::NotFound)), "{others:?}");
    }

    async fn an_order_that_is_placed_while_signing_in_is_nobody_elses(shop) {
        let shop = Shop::open(&shop).await;
        for round in 0..10 {
            let phone = phone(&format!("+1555040{round:04}"));
            let code = shop.code(&phone).await;
            let (guest, _) = shop.backend().identities.new_guest();
            let checkout = shop.cafe.begin(&guest, "harbor", &[croissant(1)]).await.unwrap();
            let (placed, issued) = tokio::join!(shop.cafe.place(&guest, &checkout, "tok_ok"), shop.try_code(&guest, &phone, &code));
            let user = shop.who(&issued.unwrap()).await;
            // Either it was an order before, and came along, or it is still a checkout, and came along.
            match placed {
                Ok(order) => {
                    let (owner, _) = shop.backend().orders.owner_of(&mut shop.backend().db.reader(), order).await.unwrap().unwrap();
                    assert_eq!(Some(owner), user.owner());
                }
                Err(error) => {
                    assert!(matches!(error, OrderingError::SessionRequired), "{error}");
                    shop.cafe.place(&user, &checkout, "tok_ok").await.unwrap();
                }
            }
            let left = format!("session:{}", guest.session().unwrap());
            let row = shop.backend().db.reader().fetch_one(
                "select (select count(*) from sales_order where owner = $1) + (select count(*) from checkout where owner = $1) as n",
                backend::args![left]).await.unwrap();
            assert_eq!(row.get::<i64>("n").unwrap(), 0);
        }
        let running = shop.cafe.run();
        settle(&running).await;
    }
}
