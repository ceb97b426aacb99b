//! AsyncAPI 3: what is told over MQTT, where, and to whom.

use std::net::SocketAddr;

use domain::event::CloudEvent;
use domain::live;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema as _, ToSchema as _};

/// A topic, as the document tells of it.
struct Channel {
    name: &'static str,
    address: &'static str,
    /// Its parameter and what that is; none has more than one.
    parameter: (&'static str, &'static str),
    who: &'static str,
    what: &'static str,
    type_name: &'static str,
}

const CHANNELS: [Channel; 8] = [
    Channel {
        name: "storeStatus",
        address: "v1/stores/{store}/status",
        parameter: ("store", STORE),
        who: ANYONE,
        what: "Whether a store is open, and how long it takes.",
        type_name: "live.store_status.v1",
    },
    Channel {
        name: "storeMenu",
        address: "v1/stores/{store}/menu",
        parameter: ("store", STORE),
        who: ANYONE,
        what: "What became available or unavailable, or changed its price, cumulative from menu version `since`; who is older fetches the menu again.",
        type_name: "live.menu.v1",
    },
    Channel {
        name: "storeBoard",
        address: "v1/stores/{store}/board",
        parameter: ("store", STORE),
        who: ANYONE,
        what: "The numbers that are being prepared, and those that are ready. No names.",
        type_name: "live.board.v1",
    },
    Channel {
        name: "storeQueue",
        address: "v1/stores/{store}/queue",
        parameter: ("store", STORE),
        who: "The bar of that store.",
        what: "The whole queue.",
        type_name: "live.queue.v1",
    },
    Channel {
        name: "kioskCode",
        address: "v1/kiosks/{kiosk}/code",
        parameter: ("kiosk", "Slug of a kiosk."),
        who: "That kiosk, and managers of its store.",
        what: "The code that it shows.",
        type_name: "live.kiosk_code.v1",
    },
    Channel {
        name: "order",
        address: "v1/orders/{order}",
        parameter: ("order", "Id of an order."),
        who: "Whoever placed it, and that store's staff.",
        what: "One order, whole.",
        type_name: "live.order.v1",
    },
    Channel {
        name: "user",
        address: "v1/users/{user}",
        parameter: ("user", "Id of a user, as `GET /me` tells it."),
        who: "That user.",
        what: "Notices, and the balances of wallet and points.",
        type_name: "live.user.v1",
    },
    Channel {
        name: "ops",
        address: "v1/ops/{flow}",
        parameter: ("flow", "Name of a subscriber of the log, with `-` for its dots."),
        who: "Operators; `v1/ops/#` is all of them.",
        what: "How far a subscriber of the log is.",
        type_name: "live.ops.v1",
    },
];

const STORE: &str = "Slug of a store.";
/// Of what is told to those, too, who do not say who they are.
const ANYONE: &str = "Anyone.";

/// The document, with where the gateway is: below `public_url`, and at `plain` where devices may come.
pub(super) fn document(public_url: &str, plain: Option<SocketAddr>) -> Value {
    let (scheme, host) = public_url.split_once("://").unwrap_or(("http", public_url));
    let mut servers = Map::new();
    let browser = json!({
        "host": host,
        "pathname": "/mqtt",
        "protocol": if scheme == "https" { "wss" } else { "ws" },
        "protocolVersion": "5.0",
        "description": "MQTT 5.0 or 3.1.1 over a WebSocket, subprotocol `mqtt`. A browser is known by its session cookie, a program by its token; \
                        who has neither may connect, and hears what anyone may: the status, the menu and the board of stores.",
    });
    servers.insert("browser".to_owned(), browser);
    if let Some(plain) = plain {
        // Who listens at every address of the machine has the name that the machine is called by.
        let plain_host = if plain.ip().is_unspecified() { format!("{}:{}", without_port(host), plain.port()) } else { plain.to_string() };
        let device = json!({
            "host": plain_host,
            "protocol": "mqtt",
            "protocolVersion": "5.0",
            "description": "MQTT 5.0 or 3.1.1 over TCP, for devices, which are known by their token; who has none may connect, and hears what \
                            anyone may: the status, the menu and the board of stores.",
        });
        servers.insert("device".to_owned(), device);
    }
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for Channel { name, address, parameter: (parameter, of), who, what, type_name } in CHANNELS {
        let message = format!("#/components/messages/{name}");
        let channel = json!({
            "address": address,
            "description": format!("{what} Who may subscribe: {who}"),
            "parameters": {parameter: {"description": of}},
            "messages": {name: {"$ref": message}},
        });
        channels.insert(name.to_owned(), channel);
        let mut operation = json!({
            "action": "send",
            "summary": what,
            "channel": {"$ref": format!("#/channels/{name}")},
            "messages": [{"$ref": format!("#/channels/{name}/messages/{name}")}],
            "bindings": {"mqtt": {"qos": 1, "retain": true, "bindingVersion": "0.2.0"}},
        });
        // Of the operation, not of the server: there it would have to be satisfied for everything.
        if who != ANYONE {
            operation["security"] =
                json!([{"$ref": "#/components/securitySchemes/token"}, {"$ref": "#/components/securitySchemes/cookie"}]);
        }
        operations.insert(format!("tell{}{}", name[..1].to_uppercase(), &name[1..]), operation);
        let message = json!({
            "name": type_name,
            "title": what,
            "contentType": "application/cloudevents+json",
            "payload": {"$ref": format!("#/components/schemas/{type_name}")},
        });
        messages.insert(name.to_owned(), message);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Orderly, live",
            "version": "1.0.0",
            "description": "Every change of an order, a menu or a queue, as a CloudEvent in structured JSON whose `data` is the whole small view of its \
                            thing. A subscriber gets the newest one at once, flagged retained. `sequence` (20 digits, compared as text) grows on each \
                            topic: keep the greatest. Nobody may publish.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": servers,
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas(),
            "securitySchemes": {
                "token": {"type": "userPassword", "description": "The password is a bearer token of `orderly token issue`; any user name, say `token`."},
                "cookie": {"type": "httpApiKey", "in": "cookie", "name": "orderly_session", "description": "The session of this site's own pages."},
            },
        },
    })
}

