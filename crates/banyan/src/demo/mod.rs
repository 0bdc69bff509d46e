//! The demo: a shop of five services, the sagas that hold them together, a stream of orders,
//! and a proof over all their ledgers.
//!
//! `banyan demo` starts the server and the services as processes of their own and starts again
//! whichever dies. `banyan demo verify` needs none of them: it reads what they left behind.

mod asking;
mod breaking;
mod caller;
mod child;
mod clients;
mod clock;
mod folder;
mod log;
mod orders;
mod plans;
mod run;
mod shop;
mod special;
mod stream;
mod summary;
mod verify;
mod watching;

pub(crate) use clock::pause;

use crate::cli::{Context, Exit, Fail};
use banyan_core::time::Duration;
use clap::{Args, Subcommand};
use shop::Break;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the demo keeps everything when nobody says.
const DEFAULT_DATA: &str = "banyan-demo";

/// Runs a shop of five services, a stream of orders, and the server between them, each a
/// process of its own, and starts again whichever you kill.
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  banyan demo                     until Ctrl-C; kill any of its processes meanwhile
  banyan demo --duration 60s      then waits for every saga to end, and verifies
  banyan demo verify              compares all ledgers with what clients were told
  banyan demo --break payments-undo
                                  a shop whose refunds fail, for you to mend: docs/guide/first-repair.md
  banyan demo break stock-ship    breaks a demo that is running
  banyan demo mend                heals whatever was broken; then retry what is stuck
  banyan demo ask payments GET /charges/by-key/KEY
                                  looks into a service's books; POST, PUT, DELETE act by hand

What can be broken, which code it gives, and the page about it: docs/runbook/README.md

The data folder is ./banyan-demo unless --data names another."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Take orders for so long, then wait for all sagas to end and verify
    #[arg(long, value_name = "TIME")]
    duration: Option<Duration>,
    /// Orders per second
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// What the orders and the troubles are drawn from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Break this on purpose, until `banyan demo mend`
    #[arg(long = "break", value_name = "WHAT")]
    broken: Vec<Break>,
    /// Where the server listens [default: 127.0.0.1:7400 if it is free, else any free port]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: Option<SocketAddr>,
}

/// An address, or a port of this machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text
        .parse()
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    port.or_else(|_| text.parse())
        .map_err(|_| "an address is written 127.0.0.1:7400, or 7400 alone".to_owned())
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// Break something of the shop on purpose, so that sagas get stuck
    Break {
        /// What
        #[arg(required = true)]
        what: Vec<Break>,
    },
    /// Heal whatever was broken on purpose
    Mend {
        /// This alone
        what: Vec<Break>,
    },
    /// Ask a service of a running demo, as its own people do: nothing that is broken on purpose
    /// befalls it
    Ask(asking::Question),
    /// Prove the books: every order wholly done or wholly undone, money and stock add up
    Verify,
}

/// Runs one service of the shop.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServiceArguments {
    /// Which one
    service: shop::Service,
    /// Where it listens
    #[arg(long)]
    listen: SocketAddr,
    /// End when standard input does
    #[arg(long, hide = true)]
    end_with_stdin: bool,
    #[command(flatten)]
    faults: shop::Faults,
}

/// `banyan demo` and `banyan demo verify`.
pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Fail> {
    let data = context
        .named_data()
        .map_or_else(|| PathBuf::from(DEFAULT_DATA), PathBuf::from);
    let folder = folder::Folder::new(data);
    match arguments.verb {
        Some(Verb::Verify) => verify::run(context, &folder).await,
        Some(Verb::Break { what }) => breaking::more(context, &folder, &what),
        Some(Verb::Ask(question)) => asking::ask(context, &folder, &question).await,
        Some(Verb::Mend { what }) => breaking::mend(context, &folder, &what),
        None => run::run(context, &folder, &arguments).await,
    }
}

/// `banyan demo-service`.
pub(crate) async fn serve(context: &Context, arguments: ServiceArguments) -> Result<Exit, Fail> {
    let options = shop::Options {
        service: arguments.service,
        data: context.data(),
        listen: arguments.listen,
        faults: arguments.faults,
    };
    shop::run(options, stopped(arguments.end_with_stdin)).await?;
    Ok(Exit::Well)
}

/// Waits until this process is told to stop: Ctrl-C, SIGTERM, or (where asked) the end of
/// standard input, which is how a supervisor's children notice that it is gone.
pub(crate) async fn stopped(end_with_stdin: bool) {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            // Without a handler the signal ends the process by itself.
            Err(_) => std::future::pending().await,
        }
    };
    let orphaned = async {
        if end_with_stdin {
            drain_stdin().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = terminated => {}
        () = orphaned => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Reads standard input to its end, on a thread of its own: a read that hangs must not keep
/// the runtime from ending.
async fn drain_stdin() {
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}
