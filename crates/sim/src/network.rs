//! What becomes of calls, answers and mail on their way: lost, late, doubled, out of order.

use crate::check::{self, Checked};
use crate::run::{Event, Run};
use crate::services::is_pending;
use banyan_core::id::Id;
use banyan_core::saga::Effect;
use banyan_core::wire::{Request, What};
use std::sync::Arc;

impl Run {
    /// A call leaves the node, and the network has its way with it.
    pub(crate) fn launch(&mut self, id: Id, effect: Effect) -> Checked {
        self.note("call", (&effect.step, effect.attempt, &effect.request.key));
        if let Some(node) = &self.node {
            let reader = Arc::clone(&node.reader);
            check::launched(
                id,
                &effect,
                &self.plans,
                &reader,
                &mut self.history,
                &mut self.figures,
            )?;
        }
        let timeout = effect.request.timeout.millis();
        let delay = 1 + self.random.draw() % 40;
        let healed = self.services.healed;
        let fault = if healed { 100 } else { self.random.below(100) };
        let request = Arc::clone(&effect.request);
        match fault {
            0..2 => {
                self.figures.fault("not_sent");
                self.answer(
                    delay,
                    id,
                    &effect,
                    What::NotSent {
                        message: "connection refused".into(),
                    },
                );
                return Ok(());
            }
            2..5 => self.figures.fault("request_lost"),
            5..8 => {
                self.figures.fault("request_late");
                // Late, but not later than the second look of an undo allows for.
                let late = timeout / 2 + self.random.draw() % timeout.max(1);
                self.after(late, Event::Arrive(request, id, effect.clone()));
            }
            8..10 => {
                self.figures.fault("request_doubled");
                self.after(
                    delay,
                    Event::Arrive(Arc::clone(&request), id, effect.clone()),
                );
                self.after(delay + 30, Event::Arrive(request, id, effect.clone()));
            }
            _ => self.after(delay, Event::Arrive(request, id, effect.clone())),
        }
        self.answer(
            timeout,
            id,
            &effect,
            What::Lost {
                message: "no answer within the timeout".into(),
            },
        );
        Ok(())
    }

    pub(crate) fn arrive(&mut self, request: &Arc<Request>, id: Id, effect: Effect) {
        let what = self.services.serve(request, &mut self.random);
        self.send_letters();
        let undecided = is_pending(&what);
        if undecided {
            self.figures.fault("pending");
        }
        self.note("arrive", (&request.key, format!("{what:?}")));
        let fault = if self.services.healed {
            100
        } else {
            self.random.below(100)
        };
        let delay = 1 + self.random.draw() % 40;
        match fault {
            0..4 => {
                self.figures.fault("answer_lost");
                if undecided {
                    self.figures.fault("pending_lost");
                }
            }
            4..7 => {
                self.figures.fault("answer_late");
                let late = request.timeout.millis() + self.random.draw() % 90_000;
                self.answer(late, id, &effect, what);
            }
            7..9 => {
                self.figures.fault("answer_doubled");
                self.answer(delay, id, &effect, what.clone());
                self.answer(delay + 20, id, &effect, what);
            }
            9..12 => {
                self.figures.fault("connection_lost");
                let attempt = (id, effect.step.clone(), effect.leg, effect.attempt);
                if !self.history.answered.contains(&attempt) {
                    self.history.lost.insert(attempt);
                }
                self.answer(
                    1,
                    id,
                    &effect,
                    What::Lost {
                        message: "connection reset".into(),
                    },
                );
            }
            _ => self.answer(delay, id, &effect, what),
        }
    }

    pub(crate) fn answer(&mut self, after: u64, id: Id, effect: &Effect, what: What) {
        let (process, step) = (self.process, effect.step.clone());
        let (leg, attempt) = (effect.leg, effect.attempt);
        if matches!(what, What::Http(_)) {
            self.history
                .answered
                .insert((id, step.clone(), leg, attempt));
        }
        self.after(
            after,
            Event::Answer {
                process,
                id,
                step,
                leg,
                attempt,
                what,
            },
        );
    }

    /// A message leaves its sender: late, twice, or not at all until all are looked for.
    pub(crate) fn post(&mut self, message: banyan_store::Message) {
        self.note("mail", (message.to.to_string(), message.seq, &message.kind));
        let process = self.process;
        let delay = 1 + self.random.draw() % 40;
        let healed = self.services.healed;
        match if healed { 100 } else { self.random.below(100) } {
            0..8 => {
                self.figures.fault("mail_late");
                self.after(delay * 500, Event::Mail(process, message));
            }
            8..16 => {
                self.figures.fault("mail_doubled");
                self.after(delay, Event::Mail(process, message.clone()));
                self.after(delay * 200, Event::Mail(process, message));
            }
            16..22 => {
                self.figures.fault("mail_overflowed");
                self.after(delay * 100, Event::Sweep(process));
            }
            _ => self.after(delay, Event::Mail(process, message)),
        }
    }

    /// Mail reaches the process that it was meant for, if that still lives.
    pub(crate) fn bring(&mut self, process: u32, message: Option<banyan_store::Message>) {
        let Some(node) = self.node.as_mut().filter(|_| process == self.process) else {
            return;
        };
        match message {
            Some(message) => node.mail(message, false),
            None => node.hand_out_mail(),
        }
    }
}
