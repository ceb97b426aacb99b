//! What every call can answer besides its own answers, added to the generated OpenAPI document in one place: who may
//! call, and the refusals that come before a call is looked at.

use backend::identity::cookie;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

/// Adds them.
pub fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(cookie::NAME))));
    components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    // A browser's cookie, a program's token, or nobody, where the call is for everybody.
    let none: [&str; 0] = [];
    document.security =
        Some(vec![SecurityRequirement::new("session", none), SecurityRequirement::new("token", none), SecurityRequirement::default()]);
    for item in document.paths.paths.values_mut() {
        let writing = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in writing.into_iter().flatten() {
            refusals_of_writing(operation);
        }
        let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in all.into_iter().flatten() {
            refusals_of_asking(operation);
            refusal(operation, "429", "Too many requests; see `Retry-After`");
            refusal(operation, "503", "The database is away; ask again");
        }
    }
}

fn refusals_of_asking(operation: &mut Operation) {
    let is_in = |place: ParameterIn| {
        operation.parameters.iter().flatten().any(|parameter| matches!(parameter, RefOr::T(p) if p.parameter_in == place))
    };
    let (names, asks) = (is_in(ParameterIn::Path), is_in(ParameterIn::Query));
    if asks {
        refusal(operation, "400", "A query that cannot be read, or a limit or cursor that there is not");
    }
    if names {
        refusal(operation, "404", "There is no such thing, or it is somebody else's");
    }
    // Also where everybody may call: a token that is none is refused before anything is looked at.
    refusal(operation, "401", "Neither a session nor a token, not signed in, or a token that is not good");
}

fn refusals_of_writing(operation: &mut Operation) {
    let is_key = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(p) if p.parameter_in == ParameterIn::Header && p.name == "Idempotency-Key");
    let keyed = operation.parameters.iter().flatten().any(is_key);
    refusal(operation, "403", "Without the right, or from a foreign origin");
    if keyed {
        refusal(operation, "400", "`idempotency_key_required`, or a body that is not JSON");
        refusal(operation, "409", "`request_in_progress`, or not possible now");
    }
    if operation.request_body.is_some() {
        refusal(operation, "400", "A body that is not JSON");
        refusal(operation, "413", "A body that is too large");
        refusal(operation, "415", "A body of another content type than JSON");
        refusal(operation, "422", "Well-formed, but wrong: `errors` says where");
    }
}

/// Adds an answer that the call does not describe itself.
fn refusal(operation: &mut Operation, status: &str, description: &str) {
    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        RefOr::T(ResponseBuilder::new().description(description).content("application/problem+json", content).build())
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn the_document_says_who_may_call_and_what_is_refused() {
        let document = serde_json::to_value(crate::api::routes().1).unwrap();
        assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
        assert_eq!(document["security"].as_array().map(Vec::len), Some(3));
        let place = &document["paths"]["/checkouts/{id}/place"]["post"]["responses"];
        for status in ["400", "401", "403", "409", "415", "422", "429", "503"] {
            assert!(place.get(status).is_some(), "{status}");
        }
        let problem = &place["415"]["content"]["application/problem+json"]["schema"];
        assert_eq!(problem, &json!({"$ref": "#/components/schemas/Problem"}));
        assert!(document["components"]["schemas"].get("Problem").is_some());
        let menu = &document["paths"]["/stores/{store}/menu"]["get"]["responses"];
        assert!(menu.get("429").is_some() && menu.get("422").is_none());
        for (path, method, status) in [
            ("/checkouts", "post", "410"),
            ("/checkouts/{id}", "delete", "410"),
            ("/orders", "get", "400"),
            ("/orders/{id}", "get", "401"),
            ("/orders/{id}/journey", "get", "400"),
            ("/orders/{id}/journey", "get", "401"),
            ("/stores", "get", "400"),
            ("/stores", "get", "401"),
            ("/staff/stores/{store}/queue", "get", "404"),
            ("/webhooks/payments/{provider}", "post", "413"),
        ] {
            assert!(document["paths"][path][method]["responses"].get(status).is_some(), "{method} {path}: {status}");
        }
    }
}
