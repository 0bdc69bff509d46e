//! The pages of patterns: each has a definition, and every call of it is refused, lost, late and
//! cut by a crash, once and often, while people do what people do; the ledgers add up. The
//! drawing on a page is what its script gives.
//!
//! `UPDATE_EXPECT=1 cargo test -p banyan-core --test saga patterns` rewrites the drawings.

use crate::family::Family;
use crate::script::{Driver, definition, line_of};
use crate::strikes::{calls, strikes};
use crate::world::{Fault, People, World};
use banyan_core::Json;
use banyan_core::language::{Surroundings, check};
use banyan_core::saga::{Leg, Plan, Status};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What begins a script on a page.
const SCRIPT: &str = "<!-- script\n";

struct Page {
    path: PathBuf,
    text: String,
    /// Its definitions; the last one is started, the others are its children.
    sources: Vec<String>,
    plans: Vec<Arc<Plan>>,
    input: Json,
}

impl Page {
    fn is_family(&self) -> bool {
        self.plans.len() > 1
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/patterns")
}

fn pages() -> Vec<Page> {
    let files = std::fs::read_dir(folder()).expect("the pages");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a page").path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name != "README.md"));
    paths.sort();
    paths.into_iter().map(page).collect()
}

fn page(path: PathBuf) -> Page {
    let text = std::fs::read_to_string(&path).expect("a page is text");
    let input = block(&text, "json").unwrap_or_else(|| panic!("{}: no input", path.display()));
    let pieces = text.split("```yaml\n").skip(1);
    let sources = pieces.map(|piece| piece.split("```").next().unwrap_or_default().to_owned());
    let sources: Vec<String> = sources.collect();
    assert!(!sources.is_empty(), "{}: no saga", path.display());
    for source in &sources {
        let said = check(source, &Surroundings::default()).diagnostics;
        assert!(said.is_empty(), "{}: {said:#?}", path.display());
    }
    Page {
        plans: sources
            .iter()
            .map(|source| Plan::new(definition(source)))
            .collect(),
        input: serde_json::from_str(input).expect("the input is JSON"),
        sources,
        path,
        text,
    }
}

/// What stands in the first code block of this kind.
fn block<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("```{kind}\n"))?;
    Some(rest.split_once("```")?.0)
}

/// How the sagas of a page ended, and which faults struck which legs.
#[derive(Default)]
struct Seen {
    ends: BTreeMap<Status, u32>,
    struck: BTreeMap<(Fault, Leg), u32>,
}

fn play(page: &Page, seen: &mut Seen) {
    for plan in &page.plans {
        let definition = &plan.definition;
        for (number, call) in calls(definition).iter().enumerate() {
            for fault in Fault::ALL {
                for often in [false, true] {
                    let people = People::ALL[(number + usize::from(often)) % People::ALL.len()];
                    for people in [People::Approve, people] {
                        let mut world = World::new(strikes(definition, call, fault, often));
                        world.people = people;
                        run(page, world, seen);
                    }
                }
            }
        }
    }
    for people in People::ALL {
        let mut world = World::new(Vec::new());
        world.people = people;
        run(page, world, seen);
    }
}

fn run(page: &Page, mut world: World, seen: &mut Seen) {
    let end = if page.is_family() {
        let family = run_family(page, &mut world);
        family.members[&family.root].saga.status()
    } else {
        let driver = world.run(&page.plans[0], page.input.clone(), false);
        world.verify(&driver);
        driver.saga.status()
    };
    *seen.ends.entry(end).or_default() += 1;
    for hit in world.struck {
        *seen.struck.entry(hit).or_default() += 1;
    }
}

/// Runs a saga with its children until all rest or are stuck, and looks at all their ledgers.
fn run_family(page: &Page, world: &mut World) -> Family {
    page.plans
        .iter()
        .for_each(|plan| world.keeps_tombstones(plan));
    let mut family = Family::start(&page.sources, page.input.clone(), false);
    for _ in 0..10_000 {
        family.deliver_all();
        let ids: Vec<_> = family.members.keys().copied().collect();
        let moved = ids
            .iter()
            .any(|id| family.act(*id, |driver| called(world, driver)))
            || ids
                .iter()
                .any(|id| family.act(*id, |driver| acted(world, driver)))
            || family.wake();
        if !moved && family.mail.is_empty() {
            family.verify();
            family
                .members
                .values()
                .for_each(|driver| world.verify(driver));
            return family;
        }
    }
    panic!(
        "I-8: it never rests\n{}\n{:?}",
        family.draw(),
        world.strikes
    );
}

fn called(world: &mut World, driver: &mut Driver) -> bool {
    let effect = driver.saga.pending().first().cloned();
    effect.is_some_and(|effect| {
        world.call(driver, &effect);
        true
    })
}

fn acted(world: &World, driver: &mut Driver) -> bool {
    !driver.saga.status().is_rest() && world.act(driver)
}

