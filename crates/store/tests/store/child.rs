//! Runs one test of this binary in a process of its own, so that it can be killed, starved of
//! disk or shut out of a folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FOLDER: &str = "BANYAN_STORE_TEST_FOLDER";

/// The data folder of a child; none in an ordinary run, where child tests have nothing to do.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// A command that runs the named child test on a folder, after a shell's preparations.
pub(crate) fn command(test: &str, folder: &Path, shell: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(format!("{shell} exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// Runs such a child to its end; it must succeed.
pub(crate) fn run(test: &str, folder: &Path, shell: &str) {
    let output = command(test, folder, shell).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{output:?}");
    assert!(text.contains("1 passed"), "{test} is no test: {text}");
}

/// Can this process have a mount of its own (it is root, and not fenced in)?
pub(crate) fn can_mount(folder: &Path) -> bool {
    let script = "mount -t tmpfs -o size=1m none \"$0\"";
    let status = Command::new("unshare")
        .args(["-m", "sh", "-c", script])
        .arg(folder)
        .stderr(Stdio::null())
        .status();
    let can = status.is_ok_and(|status| status.success());
    if !can {
        println!("skipped: this needs a mount of its own (root and `unshare -m`)");
    }
    can
}

/// Runs a child test with mounts of its own, made by `mounts`.
pub(crate) fn run_mounted(test: &str, folder: &Path, mounts: &str) {
    let mut command = Command::new("unshare");
    let inner = command_line(test, folder, mounts);
    command.arg("-m").args(inner).env(FOLDER, folder);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{output:?}");
    assert!(text.contains("1 passed"), "{test} is no test: {text}");
}

fn command_line(test: &str, folder: &Path, shell: &str) -> Vec<std::ffi::OsString> {
    let command = command(test, folder, shell);
    let mut line = vec![command.get_program().to_owned()];
    line.extend(command.get_args().map(ToOwned::to_owned));
    line
}
