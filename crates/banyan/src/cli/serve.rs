//! `banyan serve`.

use super::context::Context;
use super::fail::{Exit, Fail};
use banyan_server::{Config, Flags};
use clap::Args;
use std::path::PathBuf;

/// Runs the server until Ctrl-C or SIGTERM; then it lets what runs come to its end. Everything
/// it has accepted stands in the data folder, and goes on at the next start.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan serve
  banyan serve --data /var/lib/banyan --listen 127.0.0.1:7400
  banyan serve --config banyan.toml")]
pub(crate) struct Serve {
    /// The configuration file [default: ./banyan.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen; loopback only [default: 127.0.0.1:7400]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where services reach it, for replies that come later [default: where it listens]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// End when standard input does
    #[arg(long, hide = true)]
    end_with_stdin: bool,
}

pub(super) fn run(context: &Context, serve: Serve) -> Result<Exit, Fail> {
    banyan_server::init_telemetry();
    let flags = Flags {
        file: serve.config,
        listen: serve.listen,
        public_url: serve.public_url,
        data: context.named_data().map(PathBuf::from),
    };
    let config = Config::load(flags, |name| std::env::var(name).ok())
        .map_err(|error| Fail::Usage(error.to_string()))?;
    let data = config.data.clone();
    context.block_on(async {
        let handle = banyan_server::start(config).await.map_err(failed)?;
        // Standard error: standard output is for answers, and a server gives none.
        eprintln!(
            "banyan listens on http://{}, its data in {}, the token in {}",
            handle.address(),
            data.display(),
            data.join(banyan_server::TOKEN_FILE).display()
        );
        crate::demo::stopped(serve.end_with_stdin).await;
        handle.stop().await.map_err(failed)
    })?;
    Ok(Exit::Well)
}

fn failed(error: banyan_server::RunError) -> Fail {
    // The chain says what the system said.
    Fail::Here(format!("{:#}", anyhow::Error::new(error)))
}
