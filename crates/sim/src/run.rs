//! One run: a queue of events in virtual time, until clients are told and sagas rest.

use crate::check::{self, Checked, Violation};
use crate::client::{Client, Told};
use crate::hand::Hand;
use crate::history::History;
use crate::ledgers::{self, World};
use crate::letters::Acknowledgement;
use crate::node::{Death, Node, receiver};
use crate::operator::Operator;
use crate::plans::{Book, Source, book};
use crate::report::{Figures, Report};
use crate::services::Services;
use banyan_core::Timestamp;
use banyan_core::definition::Kind;
use banyan_core::id::Id;
use banyan_core::saga::{Ask, Effect, Input, Leg, Plan};
use banyan_core::testkit::{self, Random};
use banyan_core::wire::{Answer, Request, What};
use banyan_engine::ReplyTokens;
use banyan_engine::shard::{Action, Message};
use banyan_store::Reader;
use banyan_store::memory::Store;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything follows from it.
    pub seed: u64,
    /// Sagas that clients start.
    pub sagas: usize,
    /// Deaths of the process while they run.
    pub crashes: usize,
}

impl Options {
    /// The short form's run of this seed.
    pub fn short(seed: u64) -> Options {
        Options {
            seed,
            sagas: 24,
            crashes: 3,
        }
    }
}

/// Steps after which a run that does not rest is given up as broken (I-8).
const MOST_EVENTS: u64 = 60_000;
/// Steps for which services may fail.
const FAULTY_EVENTS: u64 = 3_000;
/// How far ahead a shard keeps its timers in memory.
const NEAR: std::time::Duration = std::time::Duration::from_secs(7);

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Event {
    Ask(usize),
    Arrive(Arc<Request>, Id, Effect),
    Answer {
        process: u32,
        id: Id,
        step: String,
        leg: Leg,
        attempt: u32,
        what: What,
    },
    Poke(usize),
    Die,
    Rise,
    Mend,
    /// A message between sagas reaches its receiver's shard.
    Mail(u32, banyan_store::Message),
    /// All mail that the store holds is handed out.
    Sweep(u32),
    /// The operator looks at what runs.
    Operate,
    /// A service sends a letter.
    Letter(usize),
}

/// A run under way.
pub(crate) struct Run {
    pub(crate) random: Random,
    pub(crate) now: Timestamp,
    pub(crate) queue: BinaryHeap<Reverse<(Timestamp, u64, usize)>>,
    pub(crate) events: Vec<Option<Event>>,
    pub(crate) store: Store,
    pub(crate) plans: Vec<Arc<Plan>>,
    pub(crate) node: Option<Node>,
    pub(crate) process: u32,
    pub(crate) clients: Vec<Client>,
    pub(crate) services: Services,
    pub(crate) history: History,
    pub(crate) figures: Figures,
    pub(crate) trace: DefaultHasher,
    pub(crate) death: Option<Death>,
    /// The death comes with the next round.
    pub(crate) strikes: bool,
    /// What makes and reads the tokens of the store.
    pub(crate) tokens: ReplyTokens,
    /// Answers to letters that were not read yet.
    pub(crate) acknowledgements: Vec<Acknowledgement>,
    sources: Vec<Source>,
    /// Who moves sagas to other versions.
    pub(crate) operator: Operator,
    /// Who mends what is stuck.
    pub(crate) hand: Hand,
    /// When the operator has done what there is to do.
    pub(crate) calm_from: Timestamp,
}

/// Runs a seed.
///
/// # Errors
/// The first invariant that does not hold.
pub fn run(options: &Options) -> Result<Report, Violation> {
    let mut run = Run::new(options);
    run.prepare(options);
    // What must happen may be tried for ever by who is asked to try again, while services fail.
    while run.figures.events < FAULTY_EVENTS && run.step()? {}
    run.tend()?;
    run.rest()?;
    Ok(Report {
        figures: run.figures,
        trace: run.trace.finish(),
    })
}

impl Run {
    fn new(options: &Options) -> Run {
        let Book {
            first: plans,
            next,
            sources,
        } = book(options.seed);
        let store = Store::new("sim");
        let mut services = Services::default();
        for plan in plans.iter().chain(&next) {
            services.know(&plan.definition);
        }
        let clients = (0..options.sagas)
            .map(|number| Client::new(Arc::clone(&plans[number % plans.len()]), number))
            .collect();
        let tokens = ReplyTokens::new(&store.open().1.secret());
        let node = Some(Node::start(&store, &plans, NEAR));
        Run {
            random: Random::new(options.seed ^ 0x5157_u64),
            now: Timestamp(1_700_000_000_000),
            queue: BinaryHeap::new(),
            events: Vec::new(),
            store,
            plans,
            node,
            process: 1,
            clients,
            services,
            history: History::default(),
            figures: Figures::default(),
            trace: DefaultHasher::new(),
            death: None,
            strikes: false,
            tokens,
            acknowledgements: Vec::new(),
            sources,
            operator: Operator::new(next),
            hand: Hand::default(),
            calm_from: Timestamp(1_700_000_090_000),
        }
    }

