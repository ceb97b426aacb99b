//! The barista's queue.

use std::time::Duration;

use backend::args;
use backend::db::{DbError, Sql as _};
use backend::prep::{BOARD_LENGTH, PrepError};
use domain::prep::{CALLED_SECONDS, FulfilmentStatus};
use domain::view::{Naming, QueueView, Role};
use domain::{Locale, Timestamp};
use uuid::Uuid;

use crate::cafe::{Cafe, Work, barista, guest, id, person, settle};
use crate::support::on_both_databases;

async fn queue(cafe: &Cafe) -> QueueView {
    cafe.backend.queue.view(&mut cafe.backend.db.reader(), &id("harbor"), Naming::All(Locale::En)).await.unwrap()
}

on_both_databases! {
    async fn one_of_many_gets_the_claim(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_ok").await;
        settle(&running).await;
        let claims = (0..8).map(|n| {
            let (cafe, who) = (cafe.clone(), barista(&format!("Barista {n}")));
            tokio::spawn(async move { (who.person().unwrap(), cafe.work(&who, order, Work::Claim).await) })
        });
        let (mut winners, mut told) = (Vec::new(), Vec::new());
        for claim in futures::future::join_all(claims).await {
            match claim.unwrap() {
                (who, Ok(_)) => winners.push(who),
                (_, Err(PrepError::AlreadyClaimed(holder))) => told.push(holder),
                (_, Err(error)) => panic!("{error:?}"),
            }
        }
        assert_eq!((winners.len(), told.len()), (1, 7));
        assert!(told.iter().all(|holder| *holder == winners[0]));
        assert_eq!(cafe.view(order).await.fulfilments[0].claimed_by.as_ref(), Some(&winners[0]));
    }

    async fn steps_go_back_and_repeats_are_told(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (kim, lee) = (barista("Kim"), barista("Lee"));
        let order = cafe.order(&guest(), "tok_ok").await;
        assert!(matches!(cafe.work(&kim, order, Work::Claim).await, Err(PrepError::Illegal(_))), "it is not paid yet");
        settle(&running).await;
        for (who, work, status) in [
            (&kim, Work::Claim, Some(FulfilmentStatus::Making)),
            (&kim, Work::Claim, Some(FulfilmentStatus::Making)),
            (&kim, Work::Collect, None),
            (&kim, Work::Release, Some(FulfilmentStatus::Queued)),
            (&kim, Work::Release, None),
            (&lee, Work::Claim, Some(FulfilmentStatus::Making)),
            (&lee, Work::Ready, Some(FulfilmentStatus::Ready)),
            (&lee, Work::Ready, None),
            (&lee, Work::Claim, None),
            (&lee, Work::Recall, Some(FulfilmentStatus::Making)),
            (&kim, Work::Ready, Some(FulfilmentStatus::Ready)),
            (&kim, Work::Collect, Some(FulfilmentStatus::Collected)),
            (&kim, Work::Collect, None),
            (&kim, Work::Recall, None),
        ] {
            let before = cafe.view(order).await;
            match (cafe.work(who, order, work).await, status) {
                (Ok(_), Some(status)) => assert_eq!(cafe.view(order).await.fulfilments[0].status, status),
                (Err(PrepError::Illegal(_)), None) => assert_eq!(cafe.view(order).await, before, "{work:?} changed something"),
                (result, _) => panic!("{work:?}: {result:?}"),
            }
        }
        settle(&running).await;
    }

    async fn the_queue_is_for_this_bars_staff(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_ok").await;
        settle(&running).await;
        for who in [person("Ada", None), person("Wu", Some((Role::Warehouse, "harbor"))), person("Sam", Some((Role::Barista, "pier")))] {
            assert!(matches!(cafe.work(&who, order, Work::Claim).await, Err(PrepError::Forbidden)), "{who:?}");
        }
        for who in [guest(), backend::identity::Caller::Nobody] {
            for work in [Work::Claim, Work::Release] {
                assert!(matches!(cafe.work(&who, order, work).await, Err(PrepError::SignedOut)), "{who:?}");
            }
        }
        let unknown = domain::OrderId(uuid::Uuid::now_v7());
        assert!(matches!(cafe.work(&barista("Kim"), unknown, Work::Claim).await, Err(PrepError::NotFound)));
        assert_eq!(cafe.view(order).await.fulfilments[0].status, FulfilmentStatus::Queued);
    }

    async fn lanes_board_and_estimates_tell_the_truth(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let kim = barista("Kim");
        let mut orders = Vec::new();
        for _ in 0..4 {
            orders.push(cafe.order(&guest(), "tok_ok").await);
            shop.hands.advance(Duration::from_secs(1));
        }
        settle(&running).await;
        let lanes = queue(&cafe).await;
        let numbers = |lane: &[domain::view::TicketView]| lane.iter().map(|ticket| ticket.number).collect::<Vec<_>>();
        assert_eq!(numbers(&lanes.lanes.queued), [1, 2, 3, 4]);
        assert_eq!(lanes.lanes.queued[0].lines[0].names.as_ref().unwrap().zh_cn, "馥芮白");
        assert_eq!(cafe.view(orders[2]).await.estimated_ready_at, None, "nothing has been made yet");

        cafe.work(&kim, orders[0], Work::Claim).await.unwrap();
        shop.hands.advance(Duration::from_secs(90));
        cafe.work(&kim, orders[0], Work::Ready).await.unwrap();
        cafe.work(&kim, orders[1], Work::Claim).await.unwrap();
        let after = queue(&cafe).await;
        assert_eq!((numbers(&after.lanes.queued), numbers(&after.lanes.making), numbers(&after.lanes.ready)), (vec![3, 4], vec![2], vec![1]));
        assert_eq!(after.lanes.making[0].claimed_by, kim.person());
        settle(&running).await;
        assert!(queue(&cafe).await.version > lanes.version);

        let now = shop.clock.now();
        let last = cafe.view(orders[3]).await;
        assert_eq!((last.queue_position, last.estimated_ready_at), (Some(2), Some(now.plus_seconds(180))));
        assert_eq!(cafe.view(orders[1]).await.estimated_ready_at, Some(now.plus_seconds(90)));
        let mut reader = cafe.backend.db.reader();
        assert_eq!(cafe.backend.queue.wait_seconds(&mut reader, &id("harbor")).await.unwrap(), Some(4 * 90));
        let board = cafe.backend.queue.board(&mut reader, &id("harbor")).await.unwrap();
        let numbers = |entries: &[domain::view::BoardEntry]| entries.iter().map(|entry| entry.number).collect::<Vec<_>>();
        assert_eq!((numbers(&board.preparing), numbers(&board.ready)), (vec![2, 3, 4], vec![1]));

        // Two pairs of hands halve the wait.
        cafe.work(&barista("Lee"), orders[2], Work::Claim).await.unwrap();
        assert_eq!(cafe.backend.queue.wait_seconds(&mut reader, &id("harbor")).await.unwrap(), Some(2 * 90));
        cafe.work(&kim, orders[2], Work::Release).await.unwrap();
        // Who claims it and lets go of it does not make anybody's wait shorter.
        let board = cafe.backend.queue.board(&mut reader, &id("harbor")).await.unwrap();
        let ages: Vec<_> = board.preparing.iter().map(|entry| (entry.number, now - entry.since)).collect();
        assert_eq!(ages, [(2, 93_000), (3, 92_000), (4, 91_000)]);
        cafe.cancel(&kim, orders[2]).await.unwrap();
        assert_eq!(cafe.view(orders[3]).await.queue_position, Some(1));
        assert_eq!(numbers(&cafe.backend.queue.board(&mut reader, &id("harbor")).await.unwrap().preparing), [2, 4]);
        settle(&running).await;
    }

    /// Cups that nobody fetches, more than a board has room for, keep no number off it.
    async fn a_number_is_called_for_ten_minutes_however_many_were_forgotten(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let kim = barista("Kim");
        let order = cafe.order(&guest(), "tok_ok").await;
        settle(&running).await;
        cafe.work(&kim, order, Work::Claim).await.unwrap();
        cafe.work(&kim, order, Work::Ready).await.unwrap();
        let now = shop.clock.now();
        // What was placed before it, and put on the counter then.
        let forgotten = async |count: i64, number: i64, since: Timestamp| {
            let text = "insert into fulfilment (id, order_id, store, kind, status, number, lines, placed_at, since) \
                        values ($1, $1, 'harbor', 'pickup', 'ready', $2, '[]', 0, $3)";
            let written = cafe.backend.db.transaction(move |tx| {
                Box::pin(async move {
                    for n in number..number + count {
                        tx.execute(text, args![Uuid::now_v7().to_string(), n, since]).await?;
                    }
                    Ok::<_, DbError>(())
                })
            });
            written.await.unwrap();
        };
        let ready = async || {
            let board = cafe.backend.queue.board(&mut cafe.backend.db.reader(), &id("harbor")).await.unwrap();
            board.ready.iter().map(|entry| entry.number).collect::<Vec<_>>()
        };
        forgotten(BOARD_LENGTH + 50, 1_000, now.plus_seconds(-CALLED_SECONDS)).await;
        assert_eq!(ready().await, [1]);
        // In a rush it is the newest that are looked for.
        forgotten(BOARD_LENGTH - 2, 2_000, now.plus_seconds(-1)).await;
        forgotten(2, 3_000, now.plus_seconds(-2)).await;
        let called = ready().await;
        assert_eq!((called.len() as i64, called[0], called.last()), (BOARD_LENGTH, 3_001, Some(&1)));
        shop.hands.advance(Duration::from_secs(CALLED_SECONDS as u64 - 1));
        assert_eq!(ready().await, [1]);
        shop.hands.advance(Duration::from_secs(1));
        assert_eq!(ready().await, [0; 0]);
    }

    /// Only what was made counts, and only for an hour.
    async fn the_pace_is_that_of_the_last_hour_and_of_what_was_made(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let kim = barista("Kim");
        let wait = async || cafe.backend.queue.wait_seconds(&mut cafe.backend.db.reader(), &id("harbor")).await.unwrap();
        assert_eq!(wait().await, None);
        let make = async |seconds: u64| {
            let order = cafe.order(&guest(), "tok_ok").await;
            settle(&running).await;
            cafe.work(&kim, order, Work::Claim).await.unwrap();
            shop.hands.advance(Duration::from_secs(seconds));
            cafe.work(&kim, order, Work::Ready).await.unwrap();
            order
        };
        let first = make(60).await;
        cafe.work(&kim, first, Work::Collect).await.unwrap();
        assert_eq!(wait().await, Some(60));
        let second = make(121).await;
        // Half a second is a begun one.
        assert_eq!(wait().await, Some(91));
        cafe.cancel(&kim, second).await.unwrap();
        assert_eq!(wait().await, Some(60), "what was called off from the counter does not count");
        shop.hands.advance(Duration::from_secs(3600 - 121));
        assert_eq!(wait().await, None, "the first is an hour old");
        make(30).await;
        assert_eq!(wait().await, Some(30));
        settle(&running).await;
    }
}
