//! The query of a request: percent-decoded, UTF-8, its names checked by the guard.

use crate::fault::{Answer, Fault};
use axum::extract::FromRequestParts;
use banyan_api::Code;
use http::request::Parts;

/// Parameters in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query.
    pub(crate) fn parse(raw: &str) -> Answer<Query> {
        raw.split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                Ok((decode(name, true)?, decode(value, true)?))
            })
            .collect::<Answer<Vec<_>>>()
            .map(Query)
    }

    /// Every parameter with its value.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may be given once.
    pub(crate) fn one(&self, name: &str) -> Answer<Option<&str>> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            None => Ok(first),
            Some(_) => Err(invalid(name, "it may be given once only")),
        }
    }

    /// A whole number within bounds, or the default.
    pub(crate) fn number(&self, name: &str, default: u64, least: u64, most: u64) -> Answer<u64> {
        let Some(text) = self.one(name)? else {
            return Ok(default);
        };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(invalid(
                name,
                &format!("{text:?} is no whole number from {least} to {most}"),
            )),
        }
    }

    /// How many items a page should have.
    pub(crate) fn limit(&self) -> Answer<usize> {
        let most = crate::limits::PAGE_MAX as u64;
        let limit = self.number("limit", crate::limits::PAGE as u64, 1, most)?;
        Ok(usize::try_from(limit).unwrap_or(crate::limits::PAGE))
    }

    /// A truth value, or the default.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Answer<bool> {
        match self.one(name)? {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(invalid(
                name,
                &format!("{other:?} is neither true nor false"),
            )),
        }
    }
}

/// The refusal of a parameter's value.
pub(crate) fn invalid(name: &str, why: &str) -> Fault {
    Fault::new(Code::InvalidParameter, format!("{name}: {why}"))
}

/// Decodes percent signs (and pluses in queries).
pub(crate) fn decode(text: &str, plus_is_space: bool) -> Answer<String> {
    banyan_api::percent_decode(text, plus_is_space)
        .map_err(|why| Fault::new(Code::MalformedRequest, format!("{text:?}: {why}")))
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Query> {
        Query::parse(parts.uri.query().unwrap_or(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_or_refused() {
        let query = Query::parse("a=1&b=x%20y+z&&a=2&c").unwrap();
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.one("b").unwrap(), Some("x y z"));
        assert_eq!(query.one("c").unwrap(), Some(""));
        assert!(query.one("a").is_err());
        for raw in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%00"] {
            assert!(Query::parse(raw).is_err(), "{raw}");
        }
    }
}
