//! The table of the bench: medians over the rounds, their spread, and the ratio.

use super::Kind;
use super::measure::Sample;
use super::open::Open;
use super::plot;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::Path;

/// One cell, measured in every round.
pub(crate) struct Row {
    /// Workers.
    pub(crate) in_flight: usize,
    /// What is measured.
    pub(crate) kind: Kind,
    limit: Vec<Sample>,
    banyan: Vec<Sample>,
}

impl Row {
    /// Nothing measured yet.
    pub(crate) fn new(in_flight: usize, kind: Kind) -> Row {
        Row {
            in_flight,
            kind,
            limit: Vec::new(),
            banyan: Vec::new(),
        }
    }

    /// What one round measured.
    pub(crate) fn add(&mut self, limit: Sample, banyan: Sample) {
        self.limit.push(limit);
        self.banyan.push(banyan);
    }

    /// Every saga ended as it must, and some did.
    pub(crate) fn is_sound(&self) -> bool {
        is_sound(&self.banyan)
    }

    /// Sagas of Banyan per second: the median.
    pub(crate) fn rate(&self) -> f64 {
        median(self.banyan.iter().map(Sample::rate).collect())
    }

    /// How long its sagas took: the medians of p50 and p99.
    pub(crate) fn times(&self) -> String {
        times(&self.banyan)
    }

    /// Throughput of Banyan in the limit's, round by round, then the median.
    pub(crate) fn ratio(&self) -> f64 {
        let pairs = self.banyan.iter().zip(&self.limit);
        median(
            pairs
                .map(|(banyan, limit)| banyan.rate() / limit.rate())
                .collect(),
        )
    }

    /// All figures.
    pub(crate) fn to_json(&self) -> Value {
        let wrong: u64 = self.banyan.iter().map(|sample| sample.wrong).sum();
        json!({
            "in_flight": self.in_flight,
            "kind": match self.kind { Kind::Done => "done", Kind::Refused => "refused" },
            "ratio": self.ratio(),
            "limit": figures(&self.limit),
            "banyan": figures(&self.banyan),
            "cpu_ms_per_saga": per_saga(&self.banyan, |sample| sample.cpu).map(|cpu| cpu * 1_000.0),
            "commits_per_saga": per_saga(&self.banyan, |sample| sample.commits),
            "ended_wrongly": wrong,
        })
    }
}

/// Every saga ended as it must, and some did.
pub(crate) fn is_sound(samples: &[Sample]) -> bool {
    let mut all = samples.iter();
    all.all(|sample| sample.wrong == 0 && sample.sagas() > 0.0)
}

/// Prints the table, and how the figures stand to what is asked of them.
pub(crate) fn print(rows: &[Row], open: &Open) {
    println!(
        "sagas/s: median (lowest to highest) over {} rounds",
        rows.first().map_or(0, |row| row.limit.len())
    );
    println!(
        "{:>9}  {:<7}  {:>24}  {:>24}  {:>5}  {:>15}  {:>15}  {:>7}  {:>7}",
        "in flight",
        "sagas",
        "limit",
        "banyan",
        "ratio",
        "limit p50/p99",
        "banyan p50/p99",
        "cpu ms",
        "commits"
    );
    for row in rows {
        let cpu = per_saga(&row.banyan, |sample| sample.cpu).map(|cpu| cpu * 1_000.0);
        println!(
            "{:>9}  {:<7}  {:>24}  {:>24}  {:>5.2}  {:>15}  {:>15}  {:>7}  {:>7}",
            row.in_flight,
            match row.kind {
                Kind::Done => "done",
                Kind::Refused => "refused",
            },
            spread(&row.limit),
            spread(&row.banyan),
            row.ratio(),
            times(&row.limit),
            times(&row.banyan),
            optional(cpu),
            optional(per_saga(&row.banyan, |sample| sample.commits)),
        );
        let wrong: u64 = row.banyan.iter().map(|sample| sample.wrong).sum();
        if wrong > 0 {
            println!("           {wrong} sagas ended otherwise than they must");
        }
    }
    print_targets(rows);
    println!(
        "open loop at {:.0} sagas/s, half of the highest: p50/p99 {}, p99 is {:.1} times p50 (asked: in the end 4)",
        open.rate,
        times(&open.samples),
        tail(&open.samples)
    );
}

/// How many times the median the slowest hundredth takes.
fn tail(samples: &[Sample]) -> f64 {
    quantile(samples, 0.99) / quantile(samples, 0.5).max(f64::EPSILON)
}

fn print_targets(rows: &[Row]) {
    for row in rows {
        if row.in_flight == 64 {
            println!(
                "{:?} at 64 in flight: {:.2} of the limit (asked: 0.25, in the end 0.40)",
                row.kind,
                row.ratio()
            );
        }
        if row.in_flight == 1 && row.kind == Kind::Done {
            let p50 = |samples: &[Sample]| quantile(samples, 0.5);
            let beyond = p50(&row.banyan) - p50(&row.limit);
            println!(
                "with 1 in flight: p50 {beyond:.2} ms beyond the three calls (asked: 2, in the end 1.2)"
            );
        }
    }
}

/// Writes all figures as JSON, and as a picture beside it.
pub(crate) fn write(rows: &[Row], open: &Open, path: &Path) -> Result<()> {
    let rows: Vec<Value> = rows.iter().map(Row::to_json).collect();
    let open_loop = json!({
        "sagas_per_second": open.rate,
        "begun": open.samples.iter().map(Sample::sagas).sum::<f64>(),
        "p50_ms": quantile(&open.samples, 0.5),
        "p99_ms": quantile(&open.samples, 0.99),
        "p99_by_p50": tail(&open.samples),
    });
    let all = json!({ "rows": rows, "open_loop": open_loop });
    write_json(&all, path)?;
    let picture = path.with_extension("svg");
    std::fs::write(&picture, plot::draw(&all))
        .with_context(|| format!("cannot write {}", picture.display()))?;
    println!("figures: {}, {}", path.display(), picture.display());
    Ok(())
}

/// Writes figures, and makes the folder for them.
pub(crate) fn write_json(figures: &Value, path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, serde_json::to_string_pretty(figures)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn figures(samples: &[Sample]) -> Value {
    json!({
        "sagas_per_second": samples.iter().map(Sample::rate).collect::<Vec<_>>(),
        "p50_ms": quantile(samples, 0.5),
        "p99_ms": quantile(samples, 0.99),
    })
}

fn spread(samples: &[Sample]) -> String {
    let mut rates: Vec<f64> = samples.iter().map(Sample::rate).collect();
    rates.sort_by(f64::total_cmp);
    let (first, last) = (rates.first().copied(), rates.last().copied());
    let (low, high) = (first.unwrap_or_default(), last.unwrap_or_default());
    format!("{:.0} ({low:.0} to {high:.0})", median(rates))
}

fn times(samples: &[Sample]) -> String {
    format!(
        "{:.2}/{:.2} ms",
        quantile(samples, 0.5),
        quantile(samples, 0.99)
    )
}

fn quantile(samples: &[Sample], quantile: f64) -> f64 {
    median(
        samples
            .iter()
            .map(|sample| sample.quantile_ms(quantile))
            .collect(),
    )
}

fn per_saga(samples: &[Sample], figure: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    let shares = samples
        .iter()
        .map(|sample| figure(sample).map(|sum| sum / sample.sagas()));
    shares.collect::<Option<Vec<f64>>>().map(median)
}

fn optional(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.2}"))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