    fn prepare(&mut self, options: &Options) {
        for client in 0..options.sagas {
            let at = self.random.draw() % 4_000;
            self.after(at, Event::Ask(client));
            for _ in 0..self.random.below(3) {
                let at = self.random.draw() % 90_000;
                self.after(at, Event::Poke(client));
            }
        }
        for _ in 0..options.crashes {
            let at = 200 + self.random.draw() % 12_000;
            self.after(at, Event::Die);
        }
        self.after(60_000, Event::Mend);
        self.after(1_000, Event::Operate);
    }

    pub(crate) fn after(&mut self, millis: u64, event: Event) {
        let at = self
            .now
            .plus(banyan_core::time::Duration::from_millis(millis));
        let number = self.events.len();
        self.events.push(Some(event));
        self.queue.push(Reverse((at, number as u64, number)));
    }

    /// One thing happens; false when nothing more can.
    pub(crate) fn step(&mut self) -> Result<bool, Violation> {
        self.figures.events += 1;
        if self.figures.events > 2 * MOST_EVENTS {
            let message = format!("it does not rest within {} events", 2 * MOST_EVENTS);
            return Err(Violation {
                invariant: 8,
                message,
            });
        }
        if let Some(shard) = self.node.as_ref().and_then(Node::busy) {
            self.round(shard)?;
            self.listen();
            self.read_acknowledgements()?;
            self.read_moves()?;
            self.read_verbs()?;
            return Ok(true);
        }
        if self.services.healed
            && let Some(node) = &mut self.node
        {
            node.open_all();
        }
        let wake = self.node.as_ref().and_then(Node::next_wake);
        let next = self.queue.peek().map(|Reverse((at, ..))| *at);
        match (next, wake) {
            (None, None) => Ok(false),
            (None, Some(_)) if self.quiet() => Ok(false),
            (Some(at), wake) if wake.is_none_or(|wake| at <= wake) => {
                self.now = self.now.max(at);
                let event = self
                    .queue
                    .pop()
                    .and_then(|Reverse((.., number))| self.events[number].take());
                if let Some(event) = event {
                    self.happen(event)?;
                }
                Ok(true)
            }
            (_, wake) => {
                // A wake may stand early in the store; it is still looked at in its time.
                let at = wake.unwrap_or(self.now);
                self.now = self.now.max(at);
                self.note("wake", self.now.0);
                if let Some(node) = &mut self.node {
                    node.wake(self.now);
                }
                Ok(true)
            }
        }
    }

    pub(crate) fn note(&mut self, what: &str, detail: impl Hash) {
        (what, self.now.0).hash(&mut self.trace);
        detail.hash(&mut self.trace);
    }

    fn happen(&mut self, event: Event) -> Checked {
        match event {
            Event::Ask(client) => {
                if self.clients[client].told == Told::Nothing {
                    self.ask(client);
                }
            }
            Event::Arrive(request, id, effect) => self.arrive(&request, id, effect),
            Event::Answer {
                process,
                id,
                step,
                leg,
                attempt,
                what,
            } => {
                let Some(node) = self.node.as_mut().filter(|_| process == self.process) else {
                    return Ok(());
                };
                let answer = Answer {
                    what,
                    took_ms: 1,
                    instance: None,
                };
                let input = Input::Answer {
                    step,
                    leg,
                    attempt,
                    answer,
                };
                node.send(
                    Message::Input {
                        id,
                        input,
                        reply: None,
                    },
                    id,
                );
            }
            Event::Poke(client) => self.poke(client),
            Event::Mail(process, message) => self.bring(process, Some(message)),
            Event::Sweep(process) => self.bring(process, None),
            Event::Letter(number) => return self.letter(number),
            Event::Operate => self.operate(),
            Event::Die => {
                self.doom();
                if self.random.chance(30) {
                    self.die();
                }
            }
            Event::Rise => self.rise(),
            Event::Mend => {
                if let Some(node) = &mut self.node {
                    node.open_all();
                }
                // Where all is well every road is open anyway.
                if !self.services.healed && !self.quiet() {
                    self.after(400_000, Event::Mend);
                }
            }
        }
        Ok(())
    }

    /// Nothing is left that only mending roads could move.
    fn quiet(&self) -> bool {
        let told = self
            .clients
            .iter()
            .all(|client| client.told != Told::Nothing);
        told && self.node.as_ref().is_some_and(|node| {
            node.next_wake().is_none() || check::only_lines_are_left(&node.reader)
        })
    }

    fn ask(&mut self, client: usize) {
        self.note("ask", client);
        let asked = self.clients[client].asked;
        // Until it is told, a client asks again.
        self.after(1_500 + u64::from(asked) * 500, Event::Ask(client));
        if let Some(node) = &mut self.node {
            self.clients[client].ask(node, self.now, &mut self.random);
            self.figures.held(3);
        }
    }

