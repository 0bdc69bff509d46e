//! The OpenAPI document as judge: is an answer what the document says of its call?

use super::http::Answer;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The document, and the validators of its schemas, compiled once each.
pub(crate) struct Contract(Value, Mutex<HashMap<String, Arc<Validator>>>);

impl Contract {
    pub(crate) fn new(document: Value) -> Contract {
        assert_eq!(document["openapi"], "3.1.0");
        Contract(document, Mutex::default())
    }

    pub(crate) fn document(&self) -> &Value {
        &self.0
    }

    /// Panics when the answer is not as described.
    pub(crate) fn judge(&self, method: &str, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap();
        let told = format!("{method} {path} → {} {}", answer.status, answer.text());
        let kind = answer.header("content-type").unwrap_or_default();
        if answer.status >= 400 {
            assert_eq!(kind, "application/problem+json", "{told}");
            let problem = answer.json();
            assert_eq!(problem["status"], answer.status, "{told}");
            let code = problem["code"].as_str().unwrap();
            assert_eq!(problem["type"], format!("/errors/{code}"), "{told}");
            assert!(banyan_api::Code::from_word(code).is_some(), "{told}");
            return self.check(
                &json!({"$ref": "#/components/schemas/Problem"}),
                answer,
                &told,
            );
        }
        let operation = self.operation(&method.to_lowercase(), path);
        if operation.is_null() {
            assert_eq!(path, "/v1/openapi.json", "not described: {told}");
            return;
        }
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "status not described: {told}");
        let Some(content) = response["content"].as_object() else {
            assert!(answer.body.is_empty(), "no body is described: {told}");
            return;
        };
        let described = content
            .get(kind)
            .unwrap_or_else(|| panic!("type not described: {kind} {told}"));
        if kind == "application/json" {
            self.check(&described["schema"], answer, &told);
        }
    }

    /// Panics when a body that was taken is not as described.
    pub(crate) fn judge_request(&self, method: &str, path: &str, body: &[u8]) {
        let path = path.split('?').next().unwrap();
        let operation = self.operation(&method.to_lowercase(), path);
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if let (true, Ok(body)) = (schema.is_object(), serde_json::from_slice(body)) {
            self.check_value(schema, &body, &format!("the body of {method} {path}"));
        }
    }

    fn check(&self, schema: &Value, answer: &Answer, told: &str) {
        self.check_value(schema, &answer.json(), told);
    }

    fn check_value(&self, schema: &Value, body: &Value, told: &str) {
        let validator = self.validator(schema);
        let errors: Vec<String> = validator
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:?} in {told}");
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut known = self.1.lock().unwrap();
        let compile = || {
            let mut whole = schema.clone();
            whole["components"] = self.0["components"].clone();
            Arc::new(jsonschema::draft202012::new(&whole).unwrap())
        };
        let key = schema.to_string();
        Arc::clone(known.entry(key).or_insert_with(compile))
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        let given: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            let alike = parts
                .iter()
                .zip(&given)
                .all(|(part, given)| part == given || part.starts_with('{'));
            (parts.len() == given.len() && alike)
                .then(|| parts.iter().filter(|part| part.starts_with('{')).count())
        };
        let paths = self.0["paths"].as_object().unwrap();
        let best = paths
            .iter()
            .filter_map(|(template, item)| Some((fits(template)?, item)))
            .min_by_key(|(holes, _)| *holes);
        best.map_or(&Value::Null, |(_, item)| &item[method])
    }
}
