//! The first-repair guide, followed to the letter on a demo that is broken on purpose: its
//! commands run in their order in one shell, every line that it shows is printed where it has
//! it, and the demo proves its books in the end.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::free_address;
use helpers::guide::{blocks, run};

const GUIDE: &str = include_str!("../../../docs/guide/first-repair.md");
const DEMO: &str = "banyan demo --break payments-undo --duration 15s";

/// The order that the guide mends. In another run an answer on its way may be lost; the first
/// one with the same story stands in for it.
const ORDER: &str = "order-7-28";
const PICK: &str = r#"pick() {
  for one in $(banyan list --status stuck 2>/dev/null | grep -o 'order-7-[0-9]*'); do
    case "$(banyan show express_order/$one 2>/dev/null)" in
      *"refused at courier"*Atlantis*"payment      ✓ done"*) echo $one; return ;;
    esac
  done
}"#;

/// The guide as one script: the demo behind it, and whoever reads waits until it has happened.
fn script(address: &str) -> String {
    let mut script = String::new();
    for block in blocks(GUIDE, "sh") {
        if block == DEMO {
            script.push_str(&format!(
                "{DEMO} --rate 30 --listen {address} >demo.said 2>&1 & demo=$!\n\
                 trap 'kill $demo 2>/dev/null' EXIT\n\
                 {PICK}\n\
                 until key=$(pick) && [ -n \"$key\" ]; do kill -0 $demo || exit 9; done\n\
                 echo \"key $key\"\n"
            ));
        } else {
            let block = block.replace(ORDER, "$key");
            script.push_str(&format!("{block}\necho \"exit $?\"\n"));
        }
    }
    script.push_str("wait $demo; echo \"the demo: exit $?\"; trap - EXIT; tail -n 5 demo.said\n");
    script
}

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let told = run(folder.path(), &address, &script(&address));
    let key = told.said.lines().next();
    let key = key.and_then(|line| line.strip_prefix("key "));
    let key = key.unwrap_or_else(|| panic!("{}\n{}", told.said, told.moaned));
    told.shows(&blocks(GUIDE, "console").join("\n").replace(ORDER, key));
    told.has(&["exit 3", "the demo: exit 0"]);
    told.has(&[&blocks(GUIDE, "text").concat()]);
}
