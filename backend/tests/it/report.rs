//! A store's day in figures, and the header of its board.

use std::time::Duration;

use backend::report::ReportError;
use domain::Locale;
use domain::ordering::{CancelledBy, OrderStatus};
use domain::pricing::LineRequest;
use domain::view::{Naming, QueueToday, QueueView, TodayView};

use crate::cafe::{Cafe, Work, barista, croissant, flat_white, guest, id, line, settle};
use crate::support::on_both_databases;

async fn report(cafe: &Cafe, store: &'static str, day: Option<&'static str>) -> Result<Option<TodayView>, ReportError> {
    let reports = cafe.backend.reports;
    cafe.backend.db.snapshot(move |tx| Box::pin(async move { reports.day(tx, &id(store), day, Naming::In(Locale::En)).await })).await
}

async fn today(cafe: &Cafe) -> TodayView {
    report(cafe, "harbor", None).await.unwrap().unwrap()
}

async fn queue(cafe: &Cafe) -> QueueView {
    cafe.backend.queue.view(&mut cafe.backend.db.reader(), &id("harbor"), Naming::All(Locale::ZhCn)).await.unwrap()
}

async fn order(cafe: &Cafe, lines: &[LineRequest], token: &str) -> domain::OrderId {
    let who = guest();
    let checkout = cafe.begin(&who, "harbor", lines).await.unwrap();
    cafe.place(&who, &checkout, token).await.unwrap()
}

