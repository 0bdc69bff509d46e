//! Embeds the pages of `docs/errors` and `docs/runbook`, so that the server can serve each.

use std::io::Write;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let mut file = fs::File::create(Path::new(&out).join("pages.rs"))?;
    embed(&mut file, "ERRORS", "../../docs/errors")?;
    embed(&mut file, "RUNBOOK", "../../docs/runbook")
}

/// Writes a table of the pages of a folder: each code, and its page.
fn embed(file: &mut fs::File, table: &str, folder: &str) -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let folder = Path::new(&root).join(folder);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<(String, String)> = fs::read_dir(&folder)?
        .map(|entry| {
            let path = entry?.path();
            let is_page = path.extension().is_some_and(|extension| extension == "md");
            let code = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned());
            let is_code = |code: &String| {
                code.bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            };
            Ok(code
                .filter(|_| is_page)
                .filter(is_code)
                .map(|code| (code, path.display().to_string())))
        })
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    pages.sort();
    writeln!(file, "/// Every page of a folder by its code, sorted.")?;
    writeln!(file, "const {table}: &[(&str, &str)] = &[")?;
    for (code, path) in pages {
        writeln!(file, "    ({code:?}, include_str!({path:?})),")?;
    }
    writeln!(file, "];")
}
