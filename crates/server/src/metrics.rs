//! Figures in the OpenMetrics form, written anew for each scrape.

use banyan_engine::Metrics;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

/// The media type that it is served with.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the engine's batch sizes.
const BATCH_BOUNDS: [&str; 6] = ["1", "4", "16", "64", "256", "+Inf"];

type Labels = Vec<(String, String)>;

/// Writes the figures.
pub(crate) fn write(figures: &Metrics) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("banyan");
    counters(&mut registry, figures);
    gauges(&mut registry, figures);
    families(&mut registry, figures);
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
            "conflicts",
            "Changes that found something else than they expected",
            figures.conflicts,
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
}

fn families(registry: &mut Registry, figures: &Metrics) {
    let attempts = figures.attempts.iter();
    let attempts = attempts.map(|(what, count)| (crate::project::meaning(*what), *count));
    let help = "Attempts answered, by what the answer meant";
    registry.register("attempts", help, counter_family("meaning", attempts));
    let sizes = BATCH_BOUNDS.into_iter().zip(figures.batch_sizes);
    let help = "Commits by how many changes they held at most";
    registry.register("commits_by_size", help, counter_family("up_to", sizes));
    let statuses = figures.counts.by_status.iter();
    let statuses = statuses.map(|(status, count)| (status.as_str(), *count));
    registry.register("sagas", "Sagas by status", gauge_family("status", statuses));
    let parked = figures.counts.parked.iter();
    let parked = parked.map(|(service, count)| (service.as_str(), *count));
    let help = "Sagas with a step parked, by service";
    registry.register("sagas_parked", help, gauge_family("service", parked));
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
            attempts: [(banyan_core::saga::Meaning::Done, 2)].into(),
            ..Metrics::default()
        };
        let text = write(&figures).unwrap();
        for line in [
            "banyan_starts_total 3",
            "banyan_attempts_total{meaning=\"done\"} 2",
            "banyan_calls_in_flight 0",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
