//! Managers who change the same person at once.

use std::net::Ipv4Addr;

use backend::identity::{Caller, Client, IdentityError, NewToken, Secret};
use backend::refused::Refused as _;
use domain::view::Role;

use super::at_once;
use crate::cafe::{Cafe, id, person};
use crate::support::{on_both_databases, rounds};

fn client() -> Client {
    Client { address: [192, 0, 2, 1].into(), device: None, browser: None }
}

/// Wherever else somebody tries a key: what is wrong there is not counted against those who sign in.
fn elsewhere(round: u32) -> Client {
    Client { address: Ipv4Addr::from(0xC633_6400 + round).into(), ..client() }
}

/// A manager of harbor who has signed in.
async fn manager(cafe: &Cafe, name: String) -> Caller {
    let identities = &cafe.backend.identities;
    let (_, code) = identities.staff_add(id("harbor"), name, Role::Manager).await.unwrap();
    let issued = identities.staff_sign_in(&Caller::Nobody, code.expose(), &client()).await.unwrap();
    identities.caller_by_cookie(issued.cookie.expose()).await.unwrap()
}

/// What a manager can cut.
#[derive(Debug)]
enum Key {
    Code(Secret),
    Token(Secret),
    Pairing(Secret),
}

impl Key {
    /// The `n`th kind of key of a round, by a manager of harbor.
    async fn cut(cafe: &Cafe, by: &Caller, n: usize, round: u32) -> Result<Self, IdentityError> {
        let (identities, harbor) = (&cafe.backend.identities, id("harbor"));
        match n {
            0 => identities.add_member(by, harbor, format!("Eve {round}"), Role::Manager).await.map(|invited| Self::Code(invited.code)),
            1 => identities.add_kiosk(by, &harbor, &format!("eve-{round}")).await.map(|pairing| Self::Pairing(pairing.code)),
            _ => {
                let name = format!("Eve {round}.{n}");
                let new = NewToken { role: Role::Manager, store: Some(harbor), merchant: None, kiosk: None, name };
                identities.issue_store_token(by, new).await.map(|(_, token)| Self::Token(token))
            }
        }
    }

    async fn opens(&self, cafe: &Cafe, round: u32) -> bool {
        let identities = &cafe.backend.identities;
        match self {
            Self::Code(code) => identities.staff_sign_in(&Caller::Nobody, code.expose(), &elsewhere(round)).await.is_ok(),
            Self::Pairing(code) => identities.pair(code.expose(), &elsewhere(round)).await.is_ok(),
            Self::Token(token) => !identities.caller_by_token(token.expose()).await.unwrap().is_nobody(),
        }
    }
}

