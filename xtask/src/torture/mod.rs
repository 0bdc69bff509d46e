//! x
use anyhow::Result;
#[derive(clap::Args, Default)]
pub(crate) struct Options {}
impl Options {
    pub(crate) fn short() -> Options {
        Options::default()
    }
    pub(crate) fn canary() -> Options {
        Options::default()
    }
}
pub(crate) fn run(_o: &Options) -> Result<bool> {
    Ok(true)
}
