//! All of it by plain forms, without a script.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{GOOD, leads_to};
use crate::support::{Client, Reply, Server, on_both_databases};

on_both_databases! {
    plain_forms_do_all_of_it_and_tell_secrets_once
    roles_that_a_colleague_has_just_withdrawn_do_not_come_back
}

/// The secret that a page tells.
fn secret(page: &Reply) -> Option<String> {
    let (_, rest) = page.text().split_once("data-testid=\"secret\"")?;
    Some(rest.split_once('>')?.1.split('<').next()?.to_owned())
}

/// The browser with the cookie of a form's answer beside its own.
fn with_told(client: &Client, reply: &Reply) -> Client {
    let told = reply.cookies().into_iter().find(|pair| pair.starts_with("orderly_told=")).expect("what was made");
    client.with("cookie", &format!("{}; {told}", client.cookie()))
}

async fn plain_forms_do_all_of_it_and_tell_secrets_once(server: Server) {
    let mo = server.staff("harbor", "Mo", "manager").await;
    let home = mo.page("/staff").await;
    assert!(home.text().contains("Choose a password"), "{}", home.text());
    let twice = mo.post_form("/do/staff/password", &[("password", GOOD), ("again", "over the Counter")]).await;
    assert_eq!(leads_to(&twice), "/staff?error=password_twice#password");
    let weak = mo.post_form("/do/staff/password", &[("password", "password"), ("again", "password")]).await;
    assert_eq!(leads_to(&weak), "/staff?error=password_too_common#password");
    let chosen = mo.post_form("/do/staff/password", &[("password", GOOD), ("again", GOOD)]).await;
    assert_eq!(leads_to(&chosen), "/staff?saved=1");
    assert!(!mo.page("/staff").await.text().contains("Choose a password"));

    // The door: by name, and never to another site.
    let guest = server.guest().await;
    let door = guest.page("/staff/harbor/settings").await;
    assert_eq!(door.status, StatusCode::UNAUTHORIZED);
    assert!(door.text().contains("name=\"password\"") && door.text().contains("<option value=\"harbor\" selected"), "{}", door.text());
    let form = |back: &'static str, password: &'static str| [("store", "harbor"), ("name", "mo"), ("password", password), ("back", back)];
    let wrong = guest.post_form("/do/staff/sign-in", &form("/staff/harbor/settings", "a guess at it")).await;
    assert_eq!(leads_to(&wrong), "/staff/harbor/settings?error=wrong_password&by=name");
    let marked = async |page: &str| guest.page(page).await.text().matches("aria-invalid=\"true\"").count();
    assert!(marked(leads_to(&wrong)).await > 0);
    assert!(marked("/staff?error=wrong_code&by=code").await > 0);
    // What another form was refused, before whoever sent it had to sign in again, is not the door's.
    for page in ["/staff/harbor/settings?error=out_of_range&fields=capacity", "/staff/harbor/stock?error=sign_in_required"] {
        assert_eq!(marked(page).await, 0, "{page}");
        assert!(!guest.page(page).await.text().contains("role=\"alert\""), "{page}");
    }
    for back in ["//evil.example", "https://evil.example", "/staffed.example", "/\\evil.example", "/s/harbor"] {
        let led = server.guest().await.post_form("/do/staff/sign-in", &form(back, GOOD)).await;
        assert_eq!(leads_to(&led), "/staff", "{back}");
    }
    let signed_in = guest.post_form("/do/staff/sign-in", &form("/staff/harbor/settings", GOOD)).await;
    assert_eq!(leads_to(&signed_in), "/staff/harbor/settings");
    let mo = guest.with_cookie(signed_in.cookie().unwrap());

    // People, screens, tokens: what is made is told on the next page and on no other.
    let settings = "/staff/harbor/settings";
    for (path, fields, page, groups) in [
        (
            "/do/staff/member/add",
            vec![("store", "harbor"), ("name", "Kim <b>"), ("role", "barista")],
            "/staff/harbor/settings?done=1#made",
            9,
        ),
        ("/do/staff/kiosk/add", vec![("store", "harbor"), ("kiosk", "counter-1")], "/staff/harbor/settings?done=1#made", 9),
        ("/do/staff/kiosk", vec![("store", "harbor"), ("kiosk", "counter-1"), ("act", "pair")], "/staff/harbor/settings?done=1#made", 9),
        ("/do/staff/token/add", vec![("store", "harbor"), ("name", "Till"), ("role", "barista")], "/staff/harbor/settings?done=1#made", 47),
    ] {
        let made = mo.post_form(path, &fields).await;
        assert_eq!(leads_to(&made), page, "{path}");
        let shown = with_told(&mo, &made).page(settings).await;
        assert_eq!(secret(&shown).map(|secret| secret.len()), Some(groups), "{path}: {}", shown.text());
        assert!(shown.cookies().iter().any(|pair| pair == "orderly_told="), "forgotten by the page that tells it");
        assert_eq!(secret(&mo.page(settings).await), None);
    }
    // Which token that was is told afterwards, in the words of whoever reads it.
    mo.until("/staff/stores/harbor/audit", |audit| audit["items"][0]["type"] == "token.issued.v1").await;
    for (language, sentence) in [("en", "made the token Till"), ("zh-CN", "生成了令牌 Till")] {
        let page = mo.in_language(language).page("/staff/harbor/audit").await;
        assert!(page.text().contains(sentence), "{}", page.text());
    }
    // What is refused comes back with what was typed, at the field that is wrong; in its place, and nowhere else.
    for (path, fields, back, field) in [
        (
            "/do/staff/member/add",
            vec![("store", "harbor"), ("name", "Lee\u{200B}"), ("role", "manager")],
            "/staff/harbor/settings?error=invalid_name&form=member&field=name#add-member",
            "member-name",
        ),
        (
            "/do/staff/kiosk/add",
            vec![("store", "harbor"), ("kiosk", "Counter 1")],
            "/staff/harbor/settings?error=invalid_id&form=screen&field=kiosk#add-screen",
            "screen-id",
        ),
        (
            "/do/staff/kiosk/add",
            vec![("store", "harbor"), ("kiosk", "pier-1")],
            "/staff/harbor/settings?error=kiosk_exists&form=screen&field=kiosk#add-screen",
            "screen-id",
        ),
        (
            "/do/staff/token/add",
            vec![("store", "harbor"), ("name", " "), ("role", "warehouse")],
            "/staff/harbor/settings?error=required&form=token&field=name#add-token",
            "token-name",
        ),
    ] {
        let refused = mo.post_form(path, &fields).await;
        assert_eq!(leads_to(&refused), back);
        let typed = refused.cookies().into_iter().find(|pair| pair.starts_with("orderly_typed=")).expect("what was typed");
        let shown = mo.with("cookie", &format!("{}; {typed}", mo.cookie())).page(back).await;
        let input = shown.text().split(&format!("id=\"{field}\"")).nth(1).unwrap().split('>').next().unwrap();
        assert!(input.contains("aria-invalid=\"true\"") && input.contains(&format!("value=\"{}\"", fields[1].1)), "{path}: {input}");
        assert_eq!(shown.text().matches("aria-invalid").count(), 1, "{path}");
        assert!(!shown.text().contains("id=\"problem\""), "said once");
    }
    let page = mo.page(settings).await;
    // Nothing is taken away by one press: the button that does it is behind a question.
    for (word, sure) in
        [("Take off the staff", "Yes, take off the staff"), ("Take out of service", "Yes, take out of service"), ("Revoke", "Yes, revoke")]
    {
        let (before, after) = page.text().split_once(sure).expect(sure);
        assert!(
            before.rfind("data-testid=\"sure\"") > before.rfind("</details>") && before.contains(word) && after.contains("</details>"),
            "{sure}"
        );
    }
    assert!(page.text().contains("Kim &lt;b&gt; can no longer sign in here"));
    assert!(page.text().contains("made by Mo · made on "), "{}", page.text());
    assert!(page.text().contains("Kim &lt;b&gt;") && !page.text().contains("Kim <b>"), "a name stays a text");
    let kim = mo.get("/staff/stores/harbor/members").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    let change = async |act: &'static str, more: &[(&'static str, &'static str)]| {
        let fields = [&[("store", "harbor"), ("user", kim.as_str()), ("act", act)], more].concat();
        leads_to(&mo.post_form("/do/staff/member", &fields).await).to_owned()
    };
    assert_eq!(change("roles", &[]).await, format!("/staff/harbor/settings?error=no_role&form=roles&field={kim}#roles-{kim}"));
    assert_eq!(change("roles", &[("manager", "yes")]).await, "/staff/harbor/settings?done=1#made");
    assert_eq!(change("code", &[]).await, "/staff/harbor/settings?done=1#made");
    assert_eq!(change("remove", &[]).await, "/staff/harbor/settings?done=1#made");
    assert_eq!(change("remove", &[]).await, "/staff/harbor/settings?error=not_found#problem");
    // A manager of another store's settings is nobody here.
    let pat = server.staff("pier", "Pat", "manager").await;
    let foreign = pat.post_form("/do/staff/member/add", &[("store", "harbor"), ("name", "Eve"), ("role", "manager")]).await;
    assert_eq!(leads_to(&foreign), "/staff/harbor/settings?error=forbidden#problem");
    assert_eq!(pat.page("/staff/harbor/settings").await.status, StatusCode::FORBIDDEN);
    assert_eq!(pat.page("/staff/harbor/audit").await.status, StatusCode::FORBIDDEN);

    let saved = mo.post_form("/do/staff/settings", &[("store", "harbor"), ("settings[capacity]", "7")]).await;
    assert_eq!(leads_to(&saved), "/staff/harbor/settings?saved=1");
    mo.until("/staff/stores/harbor/audit", |audit| audit["items"][0]["type"] == "store.settings_changed.v1").await;
    let audit = mo.page("/staff/harbor/audit").await;
    assert_eq!(audit.status, StatusCode::OK);
    for said in [
        "changed the settings",
        "Orders at the same time: 20 → 7",
        "took Kim &lt;b&gt; off the staff",
        "added the screen counter-1",
        "signed in",
        "From the command line:",
    ] {
        assert!(audit.text().contains(said), "{said}: {}", audit.text());
    }
    let chinese = mo.in_language("zh-CN").page("/staff/harbor/audit").await;
    assert!(
        chinese.text().contains("修改了设置")
            && chinese.text().contains("添加了屏幕 counter-1")
            && chinese.text().contains("将 Kim &lt;b&gt; 移出员工")
            && chinese.text().contains("通过命令行："),
        "{}",
        chinese.text()
    );
}

