//! The operator: registers other versions of definitions while sagas run, moves sagas to them
//! and back, and is held to what a move may change (I-39).

use crate::check::{Checked, hold};
use crate::family::All;
use crate::report::Figures;
use crate::run::{Event, Run};
use banyan_core::id::Id;
use banyan_core::saga::{Ask, Entry, Input, Leg, Plan, Record, Rejection, Saga, Status};
use banyan_engine::shard::{InputReply, Message, NotTaken};
use banyan_store::{Filter, Reader};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// Who it is in the journals.
const NAME: &str = "operator";

/// A move that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    saga: Id,
    version: u32,
}

/// The operator, and what it knows.
#[derive(Debug, Default)]
pub(crate) struct Operator {
    /// Versions that it has not registered yet.
    later: Vec<Arc<Plan>>,
    asked: Vec<Asked>,
    waiting: Vec<(Asked, oneshot::Receiver<InputReply>)>,
    /// Moves of which it was told that they were made.
    moved: Vec<Asked>,
}

impl Run {
    /// The operator does something, and will again.
    pub(crate) fn operate(&mut self) {
        let again = 200 + self.random.draw() % 4_000;
        if self.services.healed || self.node.is_none() {
            return;
        }
        if self.now < self.calm_from {
            self.after(again, Event::Operate);
        }
        let place = self.random.below(self.operator.later.len().max(1));
        if self.random.chance(35) && place < self.operator.later.len() {
            let plan = self.operator.later.swap_remove(place);
            self.note("register", &plan.definition.name);
            self.figures.fault("registered");
            self.plans.push(Arc::clone(&plan));
            if let Some(node) = &mut self.node {
                node.register(plan);
            }
        }
        self.move_one();
        self.lend_a_hand();
    }

    /// Asks one running saga to go on under another version.
    fn move_one(&mut self) {
        let Some(node) = &self.node else { return };
        let running = Filter {
            status: vec![Status::Running],
            ..Filter::default()
        };
        let rows = node.reader.list(&running, None, 100).unwrap_or_default();
        let other = |name: &str, version: u32| {
            let mut plans = self.plans.iter();
            let fits = |plan: &&Arc<Plan>| {
                plan.definition.name == name && plan.definition.version != version
            };
            plans.find(fits).map(Arc::clone)
        };
        let rows = rows.into_iter();
        let movable: Vec<_> = rows
            .filter_map(|row| Some((row.id, row.seq, other(&row.definition, row.version)?)))
            .collect();
        if movable.is_empty() {
            return;
        }
        let (saga, seq, plan) = self.random.pick(&movable).clone();
        let version = plan.definition.version;
        let children = node.versions(&plan);
        self.note("move", (saga.to_string(), version));
        let stale = u64::from(self.random.chance(10));
        let expected_seq = self.random.chance(40).then(|| seq - stale);
        let input = Input::Asked(Box::new(banyan_core::saga::Asked {
            what: Ask::Move { plan, children },
            reason: "a mend".into(),
            actor: NAME.into(),
            expected_seq,
            operation: None,
        }));
        // A death beside a move: before its commit, after it, or with the next.
        if self.random.chance(12) {
            self.after(1, Event::Die);
        }
        self.ask_to_move(Asked { saga, version }, input);
    }

    fn ask_to_move(&mut self, asked: Asked, input: Input) {
        let Some(node) = &mut self.node else { return };
        let (answer, waiting) = oneshot::channel();
        let (id, reply) = (asked.saga, Some(answer));
        node.send(Message::Input { id, input, reply }, id);
        self.operator.asked.push(asked);
        self.operator.waiting.push((asked, waiting));
    }

    /// The operator reads what became of what it asked for.
    pub(crate) fn read_moves(&mut self) -> Checked {
        for (asked, mut waiting) in std::mem::take(&mut self.operator.waiting) {
            let answer = match waiting.try_recv() {
                Err(TryRecvError::Empty) => {
                    self.operator.waiting.push((asked, waiting));
                    continue;
                }
                Err(TryRecvError::Closed) => {
                    self.figures.fault("move_unanswered");
                    continue;
                }
                Ok(answer) => answer,
            };
            let kind = match &answer {
                Ok(answer) if answer.replayed => "move_replayed",
                Ok(_) => {
                    self.operator.moved.push(asked);
                    "move_made"
                }
                Err(NotTaken::Rejected(Rejection::NotSafe { .. })) => "move_not_safe",
                Err(NotTaken::Rejected(Rejection::ChangedSince { .. })) => "move_changed_since",
                Err(NotTaken::Rejected(Rejection::NotAllowedNow { .. })) => "move_not_allowed",
                Err(NotTaken::Refused(_)) => "move_not_now",
                Err(_) => "",
            };
            hold(&mut self.figures, 39, !kind.is_empty(), || {
                format!("{asked:?} was answered {answer:?}")
            })?;
            self.figures.fault(kind);
        }
        Ok(())
    }
}

impl Operator {
    /// One that will register these versions.
    pub(crate) fn new(later: Vec<Arc<Plan>>) -> Operator {
        Operator {
            later,
            ..Operator::default()
        }
    }

    /// I-39: every saga ends under the definition that it began with, or where it was moved to;
    /// and everything that began has its place there.
    pub(crate) fn has_its_way(&self, all: &All, figures: &mut Figures) -> Checked {
        for (saga, journal) in all.values() {
            self.of_one(saga, journal, figures)?;
        }
        for asked in &self.moved {
            let known = all.get(&asked.saga).is_some_and(|(_, journal)| {
                let mut moves = journal.iter().map(|entry| &entry.record);
                moves.any(|record| matches!(record, Record::Moved { version, .. } if *version == asked.version))
            });
            hold(figures, 39, known, || {
                format!("{asked:?} was made and is nowhere")
            })?;
        }
        Ok(())
    }

    fn of_one(&self, saga: &Saga, journal: &[Entry], figures: &mut Figures) -> Checked {
        let mut at = 0;
        let mut moves = 0;
        for entry in journal {
            let story = || format!("{}: {entry:?}\n{}", saga.id, saga.draw());
            match &entry.record {
                Record::Started(started) => at = started.version,
                Record::Moved { from, version, .. } => {
                    let asked = Asked {
                        saga: saga.id,
                        version: *version,
                    };
                    let in_order = *from == at && self.asked.contains(&asked);
                    hold(figures, 39, in_order, story)?;
                    (at, moves) = (*version, moves + 1);
                }
                Record::AttemptStarted { step, leg, .. } if *leg == Leg::Do => {
                    let route = saga.plan.index.by_path(step);
                    let there = route.is_some_and(|route| saga.has(&route));
                    hold(
                        figures,
                        39,
                        there || step == banyan_core::route::ON_END_NAME,
                        story,
                    )?;
                }
                _ => {}
            }
        }
        let ends_there = saga.plan.definition.version == at;
        hold(figures, 39, ends_there, || {
            format!("{} is not at {at}", saga.id)
        })?;
        if moves > 0 {
            figures.fault(match saga.status() {
                Status::Completed => "moved_and_completed",
                Status::Compensated => "moved_and_compensated",
                _ => "moved_and_left",
            });
        }
        Ok(())
    }
}