/// A host without its port; an IPv6 address keeps its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The views, and for each type the envelope around its view.
fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    let mut put = |name: String, schema| {
        if let Ok(value) = serde_json::to_value(schema) {
            schemas.insert(name, value);
        }
    };
    let mut nested = Vec::new();
    CloudEvent::<Value>::schemas(&mut nested);
    let envelope = serde_json::to_value(CloudEvent::<Value>::schema()).unwrap_or_default();
    let mut envelopes = Map::new();
    for (type_name, root, of_root) in live::data_schemas() {
        nested.extend(of_root);
        let mut whole = envelope.clone();
        whole["title"] = json!(type_name);
        whole["properties"]["type"] = json!({"const": type_name});
        whole["properties"]["specversion"] = json!({"const": "1.0"});
        whole["properties"]["data"] = serde_json::to_value(root).unwrap_or_default();
        envelopes.insert(type_name.to_owned(), whole);
    }
    for (name, schema) in nested {
        put(name, schema);
    }
    schemas.extend(envelopes);
    schemas
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// All references of a document.
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document("https://shop.example", Some("127.0.0.1:1883".parse().unwrap()));
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 40, "{found:?}");
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
        assert_eq!(document["servers"]["browser"]["protocol"], "wss");
        assert!(super::document("http://127.0.0.1:3000", None)["servers"].get("device").is_none());
    }

    #[test]
    fn what_anyone_may_hear_wants_no_credentials() {
        let document = document("https://shop.example", Some("127.0.0.1:1883".parse().unwrap()));
        assert!(document["servers"].as_object().unwrap().values().all(|server| server.get("security").is_none()), "it would go for all");
        for (name, operation) in document["operations"].as_object().unwrap() {
            let public = ["tellStoreStatus", "tellStoreMenu", "tellStoreBoard"].contains(&name.as_str());
            assert_eq!(operation.get("security").is_none(), public, "{name}");
        }
    }

    #[test]
    fn devices_are_told_a_host_that_they_can_reach() {
        for (public_url, plain, host) in [
            ("https://shop.example", "127.0.0.1:1883", "127.0.0.1:1883"),
            ("https://shop.example", "0.0.0.0:1883", "shop.example:1883"),
            ("http://192.0.2.7:3000", "[::]:9", "192.0.2.7:9"),
            ("http://[2001:db8::1]:3000", "[::]:1883", "[2001:db8::1]:1883"),
            ("http://[2001:db8::1]", "0.0.0.0:1883", "[2001:db8::1]:1883"),
        ] {
            let document = document(public_url, Some(plain.parse().unwrap()));
            assert_eq!(document["servers"]["device"]["host"], host, "{public_url} and {plain}");
        }
    }

    #[test]
    fn every_topic_has_a_channel_of_its_type() {
        for Channel { address, type_name, .. } in CHANNELS {
            let id = "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
            let topic = address.replace("{store}", "harbor").replace("{kiosk}", "pier-1").replace("{flow}", "live");
            let topic = topic.replace("{order}", id).replace("{user}", id);
            assert_eq!(topic.parse::<domain::topic::Topic>().unwrap().event_type(), type_name);
        }
        let types: Vec<_> = CHANNELS.iter().map(|channel| channel.type_name).collect();
        assert_eq!(types, live::data_schemas().iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    }
}
