//! The guide about many sagas, followed to the letter on a demo that is broken on purpose: its
//! commands run in their order, and every line that it shows is printed where it has it.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::free_address;
use helpers::guide::{blocks, run};

const GUIDE: &str = include_str!("../../../docs/guide/many-sagas.md");
const DEMO: &str = "banyan demo --break payments-undo";

/// The guide as one script: what it leaves running runs behind it, and whoever reads waits until
/// it has come so far.
fn script(address: &str) -> String {
    let mut script = String::from("set -e\n");
    for block in blocks(GUIDE, "sh") {
        if block == DEMO {
            script.push_str(&format!(
                "{DEMO} --rate 30 --listen {address} >demo.said 2>&1 & demo=$!\n\
                 trap 'kill $demo' EXIT\n\
                 until [ $(banyan list --where 'status=stuck&code=undo_refused' 2>/dev/null | wc -l) -gt 5 ]; \
                 do kill -0 $demo || exit 9; done\n"
            ));
        } else if block.ends_with("--rate 1") {
            script.push_str(&format!(
                "{block} >note.said 2>&1 & note=$!\n\
                 until banyan operations -n 1 | grep -q running; do kill -0 $demo || exit 9; done\n"
            ));
        } else {
            script.push_str(&block);
            script.push('\n');
        }
    }
    // Who followed it was told of its pause or its end, by the exit code.
    script.push_str("wait $note || code=$?; [ $code = 5 ] || [ $code = 1 ]\n");
    script
}

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let told = run(folder.path(), &address, &script(&address));
    assert!(told.well, "{}\n{}", told.said, told.moaned);
    told.shows(&blocks(GUIDE, "console").join("\n"));
}
