//! A saga with its children and theirs, and the mail between them: kept until it is acted on,
//! late, twice, and over crashes, as the caller will have it.

use crate::script::{Driver, definition, line_of};
use banyan_core::Json;
use banyan_core::id::Id;
use banyan_core::saga::{
    ChildState, Input, Message, Outcome, Plan, Record, Rejection, Saga, Start, State, Status,
    StepState, Telling,
};
use banyan_core::time::{Duration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A message that its receiver has not acted on, and who sent it.
pub(crate) type Letter = (Id, Message);

/// A saga, its children and theirs.
pub(crate) struct Family {
    plans: BTreeMap<String, Arc<Plan>>,
    /// The first of them.
    pub(crate) root: Id,
    /// All of them.
    pub(crate) members: BTreeMap<Id, Driver>,
    /// What is owed.
    pub(crate) mail: Vec<Letter>,
    /// Now, for all of them.
    pub(crate) now: Timestamp,
    thorough: bool,
}

impl Family {
    /// Starts the last of these definitions.
    pub(crate) fn start(sources: &[String], input: Json, thorough: bool) -> Family {
        let plans = sources.iter().map(|source| Plan::new(definition(source)));
        let named = plans.map(|plan| (plan.definition.name.clone(), plan));
        let plans: Vec<(String, Arc<Plan>)> = named.collect();
        let (_, plan) = plans.last().expect("a family").clone();
        let now = Timestamp(1_000_000);
        let root = Id::new(1, 2, 3);
        let mut family = Family {
            plans: plans.into_iter().collect(),
            root,
            members: BTreeMap::new(),
            mail: Vec::new(),
            now,
            thorough,
        };
        let start = Start {
            id: root,
            namespace: "default".into(),
            key: "cart-17".into(),
            call_seed: "store".into(),
            labels: Saga::labels_of(&plan, &input).unwrap_or_default(),
            children: family.versions(&plan),
            plan,
            input,
            deadline: None,
            park_limit: Duration::from_secs(3_600),
            parent: None,
            not_after: None,
            refused: None,
        };
        family.begin(start);
        family
    }

    fn versions(&self, plan: &Plan) -> BTreeMap<String, u32> {
        let runs = plan.definition.runs().into_iter();
        let known = runs.filter_map(|run| Some((self.plans.get(&run.saga)?, run.saga)));
        known
            .map(|(plan, name)| (name, plan.definition.version))
            .collect()
    }

    fn begin(&mut self, start: Start) {
        let id = start.id;
        let driver = Driver::of(start, self.now, self.thorough);
        assert!(self.members.insert(id, driver).is_none(), "I-46: twice");
        self.gather(id);
    }

    /// Takes what a member sent into the mail.
    fn gather(&mut self, id: Id) {
        let sent = std::mem::take(&mut self.members.get_mut(&id).expect("a member").sent);
        self.mail.extend(sent.into_iter().map(|one| (id, one)));
    }

    /// Gives a member an input.
    pub(crate) fn handle(&mut self, id: Id, input: Input) -> bool {
        let driver = self.members.get_mut(&id).expect("a member");
        driver.now = self.now;
        let taken = driver.handle(input).is_ok();
        self.gather(id);
        taken
    }

    /// Asks a verb of a member, as a script has it.
    pub(crate) fn ask(&mut self, id: Id, words: &str) -> Result<bool, Rejection> {
        let driver = self.members.get_mut(&id).expect("a member");
        driver.now = self.now;
        let taken = driver.ask(words);
        self.gather(id);
        self.deliver_all();
        taken
    }

    /// Delivers a letter, as it was stored; false when its receiver is not there yet.
    pub(crate) fn deliver(&mut self, (from, message): &Letter) -> bool {
        let (kind, body) = message.telling.to_parts().expect("JSON");
        let telling = Telling::from_parts(&kind, &body).expect("it reads back");
        assert_eq!(telling, message.telling);
        let there = self.members.contains_key(&message.to);
        match telling {
            Telling::Start(asked) if !there => {
                let plan = Arc::clone(&self.plans[&asked.definition]);
                let versions = self.versions(&plan);
                self.begin(asked.into_start(message.to, plan, versions, None));
                true
            }
            telling if there => {
                let (from, seq) = (*from, message.seq);
                assert!(self.handle(message.to, Input::Told { from, seq, telling }));
                true
            }
            _ => false,
        }
    }

    /// Delivers everything in its order, until nothing is owed.
    pub(crate) fn deliver_all(&mut self) {
        while !self.mail.is_empty() {
            let letter = self.mail.remove(0);
            assert!(
                self.deliver(&letter),
                "{letter:?} comes before its receiver"
            );
        }
    }

    /// The process dies: everybody is folded from their journals.
    pub(crate) fn crash(&mut self) {
        for id in self.members.keys().copied().collect::<Vec<_>>() {
            let driver = self.members.get_mut(&id).expect("a member");
            let plan = Arc::clone(&driver.saga.plan);
            let folded = Saga::fold(id, plan, &driver.journal).expect("I-5");
            driver.recovered(folded);
            self.handle(id, Input::Interrupted);
        }
    }

    /// Lets something happen to a member, and takes what it sends; false when nothing did.
    pub(crate) fn act(&mut self, id: Id, happen: impl FnOnce(&mut Driver) -> bool) -> bool {
        let driver = self.members.get_mut(&id).expect("a member");
        driver.now = self.now;
        let happened = happen(driver);
        self.now = self.now.max(driver.now);
        self.gather(id);
        happened
    }

    /// Lets time pass to the next moment of any member; false when nobody waits for one.
    pub(crate) fn wake(&mut self) -> bool {
        let now = self.now;
        let wakes = self.members.iter();
        let next = wakes.filter_map(|(id, driver)| Some((driver.saga.wake_at(now)?, *id)));
        let Some((at, id)) = next.min() else {
            return false;
        };
        self.now = at;
        self.handle(id, Input::Wake);
        true
    }

    /// The members of this definition, the oldest first.
    pub(crate) fn of(&self, name: &str) -> Vec<Id> {
        let mut found: Vec<&Saga> = self.members.values().map(|one| &one.saga).collect();
        found.retain(|saga| saga.plan.definition.name == name);
        found.sort_by_key(|saga| (saga.started_at, saga.parent.clone().map(|one| one.step)));
        found.into_iter().map(|saga| saga.id).collect()
    }

    /// Plays a line for the member of this definition, and delivers what it leads to.
    pub(crate) fn line(&mut self, name: &str, line: &str) {
        let id = *self.of(name).first().unwrap_or_else(|| panic!("no {name}"));
        let driver = self.members.get_mut(&id).expect("a member");
        driver.now = self.now;
        line_of(driver, line);
        self.now = self.now.max(driver.now);
        self.gather(id);
        self.deliver_all();
    }

    /// Everybody as they are, without their ids.
    pub(crate) fn draw(&self) -> String {
        let mut drawings = Vec::new();
        for name in self.plans.keys() {
            for id in self.of(name) {
                drawings.push(self.members[&id].saga.draw());
            }
        }
        let mut all = drawings.join("\n");
        for id in self.members.keys() {
            all = all.replace(&id.to_string(), "ID");
        }
        all
    }

    /// I-45 and I-46, once nothing is owed.
    pub(crate) fn verify(&self) {
        assert!(self.mail.is_empty());
        let mut started = 0;
        for driver in self.members.values() {
            driver.refold_whole();
            heard_once(driver);
            driver.saga.each_state(&mut |_, state| {
                if let Some(child) = &state.child {
                    started += 1;
                    self.agree(&driver.saga, state, child);
                }
            });
        }
        assert_eq!(
            started + 1,
            self.members.len(),
            "I-46: each child begins once"
        );
    }

    /// I-45: what the parent holds of a child is how that child ended.
    fn agree(&self, parent: &Saga, state: &StepState, child: &ChildState) {
        let story = || format!("{}\n{state:#?}", self.draw());
        let saga = &self.members[&child.id].saga;
        let status = saga.status();
        let cause = state.failure.as_ref();
        let cause = cause.and_then(|failed| failed.detail.get("cause"));
        let says_no = cause == Some(&Json::from("refused_when"));
        match state.state {
            _ if state.undone.is_some() => {
                assert_eq!(status, Status::Compensated, "I-45\n{}", story());
            }
            State::Ended(Outcome::Done) if parent.status() == Status::Completed => {
                assert_eq!(status, Status::Completed, "I-45\n{}", story());
            }
            State::Ended(Outcome::Refused) if says_no => {
                assert_eq!(status, Status::Completed, "I-45\n{}", story());
            }
            State::Ended(Outcome::Refused) => assert!(
                status == Status::Compensated || saga.reopened > 0,
                "I-45\n{}",
                story()
            ),
            State::Ended(_) | State::Running => {}
            State::Pending | State::Skipped => panic!("I-45\n{}", story()),
        }
        if parent.status() == Status::Compensated && !says_no {
            let back = status == Status::Compensated || saga.reopened > 0;
            assert!(back, "I-45\n{}", story());
        }
        if status == Status::Stuck && parent.status() != Status::Stuck {
            let rests = parent.status().is_rest() && saga.reopened > 0;
            assert!(rests, "a stuck child makes its parent stuck\n{}", story());
        }
    }
}

/// I-46: no message takes effect twice.
fn heard_once(driver: &Driver) {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &driver.journal {
        let (whose, told) = match &entry.record {
            Record::ChildTold { step, told, .. } => (step.as_str(), *told),
            Record::ParentTold { told, .. } => ("", *told),
            _ => continue,
        };
        let before = last.insert(whose, told).unwrap_or(0);
        assert!(
            before < told,
            "I-46: {told} after {before}\n{}",
            driver.saga.draw()
        );
    }
}
