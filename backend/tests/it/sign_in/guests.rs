//! What a guest brings along: carts, checkouts, orders and keys.

use std::time::Duration;

use backend::db::Sql as _;
use backend::idempotency::{Answer, Outcome};
use backend::identity::session::LEFT_SECONDS;
use backend::identity::{Caller, ensure_session_in};
use backend::ordering::OrderingError;
use domain::view::{CheckoutView, PaymentRequest, PlaceRequest};
use domain::{LineId, OrderId};
use futures::future::join_all;

use super::{Shop, ada, phone};
use crate::cafe::{EN, croissant, flat_white, line, request, settle};
use crate::support::on_both_databases;

/// Adds a flat white, as a form does: for whoever still is who they were.
pub(super) async fn add(shop: &Shop, caller: &Caller) -> Result<LineId, OrderingError> {
    let (owner, caller) = (caller.owner().unwrap(), caller.clone());
    let adding = shop.cafe.tx(move |tx, cafe| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            cafe.backend.carts.add_in(tx, &owner, &"harbor".parse().unwrap(), flat_white(1)).await
        })
    });
    adding.await
}

async fn add_four(shop: &Shop, caller: &Caller) -> Vec<Result<LineId, OrderingError>> {
    join_all((0..4).map(|_| add(shop, caller))).await
}

/// Begins a checkout of a croissant, as the API does.
pub(super) async fn begin(shop: &Shop, caller: &Caller) -> Result<CheckoutView, OrderingError> {
    let caller = caller.clone();
    let beginning = shop.cafe.tx(move |tx, cafe| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            cafe.backend.checkouts.begin_in(tx, &caller, None, &request("harbor", &[croissant(1)]), EN).await
        })
    });
    beginning.await
}

/// Places a checkout, as the API does.
async fn place(shop: &Shop, caller: &Caller, checkout: &CheckoutView) -> Result<OrderId, OrderingError> {
    let (caller, id) = (caller.clone(), checkout.id);
    let payment = PaymentRequest::Card { token: "tok_ok".to_owned() };
    let request = PlaceRequest { payment, expected_total: checkout.quote.total };
    let placing = shop.cafe.tx(move |tx, cafe| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            cafe.backend.orders.place_in(tx, &caller, id, &request, EN).await
        })
    });
    placing.await
}

