//! `banyan init`: a first saga file, and the schema that lets an editor help with it.

use crate::cli::{self, Context, Exit, Fail};
use banyan_core::language::{Surroundings, check, schema};
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};

const FIRST: &str = include_str!("first.template.yaml");
const SCHEMA: &str = "saga.schema.json";

/// Writes a first saga file, and the schema by which an editor completes and checks it.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  banyan init                        order.saga.yaml, here
  banyan init book_trip --dir sagas")]
pub(crate) struct Init {
    /// The saga's name
    #[arg(default_value = "order", value_name = "NAME")]
    name: String,
    /// The folder to write into [default: this one]
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".",
        hide_default_value = true
    )]
    dir: PathBuf,
}

/// `banyan init`.
pub(crate) fn run(context: &Context, init: &Init) -> Result<Exit, Fail> {
    let text = FIRST.replace("NAME", &init.name);
    let checked = check(&text, &Surroundings::default());
    if let Some(problem) = checked.diagnostics.first() {
        // The file is ours: only its name can be wrong.
        let help = problem.help.as_deref().unwrap_or_default();
        return Err(Fail::Usage(format!("{}: {help}", problem.message)));
    }
    std::fs::create_dir_all(&init.dir).map_err(|error| Fail::file(&init.dir, &error))?;
    let file = init.dir.join(format!("{}.saga.yaml", init.name));
    write_new(&file, &text)?;
    let schema_file = init.dir.join(SCHEMA);
    let described = write_schema(&schema_file)?;
    let style = context.style;
    cli::print(&format!(
        "{} {}: an order, each do beside its undo\n{} {}: {described}\n\nNow see it run, and undone:\n\n  {}\n",
        style.good("✓"),
        shown(&file),
        style.good("✓"),
        shown(&schema_file),
        style.strong(&format!("banyan dev {}", shown(&file))),
    ));
    Ok(Exit::Well)
}

fn shown(path: &Path) -> String {
    let plain = path.strip_prefix(".").unwrap_or(path);
    plain.display().to_string()
}

fn write_new(path: &Path, text: &str) -> Result<(), Fail> {
    let created = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path);
    match created.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Fail::Usage(format!(
                "{} is there already, and nothing is overwritten: run it with `banyan dev {}`, or choose another name, as in `banyan init my_order`",
                shown(path),
                shown(path)
            )))
        }
        Err(error) => Err(Fail::file(path, &error)),
    }
}

/// Several sagas share one schema: the same one is left as it is, another one is kept.
fn write_schema(path: &Path) -> Result<&'static str, Fail> {
    let mut text = serde_json::to_string_pretty(&schema())
        .map_err(|error| Fail::Here(format!("the schema cannot be written: {error}")))?;
    text.push('\n');
    match std::fs::read_to_string(path) {
        Ok(there) if there == text => Ok("there already"),
        Ok(_) => Ok("there already, of another version; `banyan schema` prints this one's"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_new(path, &text)?;
            Ok("completion and checks in your editor")
        }
        Err(error) => Err(Fail::file(path, &error)),
    }
}