#[test]
fn every_call_of_every_page_is_refused_lost_and_late_and_the_ledgers_add_up() {
    let pages = pages();
    assert!(!pages.is_empty());
    for page in &pages {
        let mut seen = Seen::default();
        play(page, &mut seen);
        let name = page.path.display();
        for status in [Status::Completed, Status::Compensated] {
            let times = seen.ends.get(&status).copied().unwrap_or(0);
            assert!(
                times > 0,
                "{name}: none {}: {:?}",
                status.as_str(),
                seen.ends
            );
        }
        for fault in Fault::ALL {
            let times = seen.struck.get(&(fault, Leg::Do)).copied().unwrap_or(0);
            assert!(times > 0, "{name}: no do met {fault:?}");
        }
    }
}

/// The page says a thousand, so a thousand are played: every one of them meets the fault.
#[test]
fn a_thousand_items_that_are_all_refused_lost_or_late_add_up_too() {
    let pages = pages();
    let is_it = |page: &&Page| page.path.ends_with("fan-out.md");
    let page = pages.iter().find(is_it).expect("the page is there");
    let lines: Vec<Json> = (0..1_000)
        .map(|number| serde_json::json!({ "sku": format!("s-{number}"), "count": 1 }))
        .collect();
    let input = serde_json::json!({ "order": "o-7", "lines": lines });
    let plan = &page.plans[0];
    let calls = calls(&plan.definition);
    let call = |name: &str, leg: Leg| {
        let mut all = calls.iter();
        let found = all.find(|(path, at)| path.ends_with(name) && *at == leg);
        found.expect("the page has this call").clone()
    };
    let reserve = |leg| call("reserve", leg);
    for (call, fault, end) in [
        (reserve(Leg::Do), Fault::Refused, Status::Compensated),
        (reserve(Leg::Do), Fault::Travels, Status::Completed),
        (reserve(Leg::Do), Fault::AnswerLost, Status::Completed),
        (reserve(Leg::Do), Fault::Unavailable, Status::Completed),
        (reserve(Leg::Undo), Fault::AnswerLost, Status::Compensated),
        (reserve(Leg::Undo), Fault::RequestLost, Status::Compensated),
        (
            call("invoice", Leg::Do),
            Fault::Refused,
            Status::Compensated,
        ),
        (
            call("invoice", Leg::Do),
            Fault::CrashAfter,
            Status::Completed,
        ),
    ] {
        let mut world = World::new(strikes(&plan.definition, &call, fault, false));
        let driver = world.run(plan, input.clone(), false);
        world.verify(&driver);
        assert_eq!(driver.saga.status(), end, "{fault:?} at {call:?}");
        let struck = world.struck.len();
        // The first refusal turns the saga back, so that no more items begin.
        let stops = fault == Fault::Refused || call.0 == "invoice";
        let all = if stops { 1 } else { 1_000 };
        assert!(struck >= all, "{fault:?} at {call:?} struck {struck} times");
        let items = driver.saga.steps[0].parts.len();
        assert_eq!(items, 1_000);
    }
}

/// The drawing that a script leads to. In a family each line names whom it is about: `NAME: …`.
fn drawn<'a>(page: &Page, lines: impl Iterator<Item = &'a str>) -> String {
    if !page.is_family() {
        let mut driver = Driver::begin(Arc::clone(&page.plans[0]), page.input.clone(), true);
        lines.for_each(|line| line_of(&mut driver, line));
        return driver.saga.draw();
    }
    let mut family = Family::start(&page.sources, page.input.clone(), true);
    family.deliver_all();
    for line in lines {
        let (name, line) = line.split_once(": ").expect("NAME: what happens");
        family.line(name, line);
    }
    family.draw()
}

/// Plays the script that stands in a comment before each drawing, and compares the drawing.
#[test]
fn every_drawing_of_a_page_is_what_its_script_gives() {
    for page in pages() {
        let (first, rest) = page.text.split_once(SCRIPT).expect("a page has a drawing");
        let mut text = first.to_owned();
        for piece in rest.split(SCRIPT) {
            let (script, rest) = piece.split_once("-->").expect("a script ends");
            let old = block(rest, "text").expect("a drawing follows its script");
            let lines = script.lines().map(str::trim);
            let drawn = drawn(&page, lines.filter(|line| !line.is_empty()));
            if std::env::var_os("UPDATE_EXPECT").is_none() {
                assert_eq!(old, drawn, "{}\n{script}", page.path.display());
            }
            let (before, after) = (format!("```text\n{old}"), format!("```text\n{drawn}"));
            text += &format!("{SCRIPT}{}", piece.replacen(&before, &after, 1));
        }
        if text != page.text {
            std::fs::write(&page.path, text).expect("the page is written");
        }
    }
}

#[test]
fn the_index_names_every_page() {
    let index = std::fs::read_to_string(folder().join("README.md")).expect("the index");
    for page in pages() {
        let name = page
            .path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        assert!(index.contains(&format!("({name})")), "{name}");
    }
}
