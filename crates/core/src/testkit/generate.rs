//! Saga files by seed: every kind of step with every key that may stand on it, groups within
//! groups, a pivot in about half of them.
//!
//! Every file checks without an error. Its calls go to the services `one`, `two` and `three`,
//! under `/effects`; its conditions hold or fail by [`input`], its waits take [`signal`], and
//! its expressions cope with any JSON object, or null, as a service's answer.

mod legs;

use super::random::Random;
use super::render::render;
use crate::json::Json;
use serde_json::{Map, json};

/// An input that every generated saga accepts.
pub fn input() -> Json {
    json!({ "id": "i-1", "amount": 5, "yes": true, "no": false, "at": 1_000,
        "few": ["a", { "b": 2 }, null], "none": [] })
}

/// A body that every generated wait accepts and does not take for a no.
pub fn signal() -> Json {
    json!({ "approved": true })
}

/// The saga file of this seed. Its saga is called `generated_<seed>`.
///
/// ```
/// use banyan_core::language::{Surroundings, check};
/// use banyan_core::testkit::generate;
///
/// let checked = check(&generate(7), &Surroundings::default());
/// assert_eq!(checked.definition.unwrap().name, "generated_7");
/// ```
pub fn generate(seed: u64) -> String {
    let mut maker = Maker::new(seed, Vec::new());
    render(&maker.document(&format!("generated_{seed}")))
}

/// Saga files that run one another, children before their parents: two that run none, one that
/// runs these, one that runs all three. They are called `family_<seed>_<place>`.
pub fn generate_family(seed: u64) -> Vec<String> {
    let mut known: Vec<Relative> = Vec::new();
    let mut files = Vec::new();
    for place in 0..4 {
        let name = format!("family_{seed}_{place}");
        let children = if place < 2 { Vec::new() } else { known.clone() };
        let mut maker = Maker::new(seed.wrapping_mul(4).wrapping_add(place), children);
        let file = maker.document(&name);
        known.push(Relative {
            version: file["version"].as_u64().unwrap_or(1),
            no_return: maker.no_return,
            name,
        });
        files.push(render(&file));
    }
    files
}

/// A saga that others may run.
#[derive(Clone)]
struct Relative {
    name: String,
    version: u64,
    no_return: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pivot {
    /// The file has none so far.
    NotYet,
    /// What is made now comes after it.
    Passed,
}

/// Where a step is made.
#[derive(Clone, Copy)]
struct Around {
    /// Groups around it.
    level: usize,
    /// A pivot may stand here.
    main_path: bool,
    /// The items around it have names of their own.
    items: usize,
}

struct Maker {
    random: Random,
    left: usize,
    made: usize,
    pivot: Pivot,
    children: Vec<Relative>,
    no_return: bool,
}

/// The choice of a step that no other number stands for: a child.
const CHILD: usize = 100;
const LEVELS: usize = 3;
/// The services that generated sagas call.
pub const SERVICES: [&str; 3] = ["one", "two", "three"];
const CONDITIONS: [&str; 5] = [
    "$input.yes",
    "$input.no",
    "$input.amount > 3",
    "$input.nothing == null",
    "$saga.name != \"other\"",
];

impl Maker {
    fn new(seed: u64, children: Vec<Relative>) -> Maker {
        let mut random = Random::new(seed);
        let size = match random.below(20) {
            0 => 1,
            19 => 14,
            _ => 3 + random.below(7),
        };
        Maker {
            random,
            left: size,
            made: 0,
            pivot: Pivot::NotYet,
            children,
            no_return: false,
        }
    }

    fn document(&mut self, name: &str) -> Json {
        let mut file = Map::new();
        let mut put = |name: &str, value: Json| file.insert(name.to_owned(), value);
        if self.random.chance(20) {
            put("banyan", json!(1));
        }
        put("saga", json!(name));
        put("version", json!(1 + self.random.below(3)));
        if self.random.chance(20) {
            put("description", json!("Made for a test."));
        }
        if self.random.chance(30) {
            put("input", json!({ "type": "object", "required": ["id"] }));
        }
        if self.random.chance(30) {
            put(
                "labels",
                json!({ "id": "$input.id", "amount": "$input.amount" }),
            );
        }
        if self.random.chance(40) {
            put("deadline", json!("30d"));
        }
        let mut seen = Vec::new();
        let around = Around {
            level: 0,
            main_path: true,
            items: 0,
        };
        let mut steps = Vec::new();
        while self.left > 0 {
            steps.push(self.step(around, &mut seen));
        }
        file.insert("steps".to_owned(), json!(steps));
        let mut put = |name: &str, value: Json| file.insert(name.to_owned(), value);
        if self.random.chance(60) {
            let output = self.value(&seen);
            put("output", output);
        }
        if self.random.chance(30) {
            put("on_end", self.on_end(&seen));
        }
        if self.random.chance(20) {
            put("secret", json!(["$input.at", "$output.id"]));
        }
        // One that is run by others has no lock of its own.
        if !name.starts_with("family_") && self.random.chance(20) {
            let lock = *self
                .random
                .pick(&["$input.id", "$input.amount + 1", "$input.yes"]);
            put("lock", json!(lock));
        }
        if self.random.chance(20) {
            put("keep", json!("7d"));
        }
        Json::Object(file)
    }

