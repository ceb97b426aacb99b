//! Subscribers: once, in order, parking by stream, and going on.

use backend::db::{DbError, Wake};
use backend::log;
use backend::runner::Runner;
use backend::subscriber::{parked, progress};

use super::probe::{Probe, Reaction, append, effects, make_effects, opened};
use crate::support::on_both_databases;

on_both_databases! {
    async fn every_event_takes_effect_once_with_two_processes(shop) {
        make_effects(&shop.db).await;
        let probe = Probe::new("probe.one", "one");
        let second = shop.second().await;
        let first_runner = Runner::new(shop.db.clone()).subscriber(probe.clone()).start();
        let second_runner = Runner::new(second.clone()).subscriber(probe.clone()).start();
        let subjects: Vec<_> = (0..300).map(|n| format!("s{n:03}")).collect();
        for (n, subject) in subjects.iter().enumerate() {
            let db = if n % 2 == 0 { &shop.db } else { &second };
            append(db, &[(subject.as_str(), subject.as_str())]).await;
        }
        first_runner.settle().await.unwrap();
        second_runner.settle().await.unwrap();
        let seen: Vec<_> = effects(&shop.db).await.into_iter().map(|(_, subject)| subject).collect();
        assert_eq!(seen, subjects);
        first_runner.shutdown().await;
        append(&shop.db, &[("after", "after")]).await;
        second_runner.settle().await.unwrap();
        assert_eq!(probe.handled().last().unwrap(), "after", "the other process takes over");
        second_runner.shutdown().await;
        second.close().await;
    }

    async fn a_failing_event_parks_its_stream_and_no_other(shop) {
        make_effects(&shop.db).await;
        let probe = Probe::new("probe.one", "one");
        probe.reacts(|event| if event.subject == "a1" { Reaction::Refuse } else { Reaction::Handle });
        let running = Runner::new(shop.db.clone()).subscriber(probe.clone()).start();
        append(&shop.db, &[("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b"), ("a3", "a")]).await;
        let left = running.settle().await.unwrap().parked;
        assert_eq!(probe.handled(), ["b1", "b2"]);
        let waiting: Vec<_> = left.iter().map(|p| (p.position, p.stream.as_str(), p.error.as_deref(), p.attempts)).collect();
        assert_eq!(waiting, [(1, "a", Some("not today"), 1), (3, "a", None, 0), (5, "a", None, 0)]);
        assert_eq!(progress(&mut shop.db.reader()).await.unwrap()[0].parked, 3);

        // Tried again in vain: nothing moves, and the next one still waits behind.
        assert!(parked::retry(&shop.db, "probe.one", "a").await.unwrap());
        append(&shop.db, &[("a4", "a")]).await;
        let left = running.settle().await.unwrap().parked;
        assert_eq!(left.iter().map(|p| (p.position, p.attempts)).collect::<Vec<_>>(), [(1, 2), (3, 0), (5, 0), (6, 0)]);

        probe.reacts(|event| if event.subject == "a3" { Reaction::Refuse } else { Reaction::Handle });
        parked::retry(&shop.db, "probe.one", "a").await.unwrap();
        let left = running.settle().await.unwrap().parked;
        assert_eq!(probe.handled(), ["b1", "b2", "a1", "a2"], "in order, up to the next that fails");
        assert_eq!(left.iter().map(|p| p.position).collect::<Vec<_>>(), [5, 6]);

        parked::drop_first(&shop.db, "probe.one", "a").await.unwrap();
        assert_eq!(running.settle().await.unwrap().parked, []);
        append(&shop.db, &[("a5", "a")]).await;
        running.settle().await.unwrap();
        assert_eq!(probe.handled(), ["b1", "b2", "a1", "a2", "a4", "a5"]);
        assert!(!effects(&shop.db).await.iter().any(|(_, subject)| subject == "a3"), "nothing of it is left");
        assert!(!parked::retry(&shop.db, "probe.one", "a").await.unwrap());
        running.shutdown().await;
    }

    async fn a_defect_of_the_handler_parks_too(shop) {
        make_effects(&shop.db).await;
        let probe = Probe::new("probe.one", "one");
        probe.reacts(|event| match event.subject.as_str() {
            "panics" => Reaction::Panic,
            "nonsense" => Reaction::Nonsense,
            _ => Reaction::Handle,
        });
        // Before anybody reads: on SQLite a statement in error takes its whole group with it.
        append(&shop.db, &[("panics", "a"), ("nonsense", "b"), ("fine", "c")]).await;
        let running = Runner::new(shop.db.clone()).subscriber(probe.clone()).start();
        let left = running.settle().await.unwrap().parked;
        assert_eq!(probe.handled(), ["fine"]);
        assert_eq!(left.iter().map(|p| p.stream.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(left[1].error.as_deref().unwrap().contains("nowhere"), "{left:?}");
        assert_eq!(effects(&shop.db).await, [("one".to_owned(), "fine".to_owned())]);
        running.shutdown().await;
    }

    async fn a_subscriber_goes_on_where_it_was_after_a_restart(shop) {
        make_effects(&shop.db).await;
        let probe = Probe::new("probe.one", "one");
        let running = Runner::new(shop.db.clone()).subscriber(probe.clone()).start();
        append(&shop.db, &[("a", "a")]).await;
        running.settle().await.unwrap();
        running.shutdown().await;
        append(&shop.db, &[("b", "b")]).await;
        let running = Runner::new(shop.db.clone()).subscriber(probe.clone()).start();
        running.settle().await.unwrap();
        assert_eq!(probe.handled(), ["a", "b"]);
        running.shutdown().await;
    }

    async fn only_the_services_asked_for_run(shop) {
        make_effects(&shop.db).await;
        let (wanted, other) = (Probe::new("live.probe", "live"), Probe::new("prep.probe", "prep"));
        let services = ["web".to_owned(), "live".to_owned()];
        let runner = Runner::new(shop.db.clone()).subscriber(wanted.clone()).subscriber(other.clone()).services(&services);
        let running = runner.start();
        append(&shop.db, &[("a", "a")]).await;
        running.settle().await.unwrap();
        assert_eq!(wanted.handled(), ["a"]);
        assert!(other.handled().is_empty());
        running.shutdown().await;
    }

    async fn a_commit_wakes_by_itself_and_across_processes(shop) {
        let second = shop.second().await;
        let woken = second.wakes().listen(|wake| matches!(wake, Wake::Event(_)));
        let running = Runner::new(second.clone()).start();
        running.settle().await.unwrap();
        shop.db.transaction(|tx| Box::pin(async move { log::append_in(tx, opened("a", "a")).await })).await.map_err(|e: DbError| e).unwrap();
        // Nothing looks by itself here, so only a wake-up ends this.
        woken.woken().await;
        running.shutdown().await;
        second.close().await;
    }
}
