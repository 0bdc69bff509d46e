//! Figures in the OpenMetrics form, written anew for each scrape.
//!
//! A series that can be is always there, at zero, so that alerts (`docs/alerts.yml`) tell
//! nothing from what is not known.

use crate::disk::{Low, Space};
use crate::notify;
use banyan_core::saga::Status;
use banyan_engine::{Metrics, ServiceFigures};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicU64, Ordering};

/// The media type that it is served with.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the engine's batch sizes.
const BATCH_BOUNDS: [&str; 6] = ["1", "4", "16", "64", "256", "+Inf"];

/// The upper bounds of the engine's commit times, in seconds.
const COMMIT_BOUNDS: [&str; 7] = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.5", "+Inf"];

type Labels = Vec<(String, String)>;

/// What is told beside the engine's figures.
pub(crate) struct Beside<'a> {
    /// What became of notices.
    pub(crate) notices: &'a notify::Figures,
    /// The disk of the data folder, when the system can tell.
    pub(crate) disk: Option<Space>,
    /// When that is low.
    pub(crate) low: Low,
}

/// Writes the figures.
pub(crate) fn write(figures: &Metrics, beside: &Beside<'_>) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("banyan");
    counters(&mut registry, figures);
    gauges(&mut registry, figures);
    families(&mut registry, figures);
    services(&mut registry, figures);
    notices(&mut registry, beside.notices);
    disk(&mut registry, beside);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn counters(registry: &mut Registry, figures: &Metrics) {
    let all = [
        ("starts", "Starts accepted", figures.starts),
        (
            "replays",
            "Starts answered with the saga of an earlier one",
            figures.replays,
        ),
        (
            "overloads",
            "Starts and signals refused because something was full",
            figures.overloads,
        ),
        (
            "sagas_completed",
            "Sagas that came to rest completed",
            figures.completed,
        ),
        (
            "sagas_compensated",
            "Sagas that came to rest compensated",
            figures.compensated,
        ),
        ("sagas_stuck", "Times a saga became stuck", figures.stuck),
        ("records", "Journal records written", figures.records),
        (
            "commits",
            "Commits of the store, each with one fsync",
            figures.commits,
        ),
        ("changes", "Changes in these commits", figures.changes),
        (
            "commits_unavailable",
            "Commits that the store refused for the moment",
            figures.commits_unavailable,
        ),
        (
            "stall_looks",
            "Looks for sagas that stall",
            figures.stall_looks,
        ),
        (
            "conflicts",
            "Changes that found something else than they expected",
            figures.conflicts,
        ),
        (
            "sagas_purged",
            "Sagas removed past their keeping",
            figures.purged,
        ),
        (
            "keys_forgotten",
            "Start keys of such sagas forgotten",
            figures.keys_forgotten,
        ),
    ];
    for (name, help, value) in all {
        registry.register(name, help, ConstCounter::new(value));
    }
}

fn gauges(registry: &mut Registry, figures: &Metrics) {
    let all = [
        (
            "calls_in_flight",
            "Calls in flight",
            figures.calls_in_flight,
        ),
        (
            "sagas_active",
            "Active sagas in memory",
            figures.active_sagas,
        ),
        ("sagas_cached", "Idle sagas in memory", figures.cached_sagas),
    ];
    for (name, help, value) in all {
        registry.register(name, help, ConstGauge::new(whole(value)));
    }
    if let Some(run) = figures.retention_run {
        registry.register_with_unit(
            "retention_last_run_timestamp",
            "When sagas past their keeping were last looked for to the end",
            prometheus_client::registry::Unit::Seconds,
            ConstGauge::new(run.0 / 1_000),
        );
    }
}

/// What notices came to.
fn notices(registry: &mut Registry, figures: &notify::Figures) {
    let of = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    let counters = [
        (
            "notify_delivered",
            "Notices that the receiver took",
            of(&figures.delivered),
        ),
        (
            "notify_dropped",
            "Notices given up: too many waited, or the receiver refused them",
            of(&figures.dropped),
        ),
        (
            "notify_failures",
            "Messages of notices that the receiver did not take, and that are tried again",
            of(&figures.failures),
        ),
    ];
    for (name, help, value) in counters {
        registry.register(name, help, ConstCounter::new(value));
    }
    let waiting = whole(of(&figures.waiting));
    registry.register(
        "notify_waiting",
        "Notices that wait",
        ConstGauge::new(waiting),
    );
    let failing = i64::from(figures.failing.load(Ordering::Relaxed));
    let help = "1 while the receiver does not take notices";
    registry.register("notify_failing", help, ConstGauge::new(failing));
}

fn disk(registry: &mut Registry, beside: &Beside<'_>) {
    let Some(space) = beside.disk else {
        return;
    };
    let is_low = space.free < beside.low.bytes(space.total);
    let all = [
        (
            "disk_free_bytes",
            "Bytes that may still be written to the disk of the data folder",
            whole(space.free),
        ),
        (
            "disk_size_bytes",
            "Bytes of the disk of the data folder",
            whole(space.total),
        ),
        (
            "disk_low",
            "1 while less is free than [disk] low",
            i64::from(is_low),
        ),
    ];
    for (name, help, value) in all {
        registry.register(name, help, ConstGauge::new(value));
    }
}

/// How each registered service is.
fn services(registry: &mut Registry, figures: &Metrics) {
    type Figure = fn(&ServiceFigures) -> u64;
    let all: [(&str, &str, Figure); 3] = [
        (
            "service_paused",
            "1 while a person has paused the service",
            |service| service.paused.into(),
        ),
        (
            "service_misconfigured",
            "Roads of the service that are misconfigured",
            |service| service.misconfigured,
        ),
        (
            "service_down",
            "1 while nothing answers at the service",
            |service| service.down.into(),
        ),
    ];
    for (name, help, figure) in all {
        let services = figures.services.iter();
        let services = services.map(|(name, service)| (name.as_str(), figure(service)));
        registry.register(name, help, gauge_family("service", services));
    }
}

fn families(registry: &mut Registry, figures: &Metrics) {
    let attempts = figures.attempts.iter();
    let attempts = attempts.map(|(what, count)| (crate::project::meaning(*what), *count));
    let help = "Attempts answered, by what the answer meant";
    registry.register("attempts", help, counter_family("meaning", attempts));
    let sizes = BATCH_BOUNDS.into_iter().zip(figures.batch_sizes);
    let help = "Commits by how many changes they held at most";
    registry.register("commits_by_size", help, counter_family("up_to", sizes));
    let times = COMMIT_BOUNDS.into_iter().zip(figures.commit_times);
    let help = "Commits by how many seconds they took at most";
    registry.register("commits_by_time", help, counter_family("up_to", times));
    let seconds = std::time::Duration::from_micros(figures.commit_us).as_secs_f64();
    let help = "Seconds that commits of the store took";
    registry.register("commit_seconds", help, ConstCounter::new(seconds));
    let stuck = std::time::Duration::from_millis(figures.stuck_for_ms).as_secs_f64();
    let help = "For how long the stuck saga that was left alone for longest has been";
    registry.register("oldest_stuck_seconds", help, ConstGauge::new(stuck));
    let of = |status| {
        figures
            .counts
            .by_status
            .get(&status)
            .copied()
            .unwrap_or_default()
    };
    let statuses = Status::ALL.into_iter();
    let statuses = statuses.map(|status| (status.as_str(), of(status)));
    registry.register("sagas", "Sagas by status", gauge_family("status", statuses));
    let of = |service: &String| figures.counts.parked.get(service).copied();
    let parked = figures.services.keys();
    let parked = parked.map(|service| (service.as_str(), of(service).unwrap_or_default()));
    let help = "Sagas with a step parked, by service";
    registry.register("sagas_parked", help, gauge_family("service", parked));
    let stalled = figures.stalled.iter();
    let stalled = stalled.map(|(kind, count)| (*kind, *count));
    let help = "Open sagas without progress for longer than their timers explain, by kind";
    registry.register("sagas_stalled", help, gauge_family("kind", stalled));
}

fn counter_family<'a>(
    label: &str,
    values: impl Iterator<Item = (&'a str, u64)>,
) -> Family<Labels, Counter> {
    let family = Family::<Labels, Counter>::default();
    for (word, value) in values {
        let labels = vec![(label.to_owned(), word.to_owned())];
        family.get_or_create(&labels).inc_by(value);
    }
    family
}

fn gauge_family<'a>(
    label: &str,
    values: impl Iterator<Item = (&'a str, u64)>,
) -> Family<Labels, Gauge> {
    let family = Family::<Labels, Gauge>::default();
    for (word, value) in values {
        let labels = vec![(label.to_owned(), word.to_owned())];
        family.get_or_create(&labels).set(whole(value));
    }
    family
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_openmetrics() {
        let figures = Metrics {
            starts: 3,
            retention_run: Some(banyan_core::Timestamp(1_763_721_000_123)),
            attempts: [(banyan_core::saga::Meaning::Done, 2)].into(),
            commit_us: 1_500_000,
            stuck_for_ms: 2_500,
            services: [("stock".to_owned(), ServiceFigures::default())].into(),
            ..Metrics::default()
        };
        let beside = Beside {
            notices: &notify::Figures::default(),
            disk: Some(Space { free: 1, total: 2 }),
            low: Low::Percent(60),
        };
        let text = write(&figures, &beside).unwrap();
        for line in [
            "banyan_starts_total 3",
            "banyan_attempts_total{meaning=\"done\"} 2",
            "banyan_calls_in_flight 0",
            "banyan_commit_seconds_total 1.5",
            "banyan_oldest_stuck_seconds 2.5",
            "banyan_sagas{status=\"stuck\"} 0",
            "banyan_sagas_parked{service=\"stock\"} 0",
            "banyan_service_down{service=\"stock\"} 0",
            "banyan_notify_dropped_total 0",
            "banyan_disk_free_bytes 1",
            "banyan_disk_low 1",
            "banyan_sagas_purged_total 0",
            "banyan_retention_last_run_timestamp_seconds 1763721000",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
