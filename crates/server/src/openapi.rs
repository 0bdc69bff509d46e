//! The OpenAPI document: generated from the handlers, and rounded off by what holds for all
//! calls alike.

use crate::guard::Parameters;
use banyan_api::{Json, Problem, ResetEvent, ServiceEvent};
use http::Method;
use serde_json::json;
use utoipa::OpenApi;

/// What the handlers' own annotations are added to.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Banyan",
        description = "Business transactions across services end: done, or undone.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem, ResetEvent, ServiceEvent)),
    tags(
        (name = "Definitions", description = "Saga files, registered"),
        (name = "Sagas", description = "Runs of definitions"),
        (name = "Services", description = "Who is called"),
        (name = "Operations", description = "A verb over many sagas"),
        (name = "Administration", description = "Who did what"),
        (name = "Stream", description = "What changes, as it changes"),
        (name = "Health", description = "How the server is"),
        (name = "Errors", description = "What error codes mean"),
    )
)]
pub(crate) struct Base;

/// The whole document.
pub(crate) fn document(generated: &utoipa::openapi::OpenApi) -> Json {
    // Only our own types are in it: writing them to JSON cannot fail.
    let mut document = serde_json::to_value(generated).unwrap_or_default();
    require_all_fields(&mut document);
    document["components"]["securitySchemes"] = json!({
        "token": {"type": "http", "scheme": "bearer", "description": "The token of admin.token"}
    });
    document["security"] = json!([{ "token": [] }]);
    let refusal = json!({
        "description": "It was not done; `code` says why",
        "content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"}
        }}
    });
    for operation in operations(&mut document) {
        operation["responses"]["default"] = refusal.clone();
    }
    document
}

/// Every field of an answer is always present. Requests say themselves what they need.
fn require_all_fields(document: &mut Json) {
    let Some(Json::Object(schemas)) = document["components"].get_mut("schemas") else {
        return;
    };
    for (name, schema) in schemas {
        if name.ends_with("Request") {
            continue;
        }
        let names = schema["properties"].as_object().map(|properties| {
            let names = properties.keys().map(|name| Json::from(name.as_str()));
            names.collect::<Vec<_>>()
        });
        if let Some(names) = names {
            schema["required"] = names.into();
        }
    }
}

fn operations(document: &mut Json) -> impl Iterator<Item = &mut Json> {
    document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.values_mut())
        .filter_map(Json::as_object_mut)
        .flat_map(|item| item.iter_mut())
        .filter(|(method, _)| method.to_uppercase().parse::<Method>().is_ok())
        .map(|(_, operation)| operation)
}

/// The query parameters of each call.
pub(crate) fn parameters(document: &Json) -> Parameters {
    let mut table = Parameters::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            let all = operation["parameters"].as_array().into_iter().flatten();
            let names = all
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
                .collect();
            table.entry(path.clone()).or_default().insert(method, names);
        }
    }
    table
}
