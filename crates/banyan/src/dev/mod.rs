//! `banyan init` and `banyan dev`: a first saga file, and a saga file that runs in the minute in
//! which it is written, against stand-ins for its services.
//!
//! The server is a real one, over a folder that goes away at the end. The stand-ins are made
//! from the definition: they answer what its expressions read, keep the promises that a saga
//! relies on (one effect per key, undo by key, a mark where an undo came first), and have
//! switches for everything that goes wrong. Nothing here decides anything about sagas.

mod children;
mod command;
mod commands;
mod desk;
mod family;
mod file;
mod fit;
mod init;
mod later;
mod ledger;
mod leg;
mod maker;
mod once;
mod part;
mod plan;
mod plans;
mod report;
mod sample;
mod scene;
mod screen;
mod service;
mod session;
mod shape;
mod switches;
#[cfg(test)]
mod tests;
mod wants;

pub(crate) use init::{Init, run as init};

use crate::cli::{Context, Exit, Fail, json_of};
use banyan_core::Json;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use switches::{Switch, Switches, Trouble};

/// Runs a saga file against stand-ins for its services, live, and again whenever it changes.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  banyan dev order.saga.yaml
  banyan dev order.saga.yaml --input '{\"customer\": \"ada\", \"amount\": 720}'
  banyan dev order.saga.yaml --once --refuse payment; echo $?     3: it was undone
  banyan dev order.saga.yaml --once --lose 'payment once' --slow stock=3s
  banyan dev trip.saga.yaml --once --refuse charge/payment        a step of a child saga

The sagas that it runs are taken from the *.saga.yaml files of the same folder. While it runs,
type `help`: refuse, lose, slow and fail steps, their checks, undos and confirms, send signals,
look at what the services hold. With --once one saga runs, signals are sent in people's stead,
time is skipped, and the exit code tells: 0 completed, 3 compensated, 4 stuck, 5 no end in sight.")]
pub(crate) struct Arguments {
    /// The saga file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What sagas start with: JSON, or @FILE [default: made from the definition]
    #[arg(long, short, value_name = "JSON")]
    input: Option<String>,
    /// Where the server listens [default: any free port]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Run one saga, and exit with how it ended
    #[arg(long)]
    once: bool,
    /// Its service says no
    #[arg(long, value_name = "STEP")]
    refuse: Vec<String>,
    /// It happens, and its answer is lost
    #[arg(long, value_name = "STEP")]
    lose: Vec<String>,
    /// It happens, and its answer takes so long
    #[arg(long, value_name = "STEP=TIME")]
    slow: Vec<String>,
    /// Its service is out of order
    #[arg(long, value_name = "STEP")]
    fail: Vec<String>,
    /// With `reply: later`: the reply comes when it was given up already
    #[arg(long, value_name = "STEP")]
    late: Vec<String>,
    /// With `pending_when`: it is not decided, however often it is asked about
    #[arg(long, value_name = "STEP")]
    pend: Vec<String>,
}

impl Arguments {
    fn input(&self) -> Result<Option<Json>, Fail> {
        let given = self.input.as_deref();
        given.map(|text| json_of(text, "the input")).transpose()
    }

    fn switches(&self) -> Result<Arc<Switches>, Fail> {
        let switches = Switches::default();
        for trouble in Trouble::ALL {
            for words in self.steps(trouble) {
                let told = |why| Fail::Usage(format!("--{} {words}: {why}", trouble.verb()));
                switches.put(Switch::parse(trouble, words).map_err(told)?);
            }
        }
        Ok(Arc::new(switches))
    }

    fn steps(&self, trouble: Trouble) -> &[String] {
        match trouble {
            Trouble::Refuse => &self.refuse,
            Trouble::Lose => &self.lose,
            Trouble::Slow(_) => &self.slow,
            Trouble::Fail => &self.fail,
            Trouble::Late => &self.late,
            Trouble::Pend => &self.pend,
        }
    }
}

/// `banyan dev`.
pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Fail> {
    let input = arguments.input()?;
    let switches = arguments.switches()?;
    if arguments.once {
        once::run(context, &arguments, input.as_ref(), switches).await
    } else {
        desk::run(context, &arguments, input, switches).await
    }
}
