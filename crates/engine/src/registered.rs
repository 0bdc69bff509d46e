//! A registered definition made ready to run: its plan, and the validators of what comes in
//! from outside. Made once per definition, from what registration stored.

use crate::error::Violation;
use banyan_core::definition::Kind;
use banyan_core::language::compile_schema;
use banyan_core::saga::Plan;
use banyan_core::{Definition, Json};
use banyan_store::DefinitionRow;
use jsonschema::Validator;
use std::collections::HashMap;
use std::sync::Arc;

/// Violations named at most: a huge input of the wrong type would name as many as it has parts.
const VIOLATIONS: usize = 100;
/// Bytes of a violation that may quote the value; one with more does not.
const VIOLATION_BYTES: usize = 300;

/// A definition ready to run.
#[derive(Debug)]
pub struct Registered {
    /// What its sagas run by.
    pub plan: Arc<Plan>,
    /// The services that it calls, sorted.
    pub services: Vec<String>,
    input: Option<Validator>,
    accepts: HashMap<String, Validator>,
}

impl Registered {
    /// Reads a stored definition.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(row: &DefinitionRow) -> Result<Registered, String> {
        let definition: Definition =
            serde_json::from_value(row.resolved.clone()).map_err(|error| error.to_string())?;
        Registered::new(definition)
    }

    /// Makes a definition ready.
    ///
    /// # Errors
    /// Which schema cannot be used, and why.
    pub fn new(definition: Definition) -> Result<Registered, String> {
        let input = match &definition.input {
            Some(schema) => {
                Some(compile_schema(schema).map_err(|error| format!("input: {error}"))?)
            }
            None => None,
        };
        let mut schemas = Vec::new();
        definition.each_step(&mut |step| {
            if let Kind::Wait(wait) = &step.kind
                && let Some(schema) = &wait.accepts
            {
                schemas.push((wait.signal.clone(), schema.clone()));
            }
        });
        let mut accepts = HashMap::new();
        for (signal, schema) in schemas {
            let made = compile_schema(&schema);
            accepts.insert(
                signal.clone(),
                made.map_err(|error| format!("accepts of {signal}: {error}"))?,
            );
        }
        let services = definition.services().into_iter();
        Ok(Registered {
            services: services.map(str::to_owned).collect(),
            plan: Plan::new(definition),
            input,
            accepts,
        })
    }

    /// Everything that is wrong with an input.
    pub fn check_input(&self, input: &Json) -> Vec<Violation> {
        let discreet = self.plan.definition.has_secrets();
        violations(self.input.as_ref(), input, discreet)
    }

    /// Everything that is wrong with a signal's body.
    pub fn check_signal(&self, name: &str, body: &Json) -> Vec<Violation> {
        let discreet = self.plan.definition.has_secrets();
        violations(self.accepts.get(name), body, discreet)
    }

    /// The signals that it waits for, sorted, each once.
    pub fn signals(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.plan.definition.each_step(&mut |step| {
            if let Kind::Wait(wait) = &step.kind {
                names.push(wait.signal.clone());
            }
        });
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// What is wrong with a value. Where a definition has secrets, no value is quoted.
fn violations(validator: Option<&Validator>, value: &Json, discreet: bool) -> Vec<Violation> {
    let Some(validator) = validator else {
        return Vec::new();
    };
    // Most values are valid, and finding that out is far cheaper than listing errors.
    if validator.is_valid(value) {
        return Vec::new();
    }
    let one = |error: jsonschema::ValidationError<'_>| Violation {
        pointer: error.instance_path().to_string(),
        message: match error.to_string() {
            // A long value says no more than its pointer does.
            told if discreet || told.len() > VIOLATION_BYTES => error.masked().to_string(),
            told => told,
        },
    };
    validator
        .iter_errors(value)
        .take(VIOLATIONS)
        .map(one)
        .collect()
}