    fn on_end(&mut self, seen: &[String]) -> Json {
        if self.random.chance(30) {
            let service = *self.random.pick(&SERVICES);
            return json!(format!("POST {service} /effects/{{$input.id}}"));
        }
        // Its retry may be bounded wherever the pivot stands.
        let passed = std::mem::replace(&mut self.pivot, Pivot::NotYet);
        let mut keys = Map::new();
        let method = *self.random.pick(&["POST", "POST", "PUT"]);
        self.request(&mut keys, method, "/effects/{$input.id}", seen);
        self.secrets(&mut keys, &["$body.id", "$result.token"]);
        if self.random.chance(50) {
            keys.insert("body".to_owned(), json!({ "status": "$saga.status" }));
        }
        if self.random.chance(25) {
            keys.insert("refused_when".to_owned(), json!("$result.refuse == true"));
        }
        self.pivot = passed;
        Json::Object(keys)
    }

    /// One step, as a list item with its name.
    fn step(&mut self, around: Around, seen: &mut Vec<String>) -> Json {
        self.left = self.left.saturating_sub(1);
        self.made += 1;
        let name = format!("s{}", self.made);
        let mut keys = Map::new();
        let when = self.random.chance(20);
        if when {
            let condition = *self.random.pick(&CONDITIONS);
            keys.insert("when".to_owned(), json!(condition));
        }
        let groups = around.level < LEVELS && self.left > 0;
        // Behind an `each` its steps are known through the array alone.
        let known = seen.len();
        let mut around = around;
        let choice = self.random.below(if groups { 20 } else { 15 });
        // Only where there are children is their number drawn: other files stay as they were.
        let runs = !self.children.is_empty() && choice < 15 && self.random.chance(45);
        let choice = if runs { CHILD } else { choice };
        if (matches!(choice, 0..=8 | CHILD) && self.random.chance(12))
            || (matches!(choice, 15..20) && self.random.chance(30))
        {
            self.each(&mut keys, &mut around, seen);
        }
        match choice {
            0..=8 => self.call(&mut keys, seen),
            9 | 10 => self.wait(&mut keys, around, seen),
            11 => self.sleep(&mut keys),
            12 | 13 => {
                keys.insert("set".to_owned(), self.value(seen));
            }
            14 => self.refuse(&mut keys),
            CHILD => self.run(&mut keys, around, when, seen),
            _ => self.group(&mut keys, around, seen),
        }
        if ["do", "wait", "set", "run"]
            .iter()
            .any(|kind| keys.contains_key(*kind))
        {
            self.secrets(&mut keys, &["$result.id", "$result.items[].name"]);
        }
        self.pivot_mark(&mut keys, around);
        if keys.contains_key("each") {
            seen.truncate(known);
        }
        seen.push(name.clone());
        json!({ name: keys })
    }

    /// The keys that make a step an `each`: of no item, of one, of a few.
    fn each(&mut self, keys: &mut Map<String, Json>, around: &mut Around, seen: &mut Vec<String>) {
        let items = *self
            .random
            .pick(&["$input.few", "$input.few", "$input.none", "[1, 2]"]);
        keys.insert("each".to_owned(), json!(items));
        around.items += 1;
        around.main_path = false;
        let item = format!("item_{}", around.items);
        keys.insert("as".to_owned(), json!(item));
        if self.random.chance(50) {
            keys.insert("limit".to_owned(), json!(1 + self.random.below(3)));
        }
        seen.push(item);
    }

    /// Nothing that is secret changes what a saga does.
    fn secrets(&mut self, keys: &mut Map<String, Json>, seen: &[&str]) {
        if self.random.chance(30) {
            keys.insert("secret".to_owned(), json!(seen));
        }
    }

    fn pivot_mark(&mut self, keys: &mut Map<String, Json>, around: Around) {
        let stands = ["do", "wait", "sleep", "until", "set", "run"]
            .iter()
            .any(|kind| keys.contains_key(*kind));
        let free = !keys.contains_key("when") && !keys.contains_key("on_refused");
        if !(stands && free && around.main_path) || self.pivot == Pivot::Passed {
            return;
        }
        if keys.contains_key("pivot") {
            (self.pivot, self.no_return) = (Pivot::Passed, true);
            return;
        }
        if self.random.chance(28) {
            keys.insert("pivot".to_owned(), json!(true));
            (self.pivot, self.no_return) = (Pivot::Passed, true);
        } else if self.random.chance(10) {
            keys.insert("pivot".to_owned(), json!(false));
        }
    }