async fn roles_that_a_colleague_has_just_withdrawn_do_not_come_back(server: Server) {
    let (mo, ann) = (server.staff("harbor", "Mo", "manager").await, server.staff("harbor", "Ann", "manager").await);
    server.staff("harbor", "Omar", "manager").await;
    let (settings, members) = ("/staff/harbor/settings", "/staff/stores/harbor/members");
    let omar = async |field: &str| {
        let list = mo.get(members).await.body;
        let his = list["items"].as_array().unwrap().iter().find(|member| member["name"] == "Omar").unwrap();
        his[field].clone()
    };
    let user = omar("id").await.as_str().unwrap().to_owned();
    // The part of the page that is his, up to the end of the form that changes his roles.
    let part = |page: &Reply| {
        let (_, rest) = page.text().split_once(&format!("id=\"roles-{user}\"")).expect("his row");
        rest.split("</form>").next().unwrap().to_owned()
    };
    let was = |part: &str| {
        let (_, rest) = part.split_once("name=\"was\" value=\"").expect("what the form shows");
        rest.split('"').next().unwrap().to_owned()
    };
    let save = async |client: &Client, was: &str, ticked: &[&'static str]| {
        let mut fields = vec![("store", "harbor"), ("user", user.as_str()), ("act", "roles"), ("was", was)];
        fields.extend(ticked.iter().map(|role| (*role, "yes")));
        leads_to(&client.post_form("/do/staff/member", &fields).await).to_owned()
    };
    let done = "/staff/harbor/settings?done=1#made";

    // Both have the page from before.
    let seen = was(&part(&ann.page(settings).await));
    assert_eq!(seen, "manager");
    assert_eq!(save(&mo, &seen, &["barista"]).await, done);
    let back = save(&ann, &seen, &["warehouse", "manager"]).await;
    assert_eq!(back, format!("{settings}?error=roles_changed&form=roles&field={user}#roles-{user}"));
    assert_eq!(omar("roles").await, json!(["barista"]), "nothing was changed");
    // It is said once, with him, whose row stands open with what holds now.
    let shown = ann.page(back.split('#').next().unwrap()).await;
    let his = part(&shown);
    assert!(his.contains("Somebody else has changed these roles") && his.split('>').next().unwrap().contains("open"), "{his}");
    assert_eq!(shown.text().matches("aria-invalid=\"true\"").count(), 1);
    assert!(!shown.text().contains("id=\"problem\""), "said once");
    let fresh = was(&his);
    assert_eq!(fresh, "barista");
    assert_eq!(save(&ann, &fresh, &["barista", "warehouse"]).await, done);
    assert_eq!(omar("roles").await, json!(["barista", "warehouse"]));
    // Whoever wants what holds already is not refused, whatever they saw.
    assert_eq!(save(&mo, &fresh, &["barista", "warehouse"]).await, done);
    assert_eq!(save(&mo, "barista,baker", &["manager"]).await, "/staff/harbor/settings?error=unknown_role#problem");
    // A program says what is to be, as ever.
    let put = mo.call(Method::PUT, &format!("{members}/{user}/roles"), &json!({"roles": ["manager"]})).await;
    assert_eq!((put.status, omar("roles").await), (StatusCode::NO_CONTENT, json!(["manager"])));
}
