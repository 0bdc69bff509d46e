//! A guide, followed to the letter: its blocks, and a shell that has `banyan` on its path and a
//! folder of its own.

use super::BANYAN;
use std::path::Path;
use std::process::{Command, Stdio};

/// The fenced blocks of a language, in order.
pub(crate) fn blocks(guide: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = guide.lines();
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

/// What a script left behind.
pub(crate) struct Said {
    /// It ended well.
    pub(crate) well: bool,
    /// What it printed.
    pub(crate) said: String,
    /// And on its error output.
    pub(crate) moaned: String,
}

impl Said {
    /// Every one of these was printed somewhere.
    pub(crate) fn has(&self, promises: &[&str]) {
        for promise in promises {
            assert!(
                self.said.contains(promise),
                "{promise:?} is not in\n{}\n{}",
                self.said,
                self.moaned
            );
        }
    }

    /// These lines were printed in this order; `…` alone stands for any lines, and within a line
    /// for anything, blanks for blanks.
    pub(crate) fn shows(&self, lines: &str) {
        let mut printed = self.said.lines();
        for shown in lines.lines().filter(|line| *line != "…") {
            assert!(
                printed.any(|line| fits(line, shown)),
                "{shown:?} is not where the guide has it\n{}\n{}",
                self.said,
                self.moaned
            );
        }
    }
}

/// Whether a line is as the guide has it. How often a call was tried differs from run to run,
/// for the shop of the demo loses answers now and then.
pub(crate) fn fits(line: &str, shown: &str) -> bool {
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

/// The shell for which the guides are written, where systems have it.
pub(crate) fn bash() -> &'static str {
    let known = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"];
    let found = known.into_iter().find(|path| Path::new(path).exists());
    found.unwrap_or("bash")
}

/// Where what people type is looked for: here first, then as it is set, then where a system has
/// its tools, whatever is set.
pub(crate) fn path_with(bin: &Path) -> String {
    let set = std::env::var("PATH").unwrap_or_default();
    format!("{}:{set}:/usr/bin:/bin", bin.display())
}

/// Runs a script in this folder, against the server at this address.
pub(crate) fn run(folder: &Path, address: &str, script: &str) -> Said {
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(BANYAN, bin.join("banyan")).unwrap();
    let output = Command::new(bash())
        .args(["-c", script])
        .current_dir(folder)
        .env("PATH", path_with(&bin))
        .env("BANYAN_LISTEN", address)
        .env("BANYAN_SERVER", format!("http://{address}"))
        .env_remove("BANYAN_TOKEN")
        .env_remove("BANYAN_DATA")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said {
        well: output.status.success(),
        said: String::from_utf8_lossy(&output.stdout).into_owned(),
        moaned: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The begin of a script that has a server behind it, in the folder where it runs, and ends at
/// the first command that fails.
pub(crate) const WITH_SERVER: &str = "set -e\nbanyan serve 2>serve.log & server=$!\n\
    trap 'kill $server' EXIT\n\
    until banyan services >/dev/null 2>&1; do kill -0 $server || exit 9; done\n";