/// How much is theirs who have signed in since, and cannot be reached any more.
async fn left(shop: &Shop, guest: &Caller) -> i64 {
    let text = "select (select count(*) from sales_order where owner = $1) + (select count(*) from checkout where owner = $1) \
                + (select count(*) from cart_line where owner = $1) as n";
    let owner = guest.owner().unwrap().to_string();
    let row = shop.backend().db.reader().fetch_one(text, backend::args![owner]).await.unwrap();
    row.get("n").unwrap()
}

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

    async fn whose_cookie_was_left_is_known_for_a_while(shop) {
        let hands = &shop.hands;
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        let shown = async |cookie: &str| {
            let seen = identities.seen(cookie).await.unwrap();
            assert!(seen.renewed.is_none());
            (seen.caller, seen.just_left)
        };
        let (mut issued, mut cookies) = (None, Vec::new());
        // Of one the row is there already, the other has none until now.
        for written in [true, false] {
            let (guest, cookie) = identities.new_guest();
            if written {
                add(&shop, &guest).await.unwrap();
            }
            assert_eq!(shown(cookie.cookie.expose()).await, (Caller::Guest { session: cookie.session, fresh: !written }, false));
            issued = Some(shop.sign_in(&guest, &ada()).await.1);
            assert_eq!(shown(cookie.cookie.expose()).await, (Caller::Nobody, true), "written: {written}");
            cookies.push(cookie);
        }
        hands.advance(Duration::from_secs(LEFT_SECONDS.unsigned_abs()));
        for cookie in cookies {
            assert_eq!(shown(cookie.cookie.expose()).await, (Caller::Nobody, false), "it is as good as none");
        }
        // Of an account's, nothing was told to the browser that had it.
        let issued = issued.unwrap();
        identities.sign_out_everywhere(&shop.who(&issued).await).await.unwrap();
        assert_eq!(shown(issued.cookie.expose()).await, (Caller::Nobody, false));
        assert_eq!(shown("x").await, (Caller::Nobody, false));
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
        let late = place(&shop, &guest, &checkout).await;
        assert!(matches!(late, Err(OrderingError::SessionRequired)), "{late:?}");
        shop.cafe.place(&user, &checkout, "tok_ok").await.unwrap();
        // Whoever is a guest still is told of others' as ever.
        let (other, _) = shop.backend().identities.new_guest();
        let others = place(&shop, &other, &checkout).await;
        assert!(matches!(others, Err(OrderingError::NotFound)), "{others:?}");
    }

    async fn an_order_that_is_placed_while_signing_in_is_nobody_elses(shop) {
        let shop = Shop::open(&shop).await;
        for round in 0..10 {
            let phone = phone(&format!("+1555040{round:04}"));
            let code = shop.code(&phone).await;
            let (guest, _) = shop.backend().identities.new_guest();
            let checkout = shop.cafe.begin(&guest, "harbor", &[croissant(1)]).await.unwrap();
            let (placed, issued) = tokio::join!(place(&shop, &guest, &checkout), shop.try_code(&guest, &phone, &code));
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
            assert_eq!(left(&shop, &guest).await, 0);
        }
        let running = shop.cafe.run();
        settle(&running).await;
    }

    async fn what_is_added_while_signing_in_is_the_accounts_or_refused(shop) {
        let shop = Shop::open(&shop).await;
        for round in 0..10 {
            let phone = phone(&format!("+1555041{round:04}"));
            let code = shop.code(&phone).await;
            let (mut guest, cookie) = shop.backend().identities.new_guest();
            let mut expected = 0;
            // Of some the row is there already, others have none until now.
            if round % 2 == 0 {
                add(&shop, &guest).await.unwrap();
                guest = shop.who(&cookie).await;
                expected = 1;
            }
            let (before, issued, after) =
                tokio::join!(add_four(&shop, &guest), shop.try_code(&guest, &phone, &code), add_four(&shop, &guest));
            let user = shop.who(&issued.unwrap()).await;
            for added in before.into_iter().chain(after).chain([add(&shop, &guest).await]) {
                match added {
                    Ok(_) => expected += 1,
                    Err(error) => assert!(matches!(error, OrderingError::SessionRequired), "round {round}: {error}"),
                }
            }
            let cart = shop.cart(&user, "harbor").await;
            assert_eq!(cart.iter().map(|(_, quantity)| quantity).sum::<i64>(), expected, "round {round}: {cart:?}");
            assert_eq!(left(&shop, &guest).await, 0, "round {round}");
        }
    }

    async fn what_is_held_while_signing_in_is_the_accounts_or_refused(shop) {
        let shop = Shop::open(&shop).await;
        for round in 0..8 {
            let phone = phone(&format!("+1555042{round:04}"));
            let code = shop.code(&phone).await;
            let (mut guest, cookie) = shop.backend().identities.new_guest();
            if round % 2 == 0 {
                add(&shop, &guest).await.unwrap();
                guest = shop.who(&cookie).await;
            }
            let (one, issued, other) =
                tokio::join!(begin(&shop, &guest), shop.try_code(&guest, &phone, &code), begin(&shop, &guest));
            let user = shop.who(&issued.unwrap()).await;
            let (mut held, mut placed) = (0_u32, 0_u32);
            for begun in [one, other, begin(&shop, &guest).await] {
                let checkout = match begun {
                    Ok(checkout) => checkout,
                    Err(error) => {
                        assert!(matches!(error, OrderingError::SessionRequired), "round {round}: {error}");
                        continue;
                    }
                };
                held += 1;
                match place(&shop, &user, &checkout).await {
                    Ok(_) => placed += 1,
                    // The other one is in its place.
                    Err(error) => assert!(matches!(error, OrderingError::CheckoutExpired), "round {round}: {error}"),
                }
            }
            assert_eq!(placed, held.min(1), "round {round}: one of {held}");
            assert_eq!(left(&shop, &guest).await, 0, "round {round}");
        }
        let running = shop.cafe.run();
        settle(&running).await;
    }
}
