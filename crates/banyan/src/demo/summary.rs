//! What a demo shows while it runs: one line that lives on a terminal, a line now and then
//! where nobody watches.

use super::clock;
use super::folder::Folder;
use super::shop::Service;
use crate::cli::Style;
use banyan_sdk::api::{Saga, SagaStatus};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rusqlite::{Connection, OpenFlags};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Counts of orders.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) completed: u64,
    pub(super) compensated: u64,
    pub(super) other: u64,
    pub(super) stuck: u64,
    pub(super) refused: u64,
    /// The latest refusal of a start, or trouble of a client.
    pub(super) trouble: Option<String>,
    /// A compensated saga that shows undo best, until it was shown.
    pub(super) example: Option<Box<Saga>>,
    /// It was shown.
    pub(super) shown: bool,
}

impl Counts {
    /// Accepted and not at rest.
    pub(super) fn moving(&self) -> u64 {
        let rested = self.completed + self.compensated + self.other;
        self.accepted.saturating_sub(rested)
    }
}

/// What the clients count together.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
}

impl Tally {
    /// An order was accepted.
    pub(super) fn accepted(&self) {
        self.with(|counts| counts.accepted += 1);
    }

    /// A start was refused, or a client is in trouble.
    pub(super) fn refused(&self, why: &str) {
        self.with(|counts| {
            counts.refused += 1;
            counts.trouble = Some(why.to_owned());
        });
    }

    /// A saga needs a person.
    pub(super) fn stuck(&self, saga: &Saga) {
        let why = saga.stuck.as_ref().map_or("", |stuck| &stuck.message);
        self.with(|counts| {
            counts.stuck += 1;
            counts.trouble = Some(format!("{} is stuck: {why}", saga.key));
        });
    }

    /// One that needed a person goes on.
    pub(super) fn mended(&self) {
        self.with(|counts| counts.stuck = counts.stuck.saturating_sub(1));
    }

    /// A saga came to rest.
    pub(super) fn ended(&self, saga: Saga) {
        self.with(|counts| match saga.status {
            SagaStatus::Completed => counts.completed += 1,
            SagaStatus::Compensated => {
                counts.compensated += 1;
                if counts.example.is_none() && !counts.shown && at_payment(&saga) {
                    counts.example = Some(Box::new(saga));
                }
            }
            _ => counts.other += 1,
        });
    }

    /// A compensated saga to show, once.
    pub(super) fn example(&self) -> Option<Box<Saga>> {
        let mut found = None;
        self.with(|counts| {
            if !counts.shown {
                found = counts.example.take();
                counts.shown = found.is_some();
            }
        });
        found
    }

    /// The counts now.
    pub(super) fn counts(&self) -> Counts {
        let mut now = Counts::default();
        self.with(|counts| now = counts.clone());
        now
    }

    fn with(&self, change: impl FnOnce(&mut Counts)) {
        // A panic between two additions left numbers that are still numbers.
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A payment that refused shows order, goods and parcel going back.
fn at_payment(saga: &Saga) -> bool {
    let step = saga
        .reason
        .as_ref()
        .and_then(|reason| reason.step.as_deref());
    step == Some("payment") && saga.definition == "place_order"
}

/// The lines of a demo.
pub(super) struct Screen {
    bar: Option<ProgressBar>,
    style: Style,
    began: Instant,
    last: Option<Instant>,
}

/// Between two lines where nobody watches.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

impl Screen {
    /// For standard output as it is.
    pub(super) fn new(style: Style) -> Screen {
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
            // The template is ours and well formed; the default would only look plainer.
            if let Ok(template) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(template);
            }
            bar
        });
        Screen {
            bar,
            style,
            began: clock::now(),
            last: None,
        }
    }

    /// Says something that stays.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| crate::cli::print(text)),
            None => crate::cli::print(text),
        }
    }

    /// Shows how things stand.
    pub(super) fn show(&mut self, counts: &Counts, books: &Books, finished: bool) {
        let now = clock::now();
        let line = self.line(counts, books, now);
        match &self.bar {
            Some(bar) if finished => {
                bar.finish_with_message(line);
                crate::cli::print("\n");
            }
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None => {
                let due = self.last.is_none_or(|last| now - last >= PLAIN_EVERY);
                if due || finished {
                    self.last = Some(now);
                    crate::cli::print(&format!("{line}\n"));
                }
            }
        }
    }

    fn line(&self, counts: &Counts, books: &Books, now: Instant) -> String {
        let style = self.style;
        let seconds = (now - self.began).as_secs_f64().max(0.001);
        // Counts stay far below what a float holds exactly.
        let rate = counts.accepted as f64 / seconds;
        let adds_up = |holds: Option<bool>| match holds {
            Some(true) => style.good("yes"),
            Some(false) => style.bad("NO"),
            None => style.faint("?"),
        };
        let stuck = counts.stuck.to_string();
        // A terminal of 80 columns holds each half; a log holds one line per look.
        let between = if self.bar.is_some() { "\n  " } else { "  " };
        format!(
            "{:>4.0} s  {} orders, {rate:.1}/s  {} completed  {} compensated  {} stuck  {} on their way{between}\
             money adds up: {}  stock adds up: {}",
            seconds,
            counts.accepted,
            style.good(&counts.completed.to_string()),
            style.back(&counts.compensated.to_string()),
            if counts.stuck > 0 {
                style.bad(&stuck)
            } else {
                stuck
            },
            counts.moving(),
            adds_up(books.money),
            adds_up(books.stock),
        )
    }
}

/// Whether money and stock add up; none while a database cannot be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Books {
    pub(super) money: Option<bool>,
    pub(super) stock: Option<bool>,
}

impl Books {
    /// Adds up both, each within one database and one moment.
    pub(super) fn read(folder: &Folder) -> Books {
        Books {
            money: balanced(
                &folder.database(Service::Payments),
                "SELECT (SELECT sum(balance) FROM accounts)
                      + (SELECT coalesce(sum(amount), 0) FROM charges WHERE status = 'captured')
                      = (SELECT sum(amount) FROM ledger WHERE entry = 'paid_in')",
            ),
            stock: balanced(
                &folder.database(Service::Stock),
                "SELECT (SELECT sum(on_hand + reserved + shipped) FROM goods)
                      = (SELECT sum(amount) FROM ledger WHERE entry = 'delivered')",
            ),
        }
    }
}

fn balanced(database: &Path, question: &str) -> Option<bool> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    database.query_row(question, [], |row| row.get(0)).ok()
}
