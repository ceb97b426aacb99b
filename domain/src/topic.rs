//! MQTT topics: the only place that knows how they are spelled.
//!
//! Only `[A-Za-z0-9_/-]` occurs: a broker that refuses a topic makes its client resend the message for ever.

use std::{fmt, str::FromStr};

use crate::{KioskId, OrderId, StoreId, UserId};

/// A topic that Orderly publishes on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// `v1/stores/{store}/status`: open, accepting, how long it takes. Anyone.
    Status(StoreId),
    /// `v1/stores/{store}/menu`: what became available, unavailable, or changed its price. Anyone.
    Menu(StoreId),
    /// `v1/stores/{store}/board`: the numbers being prepared and ready. Anyone.
    Board(StoreId),
    /// `v1/stores/{store}/queue`: the tickets. The store's staff.
    Queue(StoreId),
    /// `v1/kiosks/{kiosk}/code`: the code that the kiosk shows. That kiosk and managers.
    KioskCode(KioskId),
    /// `v1/orders/{id}`: one order. Its owner and the store's staff.
    Order(OrderId),
    /// `v1/users/{id}`: notices and balances. That user.
    User(UserId),
    /// `v1/ops/{flow}`: lag and parked events. Operators.
    Ops(String),
}

impl Topic {
    /// Kept by the broker for those who come later. Topics of one order or one user are not: they would grow for ever,
    /// and the gateway answers a subscription with the current snapshot instead.
    pub const fn retained(&self) -> bool {
        !matches!(self, Self::Order(_) | Self::User(_))
    }

    /// With the broker inside made only while somebody hears it: one of many, or large.
    pub const fn on_demand(&self) -> bool {
        matches!(self, Self::Order(_) | Self::User(_) | Self::Queue(_))
    }

    /// The CloudEvents type of what is published here.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Status(_) => "live.store_status.v1",
            Self::Menu(_) => "live.menu.v1",
            Self::Board(_) => "live.board.v1",
            Self::Queue(_) => "live.queue.v1",
            Self::KioskCode(_) => "live.kiosk_code.v1",
            Self::Order(_) => "live.order.v1",
            Self::User(_) => "live.user.v1",
            Self::Ops(_) => "live.ops.v1",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(store) => write!(f, "v1/stores/{store}/status"),
            Self::Menu(store) => write!(f, "v1/stores/{store}/menu"),
            Self::Board(store) => write!(f, "v1/stores/{store}/board"),
            Self::Queue(store) => write!(f, "v1/stores/{store}/queue"),
            Self::KioskCode(kiosk) => write!(f, "v1/kiosks/{kiosk}/code"),
            Self::Order(order) => write!(f, "v1/orders/{order}"),
            Self::User(user) => write!(f, "v1/users/{user}"),
            Self::Ops(flow) => write!(f, "v1/ops/{flow}"),
        }
    }
}

/// The text is none of Orderly's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a topic of Orderly")]
pub struct UnknownTopic;

impl FromStr for Topic {
    type Err = UnknownTopic;

    /// Only as it is printed: an id in capitals is another topic to every broker, on which nothing is ever published.
    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        fn id<T: FromStr>(text: &str) -> Result<T, UnknownTopic> {
            text.parse().map_err(|_| UnknownTopic)
        }
        let levels: Vec<&str> = text.split('/').collect();
        let topic = match levels[..] {
            ["v1", "stores", store, leaf] => {
                let store = id(store)?;
                match leaf {
                    "status" => Self::Status(store),
                    "menu" => Self::Menu(store),
                    "board" => Self::Board(store),
                    "queue" => Self::Queue(store),
                    _ => return Err(UnknownTopic),
                }
            }
            ["v1", "kiosks", kiosk, "code"] => Self::KioskCode(id(kiosk)?),
            ["v1", "orders", order] => Self::Order(id(order)?),
            ["v1", "users", user] => Self::User(id(user)?),
            ["v1", "ops", flow] if !flow.is_empty() && flow.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) => {
                Self::Ops(flow.to_owned())
            }
            _ => return Err(UnknownTopic),
        };
        if topic.to_string() == text { Ok(topic) } else { Err(UnknownTopic) }
    }
}

/// A topic filter of a subscription: a topic, or one with the wildcards `+` (one level) and `#` (all that follow).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter(String);

/// The text is not a topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a topic filter")]
pub struct InvalidFilter;

impl Filter {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The single topic that the filter names; `None` when it has wildcards or names no topic of ours.
    pub fn topic(&self) -> Option<Topic> {
        self.0.parse().ok()
    }

    /// MQTT 5.0, 4.7: whether the filter matches the topic name. A leading wildcard does not match `$` topics.
    pub fn matches(&self, topic: &str) -> bool {
        if topic.starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        let (mut filter, mut levels) = (self.0.split('/'), topic.split('/'));
        loop {
            match (filter.next(), levels.next()) {
                (Some("#"), _) | (None, None) => return true,
                (Some("+"), Some(_)) => {}
                (Some(f), Some(l)) if f == l => {}
                _ => return false,
            }
        }
    }
}

impl FromStr for Filter {
    type Err = InvalidFilter;

    /// MQTT 5.0, 4.7.1: at least one character, no NUL, `#` alone in the last level, `+` alone in its level.
    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        if text.is_empty() || text.len() > 65_535 || text.contains('\0') {
            return Err(InvalidFilter);
        }
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            let last = levels.peek().is_none();
            if (level.contains('#') && (level != "#" || !last)) || (level.contains('+') && level != "+") {
                return Err(InvalidFilter);
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&Topic> for Filter {
    fn from(topic: &Topic) -> Self {
        Self(topic.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_topic_is_read_back() {
        let order: OrderId = "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071".parse().unwrap();
        let store: StoreId = "harbor".parse().unwrap();
        for topic in [
            Topic::Status(store.clone()),
            Topic::Menu(store.clone()),
            Topic::Board(store.clone()),
            Topic::Queue(store),
            Topic::KioskCode("pier-1".parse().unwrap()),
            Topic::Order(order),
            Topic::User(UserId(order.0)),
            Topic::Ops("live".to_owned()),
        ] {
            assert_eq!(topic.to_string().parse(), Ok(topic.clone()));
            assert!(topic.to_string().bytes().all(|b| b.is_ascii_alphanumeric() || b"_/-".contains(&b)));
        }
    }

    #[test]
    fn an_id_in_capitals_is_no_topic() {
        let id = "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
        for kind in ["orders", "users"] {
            assert!(format!("v1/{kind}/{id}").parse::<Topic>().is_ok());
            assert_eq!(format!("v1/{kind}/{}", id.to_uppercase()).parse::<Topic>(), Err(UnknownTopic));
        }
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic, matches) in [
            ("v1/#", "v1/orders/1", true),
            ("v1/#", "v1", true),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("v1/+/harbor/status", "v1/stores/harbor/status", true),
            ("v1/+", "v1/a/b", false),
            ("v1/+", "v1/", true),
            ("v1/a", "v1/a/", false),
        ] {
            assert_eq!(filter.parse::<Filter>().unwrap().matches(topic), matches, "{filter} {topic}");
        }
        for bad in ["", "a/#/b", "a#", "a+/b", "+a", "a\0"] {
            assert_eq!(bad.parse::<Filter>(), Err(InvalidFilter), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            if let Ok(topic) = text.parse::<Topic>() {
                prop_assert_eq!(topic.to_string(), text.clone());
            }
            let _ = text.parse::<Filter>().map(|f| f.matches(&text));
        }
    }
}
