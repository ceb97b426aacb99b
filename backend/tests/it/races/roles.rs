//! Managers who change the same person at once.

use backend::identity::{Caller, Client, IdentityError};
use backend::refused::Refused as _;
use domain::view::Role;

use super::at_once;
use crate::cafe::{Cafe, id, person};
use crate::support::{on_both_databases, rounds};

fn client() -> Client {
    Client { address: [192, 0, 2, 1].into(), device: None, browser: None }
}

on_both_databases! {
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
