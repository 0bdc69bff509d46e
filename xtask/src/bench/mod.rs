//! x
use anyhow::Result;
#[derive(clap::Args, Default)]
pub(crate) struct Options {}
impl Options {
    pub(crate) fn smoke() -> Options {
        Options::default()
    }
}
pub(crate) fn run(_o: &Options) -> Result<bool> {
    Ok(true)
}
pub(crate) fn serve() -> Result<bool> {
    Ok(true)
}
