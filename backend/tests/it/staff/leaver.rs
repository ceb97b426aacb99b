//! Whoever leaves takes their account along: a namesake who is added later is somebody else.

use backend::identity::Caller;
use backend::payment::{Credit, Wallets};
use domain::view::Role;
use domain::{Currency, Money, UserId};

use super::{GOOD, by_code, from, harbor, manager, refused};
use crate::cafe::Cafe;
use crate::support::on_both_databases;

async fn balance(cafe: &Cafe, user: UserId) -> i64 {
    let page = cafe.backend.db.snapshot(|tx| Box::pin(async move { Wallets.page(tx, user, None, 50).await })).await;
    page.expect("the database answers").balance.amount
}

on_both_databases! {
    async fn a_namesake_of_somebody_who_left_is_somebody_else(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;
        let first = identities.add_member(&mo, harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let (kim, user) = (by_code(&cafe, first.code.expose()).await, first.person.id);
        identities.set_password(&kim, None, GOOD.to_owned()).await.unwrap();
        let gift = Money::new(500, Currency::USD);
        cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.wallets.credit_in(tx, user, gift, Credit::Gift, "a gift").await })).await.unwrap();
        let order = cafe.order(&kim, "tok_ok").await;
        let unused = identities.invite_again(&mo, &harbor(), user).await.unwrap();
        identities.set_roles(&mo, &harbor(), user, Vec::new()).await.unwrap();

        // Hired by a manager, and, once that one has left as well, by the command line.
        let mut before = vec![user];
        for by_command in [false, true] {
            let (person, code) = if by_command {
                identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap()
            } else {
                let added = identities.add_member(&mo, harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
                (added.person, added.code)
            };
            assert!(!before.contains(&person.id), "by command: {by_command}");
            assert_eq!(refused(cafe.by_password("Kim", GOOD, &from(2)).await), (401, "wrong_password"), "by command: {by_command}");
            let late = identities.staff_sign_in(&Caller::Nobody, unused.code.expose(), &from(2)).await;
            assert_eq!(refused(late), (401, "wrong_code"), "by command: {by_command}");
            let namesake = by_code(&cafe, code.expose()).await;
            assert_eq!((namesake.user(), balance(&cafe, person.id).await), (Some(person.id), 0), "by command: {by_command}");
            let members = identities.members(&mo, &harbor()).await.unwrap();
            let kims: Vec<_> = members.iter().filter(|member| member.name == "Kim").map(|member| (member.id, member.has_password)).collect();
            assert_eq!(kims, [(person.id, false)], "by command: {by_command}");
            identities.set_roles(&mo, &harbor(), person.id, Vec::new()).await.unwrap();
            before.push(person.id);
        }
        // What was theirs is theirs.
        let (owner, _) = cafe.backend.orders.owner_of(&mut cafe.backend.db.reader(), order).await.unwrap().unwrap();
        assert_eq!((Some(owner), balance(&cafe, user).await), (kim.owner(), 500));
    }
}
