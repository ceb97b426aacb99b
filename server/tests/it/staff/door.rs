//! What was refused at the door, or of a password, stands in the form that it was sent by.

use super::{GOOD, leads_to};
use crate::support::{Server, on_both_databases};

on_both_databases! {
    the_only_way_in_comes_first
    a_wrong_password_leaves_store_and_name_as_they_were
    a_password_that_is_refused_is_said_at_its_field
    who_has_come_in_without_a_password_is_said_to_be_signed_in
}

/// The element with this id, up to its end.
fn element<'t>(text: &'t str, id: &str) -> &'t str {
    let (_, rest) = text.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {text}"));
    rest.split('>').next().unwrap()
}

/// Whether the form of the password stands open.
fn is_unfolded(text: &str) -> bool {
    let (before, _) = text.split_once("data-testid=\"password-form\"").unwrap_or_else(|| panic!("no form in {text}"));
    let (_, fold) = before.rsplit_once("<details").unwrap_or_else(|| panic!("no fold in {text}"));
    fold.split('>').next().unwrap().contains(" open")
}

async fn the_only_way_in_comes_first(server: Server) {
    let forms = async |page: &str| {
        let door = server.guest().await.page(page).await;
        let mut forms =
            ["name-form", "sign-in"].map(|form| (door.text().find(&format!("data-testid=\"{form}\"")).expect("the form"), form));
        forms.sort_unstable();
        forms.map(|(_, form)| form)
    };
    let mo = server.staff("harbor", "Mo", "manager").await;
    for page in ["/staff", "/staff/harbor/queue"] {
        assert_eq!(forms(page).await, ["sign-in", "name-form"], "{page}: nobody has a password");
    }
    let chosen = mo.post_form("/do/staff/password", &[("password", GOOD), ("again", GOOD)]).await;
    assert_eq!(leads_to(&chosen), "/staff?saved=1");
    for page in ["/staff", "/staff/harbor/queue"] {
        assert_eq!(forms(page).await, ["name-form", "sign-in"], "{page}");
    }
}

async fn a_wrong_password_leaves_store_and_name_as_they_were(server: Server) {
    let guest = server.guest().await;
    let form = [("store", "pier"), ("name", "Élodie"), ("password", "a guess at it"), ("back", "/staff")];
    let wrong = guest.post_form("/do/staff/sign-in", &form).await;
    assert_eq!(leads_to(&wrong), "/staff?error=wrong_password&by=name");
    let typed = wrong.cookies().into_iter().find(|pair| pair.starts_with("orderly_typed=")).expect("what was typed");
    let again = guest.with("cookie", &format!("{}; {typed}", guest.cookie())).page(leads_to(&wrong)).await;
    assert!(element(again.text(), "name").contains("value=\"Élodie\""), "{}", element(again.text(), "name"));
    assert!(again.text().contains("<option value=\"pier\" selected"), "{}", again.text());
    assert!(!element(again.text(), "password").contains("value="), "the password is kept nowhere");
    assert!(again.cookies().iter().any(|pair| pair == "orderly_typed="), "for this page alone");
}

async fn a_password_that_is_refused_is_said_at_its_field(server: Server) {
    let mo = server.staff("harbor", "Mo", "manager").await;
    let change = async |fields: &[(&str, &str)]| leads_to(&mo.post_form("/do/staff/password", fields).await).to_owned();
    let shown = async |page: &str| mo.page(page).await.text().to_owned();
    let refused_at = |text: &str, field: &str| {
        assert!(element(text, field).contains("aria-invalid=\"true\""), "{}", element(text, field));
        assert!(element(text, field).contains("aria-describedby=\"password-error"), "{}", element(text, field));
        assert_eq!((text.matches("aria-invalid").count(), text.matches("role=\"alert\"").count()), (1, 1), "said once");
    };
    let twice = change(&[("password", GOOD), ("again", "over the Counter")]).await;
    refused_at(&shown(&twice).await, "new-again");
    let short = change(&[("password", "short"), ("again", "short")]).await;
    refused_at(&shown(&short).await, "new-password");
    assert_eq!(change(&[("password", GOOD), ("again", GOOD)]).await, "/staff?saved=1");

    // Who has one finds the form unfolded.
    assert!(!is_unfolded(&shown("/staff").await));
    let wrong = change(&[("current", "a guess at it"), ("password", GOOD), ("again", GOOD)]).await;
    let text = shown(&wrong).await;
    assert!(is_unfolded(&text), "{text}");
    refused_at(&text, "current");
    // What is about no field of it is said above.
    let other = shown("/staff?error=forbidden").await;
    assert!(!other.contains("aria-invalid") && !is_unfolded(&other), "{other}");
}

async fn who_has_come_in_without_a_password_is_said_to_be_signed_in(server: Server) {
    let mo = server.staff("harbor", "Mo", "manager").await;
    server.staff("harbor", "Cid", "barista").await;
    for (language, sentence) in [("en", "Is signed in; has not chosen a password yet"), ("zh-CN", "已登录，尚未设置密码")] {
        let page = mo.in_language(language).page("/staff/harbor/settings").await;
        assert_eq!(page.text().matches(sentence).count(), 1, "{}", page.text());
    }
    // When the shift is over, and the code was spent, there is nothing left to come in by.
    server
        .place
        .execute("update session set ended_at = 1 where account in (select id from account where name = 'Cid') and $1 is not null")
        .await;
    let page = mo.page("/staff/harbor/settings").await;
    assert!(page.text().contains("Has no password, and no code that is still good"), "{}", page.text());
}
