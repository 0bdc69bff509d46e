//! The guide about versions, followed to the letter: its files are written, its commands run in
//! their order against a server, and what it promises is seen.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::free_address;
use helpers::guide::{WITH_SERVER, blocks, run};

const GUIDE: &str = include_str!("../../../docs/guide/versions.md");

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    for (number, file) in blocks(GUIDE, "yaml").iter().enumerate() {
        let name = format!("leave-{}.saga.yaml", number + 1);
        std::fs::write(folder.path().join(name), file).unwrap();
    }
    let script = format!("{WITH_SERVER}{}\n", blocks(GUIDE, "sh").join("\n"));
    let told = run(folder.path(), &free_address(), &script);
    assert!(told.well, "{}\n{}", told.said, told.moaned);
    told.has(&[
        "leave@2 registered",
        "leave@1",
        "leave: starts use version 1 now",
        "leave: starts use version 2 now",
        "leave       2       2 1       taken",
        "can go from version 1 to 2",
        "went from version 1 to 2",
        "1 would take move",
        "nothing was changed: --yes does it",
        "1 selected, 1 done, 0 failed",
        "leave@2  bob-1  completed",
        "second    ✓ done",
        "moved",
    ]);
}