    fn poke(&mut self, number: usize) {
        let cancels = self.random.chance(25);
        let client = &mut self.clients[number];
        let (Told::Accepted(id), Some(node)) = (client.told, &mut self.node) else {
            return;
        };
        let mut signals = Vec::new();
        client.plan.definition.each_step(&mut |step| {
            if let Kind::Wait(wait) = &step.kind {
                signals.push(wait.signal.clone());
            }
        });
        if cancels {
            client.send(
                id,
                Input::asked(Ask::Cancel, "no more", client.key.clone()),
                node,
            );
            self.figures.fault("cancel");
        }
        for name in signals {
            // Some come twice, under one key or another, and most come early.
            for turn in 0..=self.random.below(3) {
                let input = Input::Signal {
                    name: name.clone(),
                    key: format!("{name}-key-{}", turn / 2),
                    body: testkit::signal(),
                };
                client.send(id, input, node);
                self.figures.fault("signal");
            }
        }
    }

    /// The process will die, before a commit or after it.
    pub(crate) fn doom(&mut self) {
        self.figures.crashes += 1;
        self.death = Some(*self.random.pick(&[Death::BeforeCommit, Death::AfterCommit]));
    }

    fn die(&mut self) {
        self.note("die", self.process);
        self.node = None;
        self.death = None;
        let down = 50 + self.random.draw() % 3_000;
        self.after(down, Event::Rise);
        self.listen();
    }

    fn rise(&mut self) {
        if self.node.is_none() {
            self.process += 1;
            self.node = Some(Node::start(&self.store, &self.plans, NEAR));
            self.note("rise", self.process);
        }
    }

    fn listen(&mut self) {
        for number in 0..self.clients.len() {
            if self.clients[number].listen(self.node.as_ref()) {
                self.after(700, Event::Ask(number));
            }
        }
    }

    fn round(&mut self, shard: usize) -> Checked {
        let limit = 1 + self.random.below(8);
        let random = self.random.draw();
        let strikes = std::mem::take(&mut self.strikes);
        let dies = if self.random.chance(20) || strikes {
            self.death.take()
        } else {
            None
        };
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let round = node.round(shard, limit, (self.now, random), dies);
        if dies.is_some() {
            if let Some(round) = round {
                // Only under the planted bug did anything leave before the death.
                self.act(round.actions)?;
                self.listen();
            }
            self.die();
            return Ok(());
        }
        let Some(round) = round else { return Ok(()) };
        let reader = Arc::clone(&node.reader);
        for id in &round.touched {
            self.note("commit", id.to_string());
            check::committed(
                *id,
                &self.plans,
                &reader,
                &mut self.history,
                &mut self.figures,
                self.now,
            )?;
        }
        self.act(round.actions)
    }

    fn act(&mut self, actions: Vec<Action>) -> Checked {
        for action in actions {
            match action {
                Action::Call { id, effect } => self.launch(id, effect)?,
                Action::StartReply(reply, answer) => drop(reply.send(answer)),
                Action::InputReply(reply, answer) => drop(reply.send(*answer)),
                Action::GetReply(reply, answer) => drop(reply.send(answer)),
                Action::WatchReply(reply, answer) => drop(reply.send(answer)),
                Action::Misconfigured { plan, answer } => {
                    self.figures.fault("misconfigured");
                    let mended = self.services.healed;
                    if let Some(node) = self.node.as_mut().filter(|_| !mended) {
                        node.close(&plan, &answer);
                    }
                }
                Action::Answered(_) | Action::Parked { .. } => {}
                Action::Mail(message) => self.post(message),
                Action::LookForMail | Action::LookLater => {
                    if let Some(node) = &mut self.node {
                        node.hand_out_mail();
                    }
                }
                Action::LookForLock { id } => {
                    if let Some(node) = &mut self.node {
                        node.look_for_lock(id);
                    }
                }
                Action::Again(message) => {
                    if let (Some(node), Some(id)) = (&mut self.node, receiver(&message)) {
                        node.send(message, id);
                    }
                }
            }
        }
        Ok(())
    }

    /// Faults stop; everything that can rest must, and then everything must add up.
    fn rest(&mut self) -> Checked {
        self.services.healed = true;
        self.death = None;
        self.rise();
        for client in 0..self.clients.len() {
            if self.clients[client].told == Told::Nothing {
                self.ask(client);
            }
        }
        if let Some(node) = &mut self.node {
            node.open_all();
        }
        self.go_on()?;
        self.tend()?;
        let Some(node) = &self.node else {
            return Ok(());
        };
        let reader = Arc::clone(&node.reader);
        let world = World {
            clients: &self.clients,
            plans: &self.plans,
            reader: &*reader,
            followed: &self.history.sagas,
            services: &self.services,
            letters: &self.history.letters,
            operator: &self.operator,
            hand: &self.hand,
            sources: &self.sources,
        };
        ledgers::rested(&world, &mut self.figures)?;
        self.figures.sagas = self.clients.len() as u64;
        Ok(())
    }
}
