//! What a store's managers see of its people, screens and tokens, and of what all of them did.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Role;
use crate::{EventId, KioskId, Timestamp, TokenId, UserId, kiosk::Screen};

wire! {
    /// Somebody who works at a store.
    MemberView {
        id: UserId,
        name: String,
        /// What they are at this store, in the order of the contract.
        roles: Vec<Role>,
        /// Whether they have chosen one.
        has_password: bool,
        /// Until when their newest one-time code is good; null: they have none that is.
        code_until: Option<Timestamp>,
        /// When they last signed in with a session that is still good.
        signed_in_at: Option<Timestamp>,
    }

    /// A member and their one-time code, which is told this once.
    NewMemberView { id: UserId, name: String, roles: Vec<Role>, code: String, expires_at: Timestamp }

    /// A screen of a store.
    KioskView {
        id: KioskId,
        /// What has been made this kiosk and may see its codes.
        devices: Vec<TokenView>,
        /// Until when its pairing code is good; null: it has none that is.
        pairing_until: Option<Timestamp>,
    }

    /// A kiosk and the one-time code that makes a screen be it, which is told this once.
    PairingView { kiosk: KioskId, code: String, expires_at: Timestamp }

    /// A token that is good, without the token.
    TokenView {
        id: TokenId,
        name: String,
        role: Role,
        kiosk: Option<KioskId>,
        created_at: Timestamp,
        /// Who made it; null: the command line, or it is a kiosk's.
        made_by: Option<String>,
        /// When a kiosk was last connected over MQTT, to a few seconds; null: never, or it is none.
        seen_at: Option<Timestamp>,
        /// It still is; left out while it is not.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        connected: bool,
        /// What a kiosk's browser showed last; null: nothing yet, or it is none.
        screen: Option<Screen>,
    }

    /// A token, which is told this once.
    NewTokenView { id: TokenId, token: String }

    /// Something that somebody of the staff, or a device, did at a store.
    AuditEntry {
        id: EventId,
        at: Timestamp,
        by: AuditActor,
        /// What happened: the type of the event, such as `store.settings_changed.v1`.
        #[serde(rename = "type")]
        type_name: String,
        /// The id of the thing that it was done to.
        subject: String,
        /// The person that it was done to, where it was one of the staff; what a token is called that was made or revoked.
        whom: Option<String>,
        /// The order's number, where it was done to an order.
        number: Option<i64>,
        /// The event's data.
        data: Value,
    }

    /// Who did it.
    AuditActor {
        /// `staff` or `token`; `customer` or `guest` for a shopper, who has no name here; `system` where nobody has signed in: the
        /// command line, or the shop itself.
        kind: String,
        id: String,
        /// Of a person or of a token.
        name: String,
    }
}
