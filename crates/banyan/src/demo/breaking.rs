//! `banyan demo break` and `banyan demo mend`: something of the shop is broken on purpose, and
//! healed. What got stuck meanwhile stays stuck until somebody mends it: that is the exercise.

use super::folder::Folder;
use super::shop::Break;
use crate::cli::{Context, Exit, Fail, Style, print};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Breaks these too.
pub(super) fn more(context: &Context, folder: &Folder, what: &[Break]) -> Result<Exit, Fail> {
    known(folder)?;
    let mut broken: BTreeSet<Break> = folder.broken()?.into_iter().collect();
    broken.extend(what);
    let broken: Vec<Break> = broken.into_iter().collect();
    folder.set_broken(&broken)?;
    print(&told(&broken, "banyan", folder, context.style));
    Ok(Exit::Well)
}

/// Heals these; everything, when none is named.
pub(super) fn mend(context: &Context, folder: &Folder, what: &[Break]) -> Result<Exit, Fail> {
    known(folder)?;
    let is_meant = |one: &Break| what.is_empty() || what.contains(one);
    let (healed, kept): (Vec<Break>, Vec<Break>) = folder.broken()?.into_iter().partition(is_meant);
    folder.set_broken(&kept)?;
    if healed.is_empty() {
        print("nothing of that was broken\n");
        return Ok(Exit::Well);
    }
    let names: Vec<String> = healed.iter().map(|one| one.name()).collect();
    let mut text = format!("{} healed: {}\n", context.style.good("✓"), names.join(", "));
    text.push_str(
        "  what is stuck stays so until somebody mends it; which verb helps: banyan show SAGA\n",
    );
    if healed.contains(&Break::NotificationsLogin) {
        text.push_str(
            "  what was parked goes on at the next probe, or at once: banyan resume notifications\n",
        );
    }
    print(&text);
    Ok(Exit::Well)
}

fn known(folder: &Folder) -> Result<(), Fail> {
    if folder.services().is_dir() {
        return Ok(());
    }
    let root = folder.root().display();
    Err(Fail::Usage(format!(
        "{root} holds no demo: run `banyan demo` first, or name its folder with --data"
    )))
}

/// What is broken, how to see it, and how to heal it. Writing into a String cannot fail.
pub(super) fn told(broken: &[Break], banyan: &str, folder: &Folder, style: Style) -> String {
    let names: Vec<String> = broken.iter().map(|one| one.name()).collect();
    let mut text = format!("{} {}\n", style.bad("broken on purpose:"), names.join(", "));
    let heal = if folder.root() == std::path::Path::new(super::DEFAULT_DATA) {
        "banyan demo mend".to_owned()
    } else {
        format!("banyan demo mend --data {}", folder.root().display())
    };
    let _ = write!(
        text,
        "  what gets stuck: {banyan} list --status stuck
  heal the service, and then try again what is stuck: {heal}\n\n"
    );
    text
}
