//! What is told live and nowhere else, and the schema of everything that is told live.
//!
//! Most live messages carry what an HTTP answer does, see [`crate::view`].

use serde::{Deserialize, Serialize};

use crate::{OrderId, StoreId, Timestamp, view::WalletBalance};

/// `v1/users/{id}`: what somebody wants to know on whatever page they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UserLive {
    /// About the orders of the last day, newest first.
    pub notices: Vec<Notice>,
    /// null without a wallet.
    pub wallet: Option<WalletBalance>,
    /// Points to spend.
    pub points: i64,
}

/// An order of theirs that has come to a point where they may have to do something, or need do nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Notice {
    pub order: OrderId,
    pub number: i64,
    pub store: StoreId,
    pub kind: NoticeKind,
    pub at: Timestamp,
}

/// What there is to say of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// It stands at the counter.
    Ready,
    /// All of it was handed over.
    Fulfilled,
    /// It was refused; nothing is charged.
    Rejected,
    /// It was called off; what was paid goes back.
    Cancelled,
}

/// `v1/ops/{flow}`: how far a subscriber of the log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FlowView {
    /// Its name, such as `ordering-saga`: as in the topic, with `-` for the dots.
    pub flow: String,
    /// The last position of the log that it has dealt with.
    pub position: i64,
    /// Events of the log after that.
    pub lag: i64,
    /// Events that wait for a person.
    pub parked: i64,
}

/// `GET /kiosks/{kiosk}/code`, and `v1/kiosks/{kiosk}/code`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KioskCodeView {
    pub code: String,
    /// What the picture says: the page where it is scanned.
    pub url: String,
    /// The picture.
    pub svg: String,
    /// How often it may be scanned.
    pub scans: i64,
    /// How often it still may be.
    pub scans_left: i64,
    /// When the next code comes.
    pub rotates_at: Timestamp,
    /// When it must no longer be shown, should none have come.
    pub hide_at: Timestamp,
}

/// The JSON Schema of the data of every live message, by CloudEvents type, each with the schemas that it refers to.
#[cfg(feature = "schema")]
pub fn data_schemas() -> Vec<crate::event::DataSchema> {
    use crate::view::{BoardView, MenuChanges, OrderView, QueueView, StoreView};

    fn of<T: utoipa::ToSchema>(type_name: &'static str) -> crate::event::DataSchema {
        let mut nested = Vec::new();
        T::schemas(&mut nested);
        (type_name, T::schema(), nested)
    }
    vec![
        of::<StoreView>("live.store_status.v1"),
        of::<MenuChanges>("live.menu.v1"),
        of::<BoardView>("live.board.v1"),
        of::<QueueView>("live.queue.v1"),
        of::<KioskCodeView>("live.kiosk_code.v1"),
        of::<OrderView>("live.order.v1"),
        of::<UserLive>("live.user.v1"),
        of::<FlowView>("live.ops.v1"),
    ]
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use super::*;
    use crate::topic::Topic;

    #[test]
    fn every_topic_has_the_schema_of_its_type() {
        let id = "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
        let schemas = data_schemas();
        let mut types = Vec::new();
        for topic in [
            "v1/stores/harbor/status".to_owned(),
            "v1/stores/harbor/menu".to_owned(),
            "v1/stores/harbor/board".to_owned(),
            "v1/stores/harbor/queue".to_owned(),
            "v1/kiosks/pier-1/code".to_owned(),
            format!("v1/orders/{id}"),
            format!("v1/users/{id}"),
            "v1/ops/live".to_owned(),
        ] {
            types.push(topic.parse::<Topic>().unwrap().event_type());
        }
        assert_eq!(schemas.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), types);
    }
}
