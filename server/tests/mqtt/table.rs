//! The table of rights: every topic, every kind of caller, both versions. What is expected is written out here once
//! more, as the contract has it, and not asked of the code under test.

use backend::identity::{Caller, Whose};
use domain::view::{Role, RoleView};
use domain::{KioskId, SessionId, StoreId, TokenId, UserId};
use uuid::Uuid;

use crate::stage::{Stage, connect, order, payload, shopper, subscribe};

fn guest(id: u128) -> Caller {
    Caller::Guest { session: SessionId(Uuid::from_u128(id)), fresh: false }
}

/// Somebody signed in who works at a store, or everywhere.
fn signed_in(id: u128, role: Role, store: Option<&str>) -> Caller {
    Caller::User {
        session: SessionId(Uuid::from_u128(id)),
        user: UserId(Uuid::from_u128(id)),
        name: "Kim".to_owned(),
        language: None,
        roles: vec![RoleView { role, store: store.map(|store| store.parse().unwrap()) }],
    }
}

fn token(id: u128, role: Role, store: Option<&str>, kiosk: Option<&str>) -> Caller {
    Caller::Token {
        token: TokenId(Uuid::from_u128(id)),
        role,
        store: store.map(|store| store.parse().unwrap()),
        merchant: (role == Role::Merchant).then(|| "unicorn-goods".parse().unwrap()),
        kiosk: kiosk.map(|kiosk| kiosk.parse::<KioskId>().unwrap()),
        person: None,
    }
}

/// Who comes, by what the table calls them.
fn callers() -> Vec<(&'static str, Caller)> {
    vec![
        ("nobody", Caller::Nobody),
        ("the guest who ordered", guest(1)),
        ("another guest", guest(2)),
        ("the shopper who ordered", shopper(3)),
        ("another shopper", shopper(4)),
        ("a customer's token", token(5, Role::Customer, None, None)),
        ("a barista of harbor", signed_in(6, Role::Barista, Some("harbor"))),
        ("a barista of pier", signed_in(7, Role::Barista, Some("pier"))),
        ("a packer of harbor", signed_in(8, Role::Warehouse, Some("harbor"))),
        ("a manager of harbor", signed_in(9, Role::Manager, Some("harbor"))),
        ("a manager of pier", signed_in(10, Role::Manager, Some("pier"))),
        ("a manager of all", signed_in(11, Role::Manager, None)),
        ("a screen of harbor", token(12, Role::Barista, Some("harbor"), None)),
        ("the kiosk pier-1", token(13, Role::Kiosk, Some("pier"), Some("pier-1"))),
        ("the kiosk pier-2", token(14, Role::Kiosk, Some("pier"), Some("pier-2"))),
        ("a merchant", token(15, Role::Merchant, None, None)),
        ("an operator", token(16, Role::Operator, None, None)),
    ]
}

/// An order of the guest whose id has letters.
const LETTERED: u128 = 0xA1;

/// Filters, and who may hear them; of the orders of the guest (1 and [`LETTERED`]) and of the shopper (3), all at harbor.
fn table() -> Vec<(String, &'static [&'static str])> {
    const ALL: &[&str] = &["*"];
    const NONE: &[&str] = &[];
    const BAR: &[&str] = &["a barista of harbor", "a manager of harbor", "a manager of all", "a screen of harbor"];
    const KIOSK: &[&str] = &["the kiosk pier-1", "a manager of pier", "a manager of all"];
    const OF_GUEST: &[&str] = &[
        "the guest who ordered",
        "a barista of harbor",
        "a packer of harbor",
        "a manager of harbor",
        "a manager of all",
        "a screen of harbor",
    ];
    const OF_SHOPPER: &[&str] = &[
        "the shopper who ordered",
        "a barista of harbor",
        "a packer of harbor",
        "a manager of harbor",
        "a manager of all",
        "a screen of harbor",
    ];
    const OPERATOR: &[&str] = &["an operator"];
    const EVERY_STORE: &[&str] = &["a manager of all"];
    let shopper = Uuid::from_u128(3);
    let (lettered, manager) = (Uuid::from_u128(LETTERED).to_string(), Uuid::from_u128(10).to_string());
    let rows: [(String, &[&str]); 44] = [
        ("v1/stores/harbor/status".into(), ALL),
        ("v1/stores/harbor/menu".into(), ALL),
        ("v1/stores/harbor/board".into(), ALL),
        ("v1/stores/+/status".into(), ALL),
        ("v1/stores/+/menu".into(), ALL),
        ("+/+/+/board".into(), ALL),
        ("v1/stores/harbor/board/#".into(), ALL),
        ("v1/stores/harbor/queue".into(), BAR),
        ("v1/stores/harbor/queue/#".into(), BAR),
        ("v1/stores/harbor/+".into(), BAR),
        ("v1/stores/harbor/#".into(), BAR),
        ("v1/stores/+/queue".into(), EVERY_STORE),
        ("v1/stores/#".into(), EVERY_STORE),
        ("v1/+/+/queue".into(), EVERY_STORE),
        // There is none.
        ("v1/stores/nowhere/status".into(), NONE),
        ("+/stores/nowhere/board/#".into(), NONE),
        ("v1/stores/nowhere/queue".into(), NONE),
        ("v1/stores/nowhere/+".into(), NONE),
        ("v1/kiosks/pier-1/code".into(), KIOSK),
        ("v1/kiosks/pier-1/#".into(), KIOSK),
        ("v1/kiosks/+/code".into(), EVERY_STORE),
        (order(1).to_string(), OF_GUEST),
        (format!("+/orders/{}", Uuid::from_u128(1)), OF_GUEST),
        (order(3).to_string(), OF_SHOPPER),
        // There is none: it looks like somebody else's.
        (order(99).to_string(), NONE),
        (format!("v1/orders/{lettered}"), OF_GUEST),
        // Another topic, on which nobody would ever hear anything.
        (format!("v1/orders/{}", lettered.to_uppercase()), NONE),
        (format!("+/orders/{}", lettered.to_uppercase()), NONE),
        ("v1/orders/+".into(), NONE),
        ("v1/orders/#".into(), NONE),
        (format!("v1/users/{shopper}"), &["the shopper who ordered"]),
        (format!("v1/users/{shopper}/#"), &["the shopper who ordered"]),
        (format!("v1/users/{manager}"), &["a manager of pier"]),
        (format!("v1/users/{}", manager.to_uppercase()), NONE),
        ("v1/users/+".into(), NONE),
        ("v1/ops/live".into(), OPERATOR),
        ("v1/ops/+".into(), OPERATOR),
        ("v1/ops/#".into(), OPERATOR),
        ("v1/+/+".into(), NONE),
        ("v1/#".into(), NONE),
        ("#".into(), NONE),
        ("+/#".into(), NONE),
        ("$SYS/#".into(), NONE),
        ("v1/elsewhere".into(), NONE),
    ];
    rows.into()
}

