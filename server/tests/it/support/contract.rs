//! What the server promises of its messages, as it serves it: everything that a test hears is held to it.

use std::collections::BTreeMap;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::Server;

/// The schemas of whole messages, by type.
pub struct Contract {
    schemas: Schemas,
    of_type: BTreeMap<String, SchemaIndex>,
}

impl Contract {
    /// As the first server of this run serves it: all of them are one program.
    pub async fn of(server: &Server) -> &'static Self {
        static CONTRACT: OnceCell<Contract> = OnceCell::const_new();
        CONTRACT
            .get_or_init(async || {
                let document = server.nobody().get("/asyncapi.json").await.body;
                Self::read(&document)
            })
            .await
    }

    fn read(document: &Value) -> Self {
        const PLACE: &str = "http://orderly/asyncapi.json";
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        compiler.add_resource(PLACE, document.clone()).expect("a document");
        let mut contract = Self { schemas: Schemas::new(), of_type: BTreeMap::new() };
        for message in document["components"]["messages"].as_object().expect("messages").values() {
            let (name, payload) = (message["name"].as_str().expect("a name"), message["payload"]["$ref"].as_str().expect("a schema"));
            let index = compiler.compile(&format!("{PLACE}{payload}"), &mut contract.schemas).expect("a schema");
            contract.of_type.insert(name.to_owned(), index);
        }
        contract
    }

    /// The event is as the document says; the test ends where it is not.
    pub fn check(&self, event: &Value) {
        let of_type = event["type"].as_str().and_then(|name| self.of_type.get(name));
        let index = of_type.unwrap_or_else(|| panic!("of no type in asyncapi.json: {event}"));
        if let Err(error) = self.schemas.validate(event, *index) {
            panic!("{error:#} in {event}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    #[should_panic(expected = "is_open")]
    fn what_is_not_as_promised_is_found() {
        let view = json!({"type": "object", "required": ["is_open"], "properties": {"is_open": {"type": "boolean"}}});
        let whole = json!({"type": "object", "properties": {"data": {"$ref": "#/components/schemas/View"}}});
        let message = json!({"name": "live.x.v1", "payload": {"$ref": "#/components/schemas/live.x.v1"}});
        let document = json!({"components": {"messages": {"x": message}, "schemas": {"View": view, "live.x.v1": whole}}});
        let contract = Contract::read(&document);
        contract.check(&json!({"type": "live.x.v1", "data": {"is_open": true}}));
        contract.check(&json!({"type": "live.x.v1", "data": {}}));
    }
}