on_both_databases! {
    async fn of_two_managers_who_decide_about_each_other_one_stays(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (harbor, mo) = (id("harbor"), person("Mo", Some((Role::Manager, "harbor"))));
        for round in 0..rounds() * 2 {
            let (one, two) = (manager(&cafe, format!("Gil {round}")).await, manager(&cafe, format!("Ida {round}")).await);
            // Off the staff, or only no managers any more.
            let (roles, expected) = if round % 2 == 0 { (vec![], (401, "session_required")) } else { (vec![Role::Barista], (403, "forbidden")) };
            let racers = [(one.clone(), two.clone()), (two, one)].map(|(who, whom)| {
                let (cafe, harbor, whom, roles) = (cafe.clone(), harbor.clone(), whom.user().unwrap(), roles.clone());
                async move { cafe.backend.identities.set_roles(&who, &harbor, whom, roles).await }
            });
            let done = at_once(racers).await;
            let late: Vec<_> = done.iter().filter_map(|done| done.as_ref().err()).map(|error| (error.status(), error.code())).collect();
            assert_eq!(late, [expected], "round {round}");
            let members = identities.members(&mo, &harbor).await.unwrap();
            let name = |name: &str| name == format!("Gil {round}") || name == format!("Ida {round}");
            let managers = members.iter().filter(|member| name(&member.name) && member.roles == [Role::Manager]).count();
            assert_eq!(managers, 1, "round {round}");
        }
    }

    async fn whoever_is_dismissed_while_she_cuts_keys_has_none_that_opens(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (harbor, mo) = (id("harbor"), person("Mo", Some((Role::Manager, "harbor"))));
        for round in 0..rounds() {
            let gil = manager(&cafe, format!("Gil {round}")).await;
            let user = gil.user().unwrap();
            // A token of hers cuts keys as well.
            let new = NewToken { role: Role::Manager, store: Some(harbor.clone()), merchant: None, kiosk: None, name: format!("Gil's {round}") };
            let (_, token) = identities.issue_store_token(&gil, new).await.unwrap();
            let token = identities.caller_by_token(token.expose()).await.unwrap();
            let racers = (0..5_usize).map(|n| {
                let (cafe, mo, harbor) = (cafe.clone(), mo.clone(), harbor.clone());
                let by = if n == 3 { token.clone() } else { gil.clone() };
                async move {
                    match n {
                        4 => cafe.backend.identities.set_roles(&mo, &harbor, user, Vec::new()).await.map(|()| None),
                        n => Key::cut(&cafe, &by, n, round).await.map(Some),
                    }
                }
            });
            let mut keys = Vec::new();
            for done in at_once(racers).await {
                match done {
                    Ok(key) => keys.extend(key),
                    Err(error) => assert_eq!((error.status(), error.code()), (401, "session_required"), "round {round}"),
                }
            }
            for key in keys {
                assert!(!key.opens(&cafe, round).await, "round {round}: {key:?}");
            }
        }
    }

    async fn of_two_managers_at_once_one_is_the_last(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (harbor, mo) = (id("harbor"), person("Mo", Some((Role::Manager, "harbor"))));
        let wishes = [vec![Role::Barista], vec![Role::Warehouse], vec![Role::Barista, Role::Manager]];
        for round in 0..rounds() * 3 {
            let (kim, _) = identities.staff_add(harbor.clone(), format!("Kim {round}"), Role::Manager).await.unwrap();
            let racers = wishes.iter().cloned().map(|roles| {
                let (cafe, mo, harbor) = (cafe.clone(), mo.clone(), harbor.clone());
                async move { cafe.backend.identities.set_roles(&mo, &harbor, kim.id, roles).await }
            });
            for changed in at_once(racers).await {
                changed.unwrap();
            }
            let members = identities.members(&mo, &harbor).await.unwrap();
            let roles = members.into_iter().find(|member| member.id == kim.id).unwrap().roles;
            assert!(wishes.contains(&roles), "round {round}: nobody wished for {roles:?}");
        }
    }

    async fn whoever_is_taken_off_at_once_with_anything_else_is_off_or_wholly_there(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (harbor, mo) = (id("harbor"), person("Mo", Some((Role::Manager, "harbor"))));
        for round in 0..rounds() * 3 {
            let (kim, _) = identities.staff_add(harbor.clone(), format!("Kim {round}"), Role::Barista).await.unwrap();
            let racers = (0..3).map(|racer| {
                let (cafe, mo, harbor) = (cafe.clone(), mo.clone(), harbor.clone());
                async move {
                    let identities = &cafe.backend.identities;
                    match racer {
                        0 => identities.set_roles(&mo, &harbor, kim.id, Vec::new()).await.map(|()| None),
                        1 => identities.set_roles(&mo, &harbor, kim.id, vec![Role::Manager]).await.map(|()| None),
                        _ => identities.invite_again(&mo, &harbor, kim.id).await.map(|invited| Some(invited.code)),
                    }
                }
            });
            let mut code = None;
            for done in at_once(racers).await {
                match done {
                    Ok(made) => code = code.or(made),
                    // Whoever came after they had been taken off.
                    Err(error) => assert_eq!((error.status(), error.code()), (404, "not_found"), "round {round}"),
                }
            }
            let members = identities.members(&mo, &harbor).await.unwrap();
            assert!(!members.iter().any(|member| member.id == kim.id), "round {round}: whoever took them off was last, or the others found nobody");
            let Some(code) = code else { continue };
            let late = identities.staff_sign_in(&Caller::Nobody, code.expose(), &client()).await;
            assert_eq!(late.map(drop), Err(IdentityError::WrongCode), "round {round}: a code outlived its person");
        }
    }

    async fn whoever_is_added_while_a_namesake_is_taken_off_is_one_of_two(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (harbor, mo) = (id("harbor"), person("Mo", Some((Role::Manager, "harbor"))));
        for round in 0..rounds() * 3 {
            let name = format!("Kim {round}");
            let (kim, _) = identities.staff_add(harbor.clone(), name.clone(), Role::Barista).await.unwrap();
            let racers = (0..3).map(|racer| {
                let (cafe, mo, harbor, name) = (cafe.clone(), mo.clone(), harbor.clone(), name.clone());
                async move {
                    let identities = &cafe.backend.identities;
                    match racer {
                        0 => identities.set_roles(&mo, &harbor, kim.id, Vec::new()).await.map(|()| None),
                        _ => identities.staff_add(harbor, name, Role::Warehouse).await.map(|(person, _)| Some(person.id)),
                    }
                }
            });
            let added: Vec<_> = at_once(racers).await.into_iter().filter_map(Result::unwrap).filter(|added| *added != kim.id).collect();
            let members = identities.members(&mo, &harbor).await.unwrap();
            let here: Vec<_> = members.iter().filter(|member| member.name == name).map(|member| member.id).collect();
            // Who came before was added to the one who then left; the others are one and the same new person, who can be taken off.
            assert!(here.len() <= 1 && added.iter().all(|added| here.contains(added)), "round {round}: {added:?}, {here:?}");
            assert_eq!(here.is_empty(), added.is_empty(), "round {round}");
            for new in here {
                identities.set_roles(&mo, &harbor, new, Vec::new()).await.unwrap();
            }
        }
    }
}
