//! Whoever takes an account alone, to end sessions or to change a password, while somebody does something by it.

use backend::args;
use backend::db::{Db, Sql as _};
use backend::identity::{Caller, Client, SessionError, ensure_session_in};
use domain::view::Role;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::at_once;
use crate::cafe::{Cafe, id};
use crate::support::{on_both_databases, rounds};

const OLD: &str = "over the counter";
const NEW: &str = "another good one";

fn client() -> Client {
    Client { address: [192, 0, 2, 1].into(), device: None, browser: None }
}

/// A barista of harbor who has chosen a password.
async fn kim(cafe: &Cafe, name: &str) -> Caller {
    let identities = &cafe.backend.identities;
    let (_, code) = identities.staff_add(id("harbor"), name.to_owned(), Role::Barista).await.unwrap();
    let issued = identities.staff_sign_in(&Caller::Nobody, code.expose(), &client()).await.unwrap();
    let kim = identities.caller_by_cookie(issued.cookie.expose()).await.unwrap();
    identities.set_password(&kim, None, OLD.to_owned()).await.unwrap();
    kim
}

/// Does something by this caller, until it is let go.
async fn under_way(db: &Db, caller: &Caller) -> (oneshot::Sender<()>, JoinHandle<Result<(), SessionError>>) {
    let (holds, held) = oneshot::channel();
    let (let_go, go) = oneshot::channel::<()>();
    let (db, caller) = (db.clone(), caller.clone());
    let doing = tokio::spawn(async move {
        db.transaction(move |tx| {
            Box::pin(async move {
                ensure_session_in(tx, &caller).await?;
                let _ = holds.send(());
                let _ = go.await;
                Ok::<_, SessionError>(())
            })
        })
        .await
    });
    held.await.unwrap();
    (let_go, doing)
}

/// Until so many wait for a lock, or it has ended. SQLite's writer is one, and waits for nobody.
async fn until_wait<T>(db: &Db, many: i64, task: &JoinHandle<T>) {
    let waiting = "select count(*) as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while db.is_postgres() && !task.is_finished() && db.reader().fetch_one(waiting, args![]).await.unwrap().get::<i64>("n").unwrap() < many
    {
        tokio::task::yield_now().await;
    }
}

on_both_databases! {
    async fn whoever_signs_in_by_the_password_of_before_is_not_signed_in_after_it_was_changed(shop) {
        let cafe = Cafe::open(&shop).await;
        let kim = kim(&cafe, "Kim").await;
        // What a guest has on its way is waited for by whoever signs in with their session.
        let (guest, _) = cafe.backend.identities.new_guest();
        let (let_go, doing) = under_way(&shop.db, &guest).await;
        let signing_in = {
            let (identities, guest) = (cafe.backend.identities.clone(), guest.clone());
            tokio::spawn(async move { identities.staff_sign_in_by_password(&guest, &id("harbor"), "Kim", OLD, &client()).await })
        };
        if shop.db.is_postgres() {
            until_wait(&shop.db, 1, &signing_in).await;
            assert!(!signing_in.is_finished());
        }
        let changing = {
            let (identities, kim) = (cafe.backend.identities.clone(), kim.clone());
            tokio::spawn(async move { identities.set_password(&kim, Some(OLD.to_owned()), NEW.to_owned()).await })
        };
        until_wait(&shop.db, 2, &changing).await;
        let_go.send(()).unwrap();
        doing.await.unwrap().unwrap();
        changing.await.unwrap().unwrap();
        if let Ok(issued) = signing_in.await.unwrap() {
            let who = cafe.backend.identities.caller_by_cookie(issued.cookie.expose()).await.unwrap();
            assert_eq!(who, Caller::Nobody);
        }
        let still = cafe.backend.identities.recheck(std::slice::from_ref(&kim)).await.unwrap();
        assert_eq!(still, [Some(kim)]);
    }

    async fn whoever_is_dismissed_while_they_sign_in_is_not_signed_in(shop) {
        let cafe = Cafe::open(&shop).await;
        let (harbor, mo) = (id("harbor"), crate::cafe::person("Mo", Some((Role::Manager, "harbor"))));
        for round in 0..rounds() {
            let name = format!("Kim {round}");
            let user = kim(&cafe, &name).await.user().unwrap();
            let code = cafe.backend.identities.invite_again(&mo, &harbor, user).await.unwrap().code;
            let racers = (0..3).map(|n| {
                let (identities, harbor, mo, name) = (cafe.backend.identities.clone(), harbor.clone(), mo.clone(), name.clone());
                let code = code.expose().to_owned();
                async move {
                    match n {
                        0 => identities.staff_sign_in_by_password(&Caller::Nobody, &harbor, &name, OLD, &client()).await.map(Some),
                        1 => identities.staff_sign_in(&Caller::Nobody, &code, &client()).await.map(Some),
                        _ => identities.set_roles(&mo, &harbor, user, Vec::new()).await.map(|()| None),
                    }
                }
            });
            let done = at_once(racers).await;
            assert!(done[2].is_ok(), "round {round}: {:?}", done[2]);
            for refused in done.iter().filter_map(|done| done.as_ref().err()) {
                assert_eq!(backend::refused::Refused::status(refused), 401, "round {round}: {refused}");
            }
            for issued in done.into_iter().filter_map(Result::ok).flatten() {
                let who = cafe.backend.identities.caller_by_cookie(issued.cookie.expose()).await.unwrap();
                assert_eq!(who, Caller::Nobody, "round {round}");
            }
        }
    }

    async fn who_signs_out_everywhere_waits_for_what_is_under_way_and_is_not_overtaken(shop) {
        let cafe = Cafe::open(&shop).await;
        let kim = kim(&cafe, "Kim").await;
        let (let_go, doing) = under_way(&shop.db, &kim).await;
        let signing_out = {
            let (identities, kim) = (cafe.backend.identities.clone(), kim.clone());
            tokio::spawn(async move { identities.sign_out_everywhere(&kim).await })
        };
        until_wait(&shop.db, 1, &signing_out).await;
        if shop.db.is_postgres() {
            assert!(!signing_out.is_finished(), "what is done by a session is done before it has ended");
        }
        let late = {
            let (db, kim) = (shop.db.clone(), kim.clone());
            tokio::spawn(async move { db.transaction(move |tx| Box::pin(async move { ensure_session_in(tx, &kim).await })).await })
        };
        until_wait(&shop.db, 2, &late).await;
        let_go.send(()).unwrap();
        doing.await.unwrap().unwrap();
        signing_out.await.unwrap().unwrap();
        // It came while somebody waited to be alone, or is looked at after that.
        let late = late.await.unwrap();
        if shop.db.is_postgres() {
            assert!(matches!(late, Err(SessionError::Over)), "{late:?}");
        }
        let later = shop.db.transaction(move |tx| Box::pin(async move { ensure_session_in(tx, &kim).await })).await;
        assert!(matches!(later, Err(SessionError::Over)), "{later:?}");
    }
}
