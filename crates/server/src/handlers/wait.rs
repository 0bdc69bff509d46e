//! How long a caller waits for a saga, and for what: `Prefer`, `?wait=`, `?until=`.

use crate::app::{App, no_such_saga};
use crate::fault::{Answer, Fault};
use crate::limits::WAIT_MAX_S;
use crate::project;
use crate::query::Query;
use banyan_api::Code;
use banyan_core::Definition;
use banyan_core::saga::Saga;
use banyan_engine::{Coming, StartAnswer, StartRequest, Until};
use http::{HeaderMap, HeaderName};
use std::sync::Arc;
use std::time::Duration;

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Seconds to wait for a step when nobody says how long.
const UNTIL_DEFAULT_S: u64 = 20;

/// What the `Prefer` header asks for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Preference {
    /// Seconds to wait.
    pub(crate) wait: Option<u64>,
    /// Only id, status and seq are wanted.
    pub(crate) minimal: bool,
}

impl Preference {
    /// Reads the header. Preferences that nobody knows are no error (RFC 7240).
    pub(crate) fn of(headers: &HeaderMap) -> Answer<Preference> {
        let mut preference = Preference::default();
        for value in headers.get_all(&PREFER) {
            let text = value.to_str().unwrap_or_default();
            for part in text.split([',', ';']) {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                let value = value.trim().trim_matches('"');
                match name.trim().to_ascii_lowercase().as_str() {
                    "wait" => preference.wait = Some(seconds(value)?),
                    "return" => preference.minimal = value.eq_ignore_ascii_case("minimal"),
                    _ => {}
                }
            }
        }
        Ok(preference)
    }
}

fn seconds(text: &str) -> Answer<u64> {
    match text.parse() {
        Ok(seconds) if seconds <= WAIT_MAX_S => Ok(seconds),
        _ => Err(Fault::new(
            Code::InvalidHeader,
            format!("Prefer: wait={text} is no whole number of seconds from 0 to {WAIT_MAX_S}"),
        )),
    }
}

/// What a start waits for: nothing unless it says so.
#[derive(Debug, PartialEq)]
pub(crate) struct Wish {
    until: Until,
    seconds: u64,
    is_asked: bool,
}

impl Wish {
    /// From a start's header and query.
    pub(crate) fn of(preference: &Preference, query: &Query) -> Answer<Wish> {
        let step = query.one("until")?.map(str::to_owned);
        let default = if step.is_some() { UNTIL_DEFAULT_S } else { 0 };
        Ok(Wish {
            is_asked: preference.wait.is_some() || step.is_some(),
            seconds: preference.wait.unwrap_or(default),
            until: step.map_or(Until::Rest, Until::StepEnded),
        })
    }

    /// Starts a saga, and says from the start on what is waited for.
    pub(crate) async fn start(
        &self,
        app: &App,
        start: StartRequest,
    ) -> Answer<(StartAnswer, Option<Coming>)> {
        if self.seconds == 0 {
            return Ok((app.engine.start(start).await?, None));
        }
        let until = self.until.clone();
        Ok(app.engine.start_and_watch(start, until).await?)
    }

    /// The saga once that has come, or time is over; and whether a wish was fulfilled.
    pub(crate) async fn fulfil(
        &self,
        app: &App,
        saga: Arc<Saga>,
        coming: Option<Coming>,
    ) -> Answer<(Arc<Saga>, bool)> {
        if !self.is_asked {
            return Ok((saga, false));
        }
        let saga = match coming {
            Some(coming) if !self.until.holds(&saga) => {
                let id = saga.id;
                // Not held on to: its shard would have to copy it before it goes on with it.
                drop(saga);
                let coming = app.engine.come(coming, Duration::from_secs(self.seconds));
                match app.stop.run_until_cancelled(coming).await {
                    Some(come) => come?.ok_or_else(|| no_such_saga(id))?,
                    None => app.engine.get(id).await?.ok_or_else(|| no_such_saga(id))?,
                }
            }
            _ => wait(app, saga, &self.until, self.seconds).await?,
        };
        let fulfilled = self.until.holds(&saga);
        Ok((saga, fulfilled))
    }

    /// Refuses a step that the definition to be started has not.
    pub(crate) fn known_to(&self, app: &App, name: &str, version: Option<u32>) -> Answer<()> {
        let Until::StepEnded(step) = &self.until else {
            return Ok(());
        };
        let rows = app.engine.definitions();
        let started = rows.iter().find(|row| {
            row.name == name && version.map_or(row.active, |version| row.version == version)
        });
        match started {
            Some(row) => known_among(step, &row.resolved, name),
            // The engine says that there is no such definition.
            None => Ok(()),
        }
    }
}

/// Refuses a step that a resolved definition has not.
fn known_among(step: &str, resolved: &banyan_core::Json, name: &str) -> Answer<()> {
    use serde::Deserialize;
    let definition = Definition::deserialize(resolved)
        .map_err(|error| Fault::internal("a stored definition cannot be read", &error))?;
    if project::has_step(&definition, step) {
        return Ok(());
    }
    let detail = format!("{name} has no step {step:?} that could be waited for");
    Err(Fault::new(Code::NoSuchStep, detail))
}

/// The saga once `until` holds, or as it is after so many seconds.
pub(crate) async fn wait(
    app: &App,
    saga: Arc<Saga>,
    until: &Until,
    seconds: u64,
) -> Answer<Arc<Saga>> {
    if seconds == 0 || until.holds(&saga) {
        return Ok(saga);
    }
    let id = saga.id;
    let waiting = app
        .engine
        .wait(id, until.clone(), Duration::from_secs(seconds));
    // A stop does not wait for those who wait: they get the saga as it is.
    match app.stop.run_until_cancelled(waiting).await {
        None => Ok(saga),
        Some(Ok(Some(saga))) => Ok(saga),
        Some(Ok(None)) => Err(no_such_saga(id)),
        Some(Err(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Preference, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(PREFER, value.parse().unwrap());
        Preference::of(&headers).map_err(|fault| fault.problem().status)
    }

    #[test]
    fn preferences_are_read_and_strange_ones_ignored() {
        let wanted = |wait, minimal| Ok(Preference { wait, minimal });
        assert_eq!(read("wait=20"), wanted(Some(20), false));
        assert_eq!(read("return=minimal, wait=\"5\""), wanted(Some(5), true));
        assert_eq!(read("Return=Minimal; foo"), wanted(None, true));
        assert_eq!(read("respond-async"), wanted(None, false));
        for text in ["wait", "wait=61", "wait=-1", "wait=soon"] {
            assert_eq!(read(text), Err(400), "{text}");
        }
    }
}