#[tokio::test]
async fn everybody_hears_what_the_contract_says_and_nothing_else() {
    let stage = Stage::open().await;
    let harbor: StoreId = "harbor".parse().unwrap();
    stage.house.arrange(|facts| {
        for (name, caller) in callers() {
            facts.tokens.insert(name.to_owned(), caller);
        }
        for (id, owner) in [(1, guest(1)), (LETTERED, guest(1)), (3, shopper(3))] {
            facts.whose.insert(order(id), Whose { owner: owner.owner(), store: harbor.clone() });
        }
        let kiosk = domain::topic::Topic::KioskCode("pier-1".parse().unwrap());
        facts.whose.insert(kiosk, Whose { owner: None, store: "pier".parse().unwrap() });
    });
    let table = table();
    let filters: Vec<_> = table.iter().map(|(filter, _)| (filter.as_str(), 0)).collect();
    for (name, _) in callers() {
        for (level, refused) in [(5, 0x87), (4, 0x80)] {
            let mut raw = stage.raw().await;
            raw.send(&connect(level, 60, (name != "nobody").then_some(name))).await;
            assert_eq!(raw.packet().await[3], 0, "{name}");
            raw.send(&subscribe(level, &filters)).await;
            let ack = raw.packet().await;
            let codes = &ack[ack.len() - table.len()..];
            for ((filter, may), code) in table.iter().zip(codes) {
                let expected = if *may == ["*"] || may.contains(&name) { 0 } else { refused };
                assert_eq!(*code, expected, "{name}, level {level}: {filter}");
            }
        }
    }
}

/// A filter that was refused is not heard, and one that was granted is: what is told is asked, not what SUBACK says.
#[tokio::test]
async fn what_was_refused_never_arrives() {
    let stage = Stage::open().await;
    stage.house.arrange(|facts| {
        for (name, caller) in callers() {
            facts.tokens.insert(name.to_owned(), caller);
        }
        facts.whose.insert(order(1), Whose { owner: guest(1).owner(), store: "harbor".parse().unwrap() });
    });
    let topics = [
        "v1/stores/harbor/status".to_owned(),
        "v1/stores/harbor/queue".to_owned(),
        "v1/kiosks/pier-1/code".to_owned(),
        order(1).to_string(),
        format!("v1/users/{}", Uuid::from_u128(3)),
        "v1/ops/live".to_owned(),
    ];
    let mut sequence = 0;
    for (name, _) in callers() {
        let mut raw = stage.raw().await;
        raw.send(&connect(4, 60, (name != "nobody").then_some(name))).await;
        raw.packet().await;
        let filters = ["#", "+/#", "v1/#", "v1/+/+", "v1/orders/#"];
        raw.send(&subscribe(4, &filters.map(|filter| (filter, 0)))).await;
        raw.packet().await;
        raw.send(&subscribe(4, &topics.each_ref().map(|topic| (topic.as_str(), 0)))).await;
        let ack = raw.packet().await;
        let granted: Vec<_> = topics.iter().zip(&ack[ack.len() - topics.len()..]).filter(|(_, code)| **code == 0).collect();
        sequence += 1;
        for topic in &topics {
            stage.gateway.broker().publish(topic, payload(sequence, "")).unwrap();
        }
        raw.send(&[0xC0, 0]).await;
        let mut heard = std::collections::BTreeSet::new();
        let mut pinged = false;
        while !pinged || heard.len() < granted.len() {
            let packet = raw.packet().await;
            if packet == [0xD0, 0] {
                pinged = true;
            } else {
                let length = usize::from(packet[3]);
                heard.insert(String::from_utf8(packet[4..4 + length].to_vec()).unwrap());
            }
        }
        assert_eq!(heard.len(), granted.len(), "{name}: {heard:?}");
        assert!(granted.iter().all(|(topic, _)| heard.contains(*topic)), "{name}: {heard:?}");
    }
}
