//! Who comes while too many sign in is asked to come again, and has not guessed.

use std::task::Poll;

use backend::identity::{Caller, IdentityError};
use domain::view::Role;

use super::{GOOD, by_code, from, harbor, manager, refused};
use crate::cafe::Cafe;
use crate::support::on_both_databases;

const BUSY: (u16, &str) = (503, "sign_in_busy");

on_both_databases! {
    async fn what_was_not_looked_at_is_no_try(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let kim = by_code(&cafe, code.expose()).await;
        identities.set_password(&kim, None, GOOD.to_owned()).await.unwrap();
        let (_, code) = identities.staff_add(harbor(), "Lee".to_owned(), Role::Barista).await.unwrap();
        let pairing = identities.add_kiosk(&manager(&cafe).await, &harbor(), "window-1").await.unwrap().code;

        // So many have come that there is no place left, and none of them is let go on.
        let mut waiting = Vec::new();
        loop {
            let mut next = Box::pin(identities.staff_add(harbor(), "Ned".to_owned(), Role::Barista));
            match futures::poll!(next.as_mut()) {
                Poll::Pending => waiting.push(next),
                Poll::Ready(told) => {
                    assert_eq!(told.map(drop), Err(IdentityError::SignInBusy));
                    break;
                }
            }
        }
        // One more than each of the limits.
        for n in 0..11 {
            assert_eq!(refused(cafe.by_password("Kim", GOOD, &from(2)).await), BUSY, "{n}");
            let changed = identities.set_password(&kim, Some(GOOD.to_owned()), "another good one".to_owned()).await;
            assert_eq!(refused(changed), BUSY, "{n}");
        }
        for n in 0..121 {
            assert_eq!(refused(identities.staff_sign_in(&Caller::Nobody, code.expose(), &from(2)).await), BUSY, "{n}");
            assert_eq!(refused(identities.pair(pairing.expose(), &from(2)).await), BUSY, "{n}");
        }

        drop(waiting);
        assert_eq!(cafe.by_password("Kim", GOOD, &from(2)).await.unwrap().user(), kim.user());
        identities.set_password(&kim, Some(GOOD.to_owned()), "another good one".to_owned()).await.unwrap();
        identities.staff_sign_in(&Caller::Nobody, code.expose(), &from(2)).await.unwrap();
        identities.pair(pairing.expose(), &from(2)).await.unwrap();
    }
}