on_both_databases! {
    /// The day begins at midnight in Los Angeles, which is when the test does.
    async fn a_day_tells_what_was_sold_made_and_lost(shop) {
        let cafe = Cafe::open(&shop).await;
        let nothing = today(&cafe).await;
        assert_eq!((nothing.day.as_str(), nothing.current, nothing.hours.len()), ("2026-11-22", true, 24));
        assert_eq!((nothing.begins_at, nothing.ends_at), (shop.clock.now(), shop.clock.now().plus_seconds(24 * 3600)));
        assert_eq!((nothing.totals.orders, nothing.totals.revenue.amount, nothing.totals.waiting_seconds), (0, 0, None));
        let running = cafe.run();
        let kim = barista("Kim");

        let first = order(&cafe, &[flat_white(2), croissant(1)], "tok_ok").await;
        settle(&running).await;
        shop.hands.advance(Duration::from_mins(1));
        cafe.work(&kim, first, Work::Claim).await.unwrap();
        shop.hands.advance(Duration::from_secs(90));
        cafe.work(&kim, first, Work::Ready).await.unwrap();
        // An hour later.
        shop.hands.advance(Duration::from_hours(1));
        let second = order(&cafe, &[flat_white(1)], "tok_ok").await;
        let declined = order(&cafe, &[flat_white(1)], "tok_declined").await;
        let called_off = order(&cafe, &[flat_white(1)], "tok_ok").await;
        let late = order(&cafe, &[flat_white(1)], "tok_ok").await;
        settle(&running).await;
        cafe.cancel(&kim, called_off).await.unwrap();
        cafe.work(&kim, second, Work::Claim).await.unwrap();
        shop.hands.advance(Duration::from_secs(30));
        cafe.work(&kim, second, Work::Ready).await.unwrap();
        shop.hands.advance(Duration::from_mins(15));
        settle(&running).await;
        assert_eq!((cafe.view(declined).await.status, cafe.view(late).await.status), (OrderStatus::Rejected, OrderStatus::Cancelled));

        let day = today(&cafe).await;
        let totals = &day.totals;
        assert_eq!((totals.orders, totals.paying, totals.cancelled, totals.timed_out, totals.rejected), (2, 0, 1, 1, 1));
        let revenue = cafe.view(first).await.quote.total.amount + 510;
        assert_eq!(totals.revenue.amount, revenue);
        assert_eq!((totals.made, totals.waiting_seconds, totals.making_seconds), (2, Some(90), Some(60)));
        let hour = |n: usize| (day.hours[n].orders, day.hours[n].made, day.hours[n].waiting_seconds, day.hours[n].making_seconds);
        assert_eq!((hour(0), hour(1)), ((1, 1, Some(150), Some(90)), (1, 1, Some(30), Some(30))));
        assert!(day.hours[2..].iter().all(|hour| hour.orders == 0 && hour.revenue.amount == 0));
        let sold: Vec<_> = day.products.iter().map(|sold| (sold.id.as_str(), sold.name.as_str(), sold.quantity)).collect();
        assert_eq!(sold, [("flat-white", "Flat white", 3), ("butter-croissant", "Butter croissant", 1)]);
        assert_eq!((day.options[0].id.as_str(), day.options[0].quantity, day.options[0].revenue.amount), ("oat", 3, 180));
        let lost: Vec<_> = day.ended.iter().map(|ended| (ended.status, ended.by, ended.reason.as_deref(), ended.orders)).collect();
        assert_eq!(lost, [
            (OrderStatus::Cancelled, Some(CancelledBy::Staff), None, 1),
            (OrderStatus::Cancelled, Some(CancelledBy::System), Some("barista_timeout"), 1),
            (OrderStatus::Rejected, None, Some("payment_declined"), 1),
        ]);
        assert!(day.version > nothing.version);

        // Another store, another day, no day and no store.
        assert_eq!(report(&cafe, "pier", None).await.unwrap().unwrap().totals.orders, 0);
        let before = report(&cafe, "harbor", Some("2026-11-21")).await.unwrap().unwrap();
        assert_eq!((before.totals.orders, before.totals.made, before.current), (0, 0, false));
        assert!(matches!(report(&cafe, "harbor", Some("2026-11-31")).await, Err(ReportError::InvalidDay)));
        assert!(report(&cafe, "nowhere", None).await.unwrap().is_none());
        shop.hands.advance(Duration::from_hours(24));
        assert_eq!(today(&cafe).await.totals.orders, 0, "a new day");
        let yesterday = report(&cafe, "harbor", Some("2026-11-22")).await.unwrap().unwrap();
        assert_eq!((yesterday.totals, yesterday.current), (day.totals, false));
        running.shutdown().await;
    }

    async fn the_boards_header_counts_the_day_and_tells_how_long_things_take(shop) {
        let cafe = Cafe::open(&shop).await;
        let nothing = queue(&cafe).await;
        assert_eq!((nothing.today.unwrap(), nothing.making.len()), (QueueToday { started: 0, cancelled: 0, timed_out: 0 }, 0));
        let unpaid = order(&cafe, &[flat_white(1)], "tok_ok").await;
        assert_eq!(queue(&cafe).await.today.unwrap().started, 0, "it is not paid yet");
        let running = cafe.run();
        let kim = barista("Kim");
        order(&cafe, &[flat_white(1)], "tok_declined").await;
        settle(&running).await;
        assert_eq!(queue(&cafe).await.today.unwrap(), QueueToday { started: 1, cancelled: 0, timed_out: 0 });
        cafe.cancel(&kim, unpaid).await.unwrap();
        assert_eq!(queue(&cafe).await.today.unwrap(), QueueToday { started: 1, cancelled: 1, timed_out: 0 });
        order(&cafe, &[flat_white(1)], "tok_ok").await;
        settle(&running).await;
        shop.hands.advance(Duration::from_mins(15));
        settle(&running).await;
        assert_eq!(queue(&cafe).await.today.unwrap(), QueueToday { started: 2, cancelled: 1, timed_out: 1 });

        let make = async |lines: &[LineRequest], seconds: u64| {
            let order = order(&cafe, lines, "tok_ok").await;
            settle(&running).await;
            cafe.work(&kim, order, Work::Claim).await.unwrap();
            shop.hands.advance(Duration::from_secs(seconds));
            cafe.work(&kim, order, Work::Ready).await.unwrap();
            order
        };
        let times = async || {
            let making = queue(&cafe).await.making;
            making.into_iter().map(|time| (time.product.to_string(), time.name, time.seconds)).collect::<Vec<_>>()
        };
        let flat_white_takes = |seconds| ("flat-white".to_owned(), "馥芮白".to_owned(), seconds);
        make(&[flat_white(1)], 100).await;
        assert_eq!(times().await, [flat_white_takes(100)]);
        // Two of one product on two lines, made together: half of the time each.
        make(&[flat_white(1), line("flat-white-large", 1, &["whole"])], 100).await;
        assert_eq!(times().await, [flat_white_takes(75)]);
        // What was called off from the counter was made for nobody.
        let called_off = make(&[flat_white(1)], 600).await;
        cafe.cancel(&kim, called_off).await.unwrap();
        assert_eq!(times().await, [flat_white_takes(75)]);
        for _ in 0..10 {
            let order = make(&[flat_white(1)], 40).await;
            cafe.work(&kim, order, Work::Collect).await.unwrap();
        }
        assert_eq!(times().await, [flat_white_takes(40)], "the last ten");
        // Ten minutes at the counter and twenty seconds of mending: sixty seconds of work.
        let mended = make(&[flat_white(1)], 40).await;
        shop.hands.advance(Duration::from_mins(10));
        cafe.work(&kim, mended, Work::Recall).await.unwrap();
        shop.hands.advance(Duration::from_secs(20));
        cafe.work(&kim, mended, Work::Ready).await.unwrap();
        assert_eq!(times().await, [flat_white_takes(42)], "nine of forty and one of sixty");
        settle(&running).await;
        running.shutdown().await;
    }

    /// However much of other things was made since.
    async fn what_is_made_seldom_keeps_its_time_through_a_rush(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let kim = barista("Kim");
        let make = async |orders: &[domain::OrderId], seconds: u64| {
            for order in orders {
                cafe.work(&kim, *order, Work::Claim).await.unwrap();
                shop.hands.advance(Duration::from_secs(seconds));
                cafe.work(&kim, *order, Work::Ready).await.unwrap();
                cafe.work(&kim, *order, Work::Collect).await.unwrap();
            }
        };
        for seconds in [100, 40] {
            let bakes = [order(&cafe, &[croissant(1)], "tok_ok").await];
            settle(&running).await;
            make(&bakes, seconds).await;
        }
        // More than two hundred, as many at once as the café lets in.
        for _ in 0..11 {
            let mut coffees = Vec::new();
            for _ in 0..19 {
                coffees.push(order(&cafe, &[flat_white(1)], "tok_ok").await);
            }
            settle(&running).await;
            make(&coffees, 2).await;
        }
        let making = queue(&cafe).await.making;
        let told: Vec<_> = making.iter().map(|time| (time.product.to_string(), time.seconds)).collect();
        assert_eq!(told, [("butter-croissant".to_owned(), 70), ("flat-white".to_owned(), 2)]);
        settle(&running).await;
        running.shutdown().await;
    }
}