    /// A child; one that has a point of no return only from the pivot on.
    fn run(&mut self, keys: &mut Map<String, Json>, around: Around, when: bool, seen: &[String]) {
        let early = self.pivot == Pivot::NotYet;
        let may_be_pivot = around.main_path && !when && !keys.contains_key("each");
        let child = self.random.pick(&self.children).clone();
        if early && child.no_return && !may_be_pivot {
            return self.call(keys, seen);
        }
        let pinned = self.random.chance(30);
        let name = if pinned {
            format!("{}@{}", child.name, child.version)
        } else {
            child.name.clone()
        };
        keys.insert("run".to_owned(), json!(name));
        if self.random.chance(70) {
            // Whatever else it is given, it copes with.
            keys.insert("input".to_owned(), self.input_of_child(seen));
        }
        if self.random.chance(25) {
            keys.insert("refused_when".to_owned(), json!("$result.refuse == true"));
        }
        if early && child.no_return {
            keys.insert("pivot".to_owned(), json!(true));
        } else if self.random.chance(20) {
            keys.insert("on_refused".to_owned(), json!("continue"));
        }
        if self.random.chance(20) {
            let stuck = !early || self.random.chance(50);
            let word = if stuck { "stuck" } else { "undo" };
            keys.insert("on_unknown".to_owned(), json!(word));
        }
    }

    fn input_of_child(&mut self, seen: &[String]) -> Json {
        if self.random.chance(90) {
            json!("$input")
        } else {
            self.value(seen)
        }
    }

    fn wait(&mut self, keys: &mut Map<String, Json>, around: Around, seen: &[String]) {
        let name = format!("signal_{}", self.random.below(3));
        keys.insert("wait".to_owned(), json!(name));
        let limit = *self.random.pick(&["10m", "2d", "10d"]);
        keys.insert("for".to_owned(), json!(limit));
        for (name, value) in [
            ("accepts", json!({ "type": "object" })),
            ("refused_when", json!("$result.approved == false")),
            ("on_refused", json!("continue")),
        ] {
            if self.random.chance(35) {
                keys.insert(name.to_owned(), value);
            }
        }
        if around.items == 0 && self.random.chance(50) {
            let undo = self.undo(seen);
            keys.insert("undo".to_owned(), undo);
        }
    }

    fn sleep(&mut self, keys: &mut Map<String, Json>) {
        if self.random.chance(50) {
            let duration = *self.random.pick(&["10ms", "30s", "1d"]);
            keys.insert("sleep".to_owned(), json!(duration));
        } else {
            keys.insert("until".to_owned(), json!("$input.at"));
        }
    }

    /// A refuse that seldom comes to pass, so that most sagas get past it.
    fn refuse(&mut self, keys: &mut Map<String, Json>) {
        let often = self.random.chance(15);
        if !often {
            keys.insert("when".to_owned(), json!("$input.no"));
        }
        keys.insert("refuse".to_owned(), json!("said no by a rule"));
    }

    fn group(&mut self, keys: &mut Map<String, Json>, around: Around, seen: &mut Vec<String>) {
        let parallel = !keys.contains_key("each") && self.random.chance(50);
        let inside = Around {
            level: around.level + 1,
            main_path: around.main_path && !parallel && !keys.contains_key("when"),
            items: around.items,
        };
        let before = seen.len();
        let mut all = seen.clone();
        let mut steps = Vec::new();
        let count = 1 + self.random.below(3);
        while steps.is_empty() || (steps.len() < count && self.left > 0) {
            if parallel {
                seen.truncate(before);
            }
            let known = seen.len();
            steps.push(self.step(inside, seen));
            all.extend_from_slice(&seen[known..]);
        }
        *seen = all;
        let kind = if parallel { "together" } else { "steps" };
        keys.insert(kind.to_owned(), json!(steps));
    }

    /// A value with expressions over what has been reached.
    fn value(&mut self, seen: &[String]) -> Json {
        let earlier = match seen {
            [] => "$input.id".to_owned(),
            _ => format!("${}", self.random.pick(seen)),
        };
        match self.random.below(4) {
            0 => json!(earlier),
            1 => json!({ "id": "$input.id", "earlier": earlier }),
            2 => {
                json!({ "fixed": [1, "two", null], "nested": { "amount": "$input.amount + 1", "price": "$5", "text": "$$input" } })
            }
            _ => json!(["$input.amount", { "saga": "$saga.id" }]),
        }
    }
}
