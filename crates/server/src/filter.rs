//! Filters over sagas, from the query of a list and from the object of a body, to what the
//! store takes. What they may say stands in `banyan_api::Filter`.

use crate::fault::{Answer, Fault};
use crate::query::Query;
use banyan_api::{Code, FieldError, Filter, FilterError, Json};

/// What a list takes beside its filter.
const PAGING: [&str; 2] = ["limit", "cursor"];

/// The filter of a list, out of its query.
pub(crate) fn of_list(query: &Query) -> Answer<banyan_store::Filter> {
    let pairs = query.pairs().iter();
    of_pairs(pairs.filter(|(name, _)| !PAGING.contains(&name.as_str()))).map(stored)
}

/// A filter out of parameters.
pub(crate) fn of_pairs<'a>(pairs: impl Iterator<Item = &'a (String, String)>) -> Answer<Filter> {
    Filter::of_pairs(pairs.map(|(name, value)| (name.as_str(), value.as_str())))
        .map_err(|error| refused(&error))
}

/// The filter of a verb over many sagas, out of the member `filter` of its body.
pub(crate) fn of_body(filter: &Json) -> Answer<Filter> {
    let Json::Object(members) = filter else {
        let detail = "filter must be an object: keys as in the query of GET /v1/sagas";
        return Err(Fault::new(Code::InvalidBody, detail));
    };
    Filter::of_object(members).map_err(|errors| {
        let detail = errors.first().map(ToString::to_string).unwrap_or_default();
        let field = |error: &FilterError| {
            let key = error.key.replace('~', "~0").replace('/', "~1");
            FieldError::at(
                Code::InvalidBody,
                format!("/filter/{key}"),
                error.to_string(),
            )
        };
        Fault::new(Code::InvalidBody, detail).with_errors(errors.iter().map(field).collect())
    })
}

/// It as the store takes it.
pub(crate) fn stored(filter: Filter) -> banyan_store::Filter {
    banyan_store::Filter {
        namespace: vec![crate::guard::NAMESPACE.to_owned()],
        definition: filter.definition,
        version: filter.version,
        status: filter.status,
        key: filter.key,
        step: filter.step,
        service: filter.service,
        code: filter.code,
        owner: filter.owner,
        label: filter.label,
        started_after: filter.started_after,
        started_before: filter.started_before,
        ended_after: filter.ended_after,
        ended_before: filter.ended_before,
        stalled: filter.stalled,
    }
}

fn refused(error: &FilterError) -> Fault {
    let code = if error.is_unknown {
        Code::UnknownParameter
    } else {
        Code::InvalidParameter
    };
    Fault::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_filter_of_a_body_names_every_key_that_is_wrong() {
        let good = of_body(&json!({"status": "stuck", "code": ["undo_refused"]}));
        let good = stored(good.unwrap());
        assert_eq!((good.code.len(), good.namespace.len()), (1, 1));
        for (body, words) in [
            (json!([]), "filter must be an object"),
            (json!({"a/b": 1}), "a/b: no filter; there are definition"),
            (json!({"status": "odd"}), "is none of running"),
        ] {
            let fault = of_body(&body).unwrap_err();
            assert!(format!("{fault:?}").contains(words), "{fault:?}");
        }
    }
}
