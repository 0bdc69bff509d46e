//! The pages of patterns: each has a definition, and every call of it is refused, lost, late and
//! cut by a crash, once and often, while people do what people do; the ledgers add up. The
//! drawing on a page is what its script gives.
//!
//! `UPDATE_EXPECT=1 cargo test -p banyan-core --test saga patterns` rewrites the drawings.

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
    plan: Arc<Plan>,
    input: Json,
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
    let source = block(&text, "yaml").unwrap_or_else(|| panic!("{}: no saga", path.display()));
    let said = check(source, &Surroundings::default()).diagnostics;
    assert!(said.is_empty(), "{}: {said:#?}", path.display());
    Page {
        plan: Plan::new(definition(source)),
        input: serde_json::from_str(input).expect("the input is JSON"),
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
    let definition = &page.plan.definition;
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
    for people in People::ALL {
        let mut world = World::new(Vec::new());
        world.people = people;
        run(page, world, seen);
    }
}

fn run(page: &Page, mut world: World, seen: &mut Seen) {
    let driver = world.run(&page.plan, page.input.clone(), false);
    world.verify(&driver);
    *seen.ends.entry(driver.saga.status()).or_default() += 1;
    for hit in world.struck {
        *seen.struck.entry(hit).or_default() += 1;
    }
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

/// Plays the script that stands in a comment before each drawing, and compares the drawing.
#[test]
fn every_drawing_of_a_page_is_what_its_script_gives() {
    for page in pages() {
        let (first, rest) = page.text.split_once(SCRIPT).expect("a page has a drawing");
        let mut text = first.to_owned();
        for piece in rest.split(SCRIPT) {
            let (script, rest) = piece.split_once("-->").expect("a script ends");
            let old = block(rest, "text").expect("a drawing follows its script");
            let mut driver = Driver::begin(Arc::clone(&page.plan), page.input.clone(), true);
            let lines = script.lines().map(str::trim);
            lines
                .filter(|line| !line.is_empty())
                .for_each(|line| line_of(&mut driver, line));
            let drawn = driver.saga.draw();
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
