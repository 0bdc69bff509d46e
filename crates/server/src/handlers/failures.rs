//! What goes wrong with sagas, by cause.

use crate::app::App;
use crate::fault::Answer;
use crate::filter;
use crate::query::{self, Query, invalid};
use crate::{limits, reply};
use axum::extract::State;
use banyan_api::{Damaged, FailureGroup, Failures, Filter, Moment, NotCounted};
use banyan_core::saga::{ParkCode, Status};
use banyan_engine::{Engine, StallKind};
use banyan_store::{Group, TroubleKind, TroubleQuery};
use std::cmp::Reverse;

/// Sagas that are stuck, parked, misconfigured, retrying or compensated, grouped by definition,
/// step, service and code. Its work is bounded: of each status the newest failures are counted,
/// and `not_counted` says where that ends.
#[utoipa::path(
    get, path = "/v1/failures", tag = "Sagas",
    params(
        ("definition" = Option<Vec<String>>, Query, description = "Of these definitions"),
        ("service" = Option<Vec<String>>, Query, description = "Calling these services"),
        ("code" = Option<Vec<String>>, Query, description = "With these codes"),
        ("status" = Option<Vec<String>>, Query, description = "Of sagas in these statuses"),
        ("since" = Option<Moment>, Query, description = "That came to fail at this moment or later"),
        ("limit" = Option<u32>, Query, description = "At most so many (50, at most 500)"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "The failures, the gravest kind first and of each kind the most frequent", body = Failures)),
)]
pub(crate) async fn failures(State(app): State<App>, query: Query) -> Answer {
    let (limit, skip) = (query.limit()?, query.counted()?);
    let (wanted, codes, since) = wanted(&query)?;
    let status = if wanted.status.is_empty() {
        Status::ALL.to_vec()
    } else {
        wanted.status.clone()
    };
    let troubles = TroubleQuery {
        namespace: vec![crate::guard::NAMESPACE.to_owned()],
        status,
        since,
        limit: limits::FAILURES_COUNTED,
    };
    let found = app.engine.troubles(troubles).await?;
    let among = |wanted: &[String], value: Option<&str>| {
        wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|one| one == value))
    };
    let mut groups = found.groups;
    groups.retain(|group| {
        among(&wanted.definition, Some(&group.definition))
            && among(&wanted.service, group.cause.service.as_deref())
            && among(&codes, Some(&group.cause.code))
    });
    // The order of the store is kept among equals.
    groups.sort_by_key(|group| (group.cause.kind, Reverse(group.sagas)));
    let not_counted = |(status, before): (Status, _)| NotCounted {
        status: status.as_str().into(),
        before: Moment(before),
    };
    let next = query::next(skip, limit, groups.len());
    let groups = groups.into_iter().skip(skip).take(limit);
    Ok(reply::ok(&Failures {
        items: groups.map(group).collect(),
        next,
        not_counted: found.cut.into_iter().map(not_counted).collect(),
        damaged: damaged(&app.engine),
    }))
}

fn damaged(engine: &Engine) -> Vec<Damaged> {
    let stalls = engine.stalled().into_iter();
    let damaged = stalls.filter(|stall| stall.kind == StallKind::Damaged);
    damaged
        .map(|stall| Damaged {
            id: stall.id,
            since: Moment(stall.since),
            message: stall.cause,
        })
        .collect()
}

/// Parameters that are no keys of a filter. Codes are more than those of sagas.
const OWN: [&str; 4] = ["since", "code", "limit", "cursor"];

/// The filter, the codes, and since when.
fn wanted(query: &Query) -> Answer<(Filter, Vec<String>, Option<banyan_core::Timestamp>)> {
    let pairs = query.pairs().iter();
    let filter = filter::of_pairs(pairs.filter(|(name, _)| !OWN.contains(&name.as_str())))?;
    let known = banyan_api::known_codes().chain(ParkCode::ALL.map(ParkCode::as_str));
    let known: Vec<&str> = known.collect();
    let code = |text: &str| {
        let code = banyan_api::one_of(text, &known).map_err(|why| invalid("code", &why))?;
        Ok(code.to_owned())
    };
    let codes = query.all("code").map(code).collect::<Answer<_>>()?;
    let since = match query.one("since")? {
        None => None,
        Some(text) => {
            let moment = text.parse::<Moment>();
            let moment = moment.map_err(|error| invalid("since", &format!("{text:?}: {error}")))?;
            Some(moment.0)
        }
    };
    Ok((filter, codes, since))
}

fn group(group: Group) -> FailureGroup {
    let help = help(&group);
    let cause = group.cause;
    FailureGroup {
        kind: cause.kind.as_str().into(),
        definition: group.definition,
        step: cause.step,
        leg: cause.leg.map(|leg| leg.as_str().into()),
        service: cause.service,
        code: cause.code,
        count: group.sagas,
        first_seen: Moment(group.first),
        last_seen: Moment(group.last),
        sample: group.sample,
        help,
    }
}

/// The command that helps all of a group, or shows one of them.
fn help(group: &Group) -> String {
    let cause = &group.cause;
    let (definition, code) = (&group.definition, &cause.code);
    match (cause.kind, code.as_str(), &cause.service) {
        (TroubleKind::Stuck, "undo_refused" | "undo_exhausted" | "forward_refused", _) => {
            let place = [("step", &cause.step), ("service", &cause.service)];
            let place = place
                .into_iter()
                .filter_map(|(key, value)| Some((key, value.as_ref()?)));
            let place: String = place
                .map(|(key, value)| format!("&{key}={value}"))
                .collect();
            format!(
                "banyan retry --where 'definition={definition}&status=stuck&code={code}{place}'"
            )
        }
        (TroubleKind::Stuck, "unreachable", Some(service))
        | (TroubleKind::Misconfigured, _, Some(service))
        | (TroubleKind::Parked, "paused", Some(service)) => format!("banyan resume {service}"),
        (TroubleKind::Parked | TroubleKind::Retrying, _, Some(service)) => {
            format!("banyan services get {service}")
        }
        (TroubleKind::Compensated, ..) => {
            format!("banyan list --where 'definition={definition}&status=compensated&code={code}'")
        }
        _ => format!("banyan show {}", group.sample),
    }
}
