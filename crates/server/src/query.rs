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

    /// Where a list goes on: the `next` of the page before.
    pub(crate) fn cursor<C: std::str::FromStr>(&self) -> Answer<Option<C>> {
        let Some(text) = self.one("cursor")? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(cursor) => Ok(Some(cursor)),
            Err(_) => Err(invalid(
                "cursor",
                &format!("{text:?} is not the next of this list"),
            )),
        }
    }

    /// How many items come before the page, where cursors count.
    pub(crate) fn counted(&self) -> Answer<usize> {
        Ok(self.cursor::<u32>()?.map_or(0, |skip| skip as usize))
    }

    /// A truth value, if one is given.
    pub(crate) fn flag(&self, name: &str) -> Answer<Option<bool>> {
        match self.one(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(invalid(
                name,
                &format!("{other:?} is neither true nor false"),
            )),
        }
    }
}

/// The cursor of the page that follows, where cursors count.
pub(crate) fn next(skip: usize, limit: usize, total: usize) -> Option<String> {
    let end = skip.saturating_add(limit);
    (end < total).then(|| end.to_string())
}

/// The cursor of a list by name: after which one it goes on. Its prefix tells it from a name
/// that somebody made up.
#[derive(Debug, PartialEq)]
pub(crate) struct AfterName(String);

const AFTER: &str = "after:";

impl AfterName {
    /// Does this name stand before the page?
    pub(crate) fn is_past(after: Option<&AfterName>, name: &str) -> bool {
        after.is_some_and(|after| name <= after.0.as_str())
    }

    /// The cursor of the page after this name.
    pub(crate) fn cursor(name: &str) -> String {
        format!("{AFTER}{name}")
    }
}

impl std::str::FromStr for AfterName {
    type Err = Fault;

    fn from_str(text: &str) -> Answer<AfterName> {
        let name = text.strip_prefix(AFTER).unwrap_or_default();
        crate::handlers::names::name("cursor", name)?;
        Ok(AfterName(name.to_owned()))
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
    fn a_cursor_is_what_a_list_gave_or_is_refused() {
        let query = |raw: &str| Query::parse(raw).unwrap();
        let given = AfterName::cursor("orders");
        let after: Option<AfterName> = query(&format!("cursor={given}")).cursor().unwrap();
        assert_eq!(after, Some(AfterName("orders".to_owned())));
        for (name, is_past) in [("orders", true), ("cards", true), ("orders_2", false)] {
            assert_eq!(AfterName::is_past(after.as_ref(), name), is_past, "{name}");
        }
        assert_eq!(query("").cursor::<AfterName>().unwrap(), None);
        for raw in ["zzz", "", "after:", "after:A", "after:a/b"] {
            let refused = query(&format!("cursor={raw}")).cursor::<AfterName>();
            assert!(refused.is_err(), "{raw}");
        }
        for raw in ["-1", "x", "4294967296"] {
            assert!(query(&format!("cursor={raw}")).counted().is_err(), "{raw}");
        }
    }

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
