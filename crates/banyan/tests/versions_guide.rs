//! The guide about versions, followed to the letter: its files are written, its commands run in
//! their order against a server, and what it promises is seen.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use std::process::{Command, Stdio};

const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");
const GUIDE: &str = include_str!("../../../docs/guide/versions.md");

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

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(BANYAN, bin.join("banyan")).unwrap();
    for (number, file) in blocks("yaml").iter().enumerate() {
        let name = format!("leave-{}.saga.yaml", number + 1);
        std::fs::write(folder.path().join(name), file).unwrap();
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    drop(listener);
    let script = format!(
        "set -e\nbanyan serve 2>serve.log & server=$!\ntrap 'kill $server' EXIT\n\
         until banyan services >/dev/null 2>&1; do kill -0 $server || exit 9; done\n{}\n",
        blocks("sh").join("\n")
    );
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("BANYAN_LISTEN", &address)
        .env("BANYAN_SERVER", format!("http://{address}"))
        .env_remove("BANYAN_TOKEN")
        .env_remove("BANYAN_DATA")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let moaned = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{moaned}");
    for promise in [
        "leave@2 registered",
        "leave@1",
        "leave: starts use version 1 now",
        "leave: starts use version 2 now",
        "leave       2       2 1       taken",
        "can go from version 1 to 2",
        "went from version 1 to 2",
        "1 can go to version 2",
        "nothing was moved: --yes moves them",
        "1 went to version 2",
        "leave@2  bob-1  completed",
        "second    ✓ done",
        "moved",
    ] {
        assert!(
            said.contains(promise),
            "{promise:?} is not in\n{said}\n{moaned}"
        );
    }
}
