//! The first-repair guide, followed to the letter on a demo that is broken on purpose: its
//! commands run in their order in one shell, every line that it shows is printed where it has
//! it, and the demo proves its books in the end.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use std::process::{Command, Stdio};

const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");
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

/// The fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = GUIDE.lines();
    while let Some(line) = lines.next() {
        if let Some(fence) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if fence == language {
                found.push(block.join("\n"));
            }
        }
    }
    found
}

/// The guide as one script: the demo behind it, and whoever reads waits until it has happened.
fn script(address: &str) -> String {
    let mut script = String::new();
    for block in blocks("sh") {
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

/// Whether a line is as the guide has it: `…` stands for anything, blanks for blanks. How often
/// a call was tried differs from run to run, for the shop loses answers now and then.
fn fits(line: &str, shown: &str) -> bool {
    let plain = |text: &str| {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        (2..9).fold(words, |text, times| {
            text.replace(&format!(", {times} attempts"), "")
        })
    };
    let line = plain(line);
    let mut rest = line.as_str();
    plain(shown).split('…').all(|piece| {
        let found = rest.split_once(piece.trim());
        rest = found.map_or("", |(_, after)| after);
        found.is_some()
    })
}

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(BANYAN, bin.join("banyan")).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script(&address)])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("BANYAN_SERVER", format!("http://{address}"))
        .env_remove("BANYAN_TOKEN")
        .env_remove("BANYAN_DATA")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let moaned = String::from_utf8_lossy(&output.stderr);
    let mut printed = said.lines();
    let key = printed.next().and_then(|line| line.strip_prefix("key "));
    let console = blocks("console").join("\n");
    let console = console.replace(ORDER, key.unwrap_or_else(|| panic!("{said}\n{moaned}")));
    for shown in console.lines() {
        assert!(
            shown == "…" || printed.any(|line| fits(line, shown)),
            "{shown:?} is not where the guide has it\n{said}\n{moaned}"
        );
    }
    for promise in ["exit 3", "the demo: exit 0"] {
        assert!(
            said.contains(promise),
            "{promise:?} is not in\n{said}\n{moaned}"
        );
    }
    let proof = blocks("text").concat();
    assert!(
        said.contains(&proof),
        "{proof:?} is not in\n{said}\n{moaned}"
    );
}
