//! The command line: what can be typed, and where each command goes.
//!
//! Commands talk to a server through the client alone; `check` and `schema` need none. Tables
//! and trees are for people, `--json` for programs; answers go to standard output, everything
//! else to standard error.

mod audit;
mod brakes;
mod check;
mod completions;
mod context;
mod definitions;
mod diff;
mod export;
mod fail;
mod failures;
mod filter;
mod hand;
mod list;
mod look;
mod moves;
mod operations;
mod out;
mod over;
mod preview;
mod report;
mod serve;
mod services;
mod settle;
mod signal;
mod start;
mod style;
mod table;
#[cfg(test)]
mod tests;
mod together;
mod tree;
mod verbs;
mod watch;
mod why;

pub(crate) use check::{pretty, read as read_source};
pub(crate) use context::{Context, DEFAULT_SERVER, json_of, read_token};
pub(crate) use fail::{Exit, Fail};
pub(crate) use out::{print, print_json};
pub(crate) use style::Style;
pub(crate) use tree::draw;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Business transactions across services: done, or undone.
#[derive(Parser, Debug)]
#[command(
    name = "banyan",
    version,
    max_term_width = 100,
    after_help = "Examples:
  banyan demo                                  a shop of five services, failing and repairing itself
  banyan init                                  a first saga file
  banyan dev order.saga.yaml                   runs it at once, against stand-ins for its services
  banyan serve                                 the server, its data in ./banyan-data
  banyan check order.saga.yaml                 what is wrong with a saga file, and how to mend it
  banyan start place_order --key cart-17 --input @order.json --wait
  banyan list --status stuck
  banyan show place_order/cart-17
  banyan retry place_order/cart-17 --dry-run   what a repair would do; then do it

Exit codes: 0 completed or well, 1 error, 2 usage, 3 compensated, 4 stuck, 5 still running,
6 server not reached, 10 would change"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Global {
    /// The server to talk to [default: http://127.0.0.1:7400]
    #[arg(long, env = "BANYAN_SERVER", global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The token to show it [default: the data folder's admin.token]
    #[arg(
        long,
        env = "BANYAN_TOKEN",
        global = true,
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,
    /// The data folder [default: ./banyan-data]
    #[arg(long, env = "BANYAN_DATA", global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What can be done.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the demo shop, or prove its books
    Demo(crate::demo::Arguments),
    /// Write a first saga file
    Init(crate::dev::Init),
    /// Run a saga file against stand-ins for its services, live
    Dev(crate::dev::Arguments),
    /// Run the server
    Serve(serve::Serve),
    /// Check saga files
    Check(check::Check),
    /// Print the JSON Schema of saga files, for editors
    Schema,
    /// Print a saga file as a drawing or in another language
    Export(export::Export),
    /// Say what differs between two versions of a definition, or two files
    Diff(diff::Diff),
    /// Register saga files with the server
    Register(definitions::Register),
    /// List definitions, or the versions of one
    Definitions(definitions::Definitions),
    /// Choose the version of a definition that starts use
    Activate(definitions::Activate),
    /// Refuse starts of a definition: the brake
    Refuse(brakes::Refuse),
    /// Take starts of a definition again
    Accept(brakes::Accept),
    /// Start a saga
    Start(start::Start),
    /// Send a signal to a saga
    Signal(signal::Signal),
    /// List sagas, newest first
    List(Box<list::List>),
    /// Show what goes wrong with sagas, by cause
    Failures(failures::Failures),
    /// Show a saga as a tree, forward and undo side by side
    Show(look::Show),
    /// Show what changes, as it changes; or one saga until it has ended
    Watch(watch::Watch),
    /// Print a saga's journal
    Journal(look::Journal),
    /// Print every attempt of a saga's calls
    Attempts(look::Attempts),
    /// Turn a saga back
    Cancel(verbs::Cancel),
    /// Try again what is stuck, or waits for its next try
    Retry(verbs::Retry),
    /// Say what became of a leg: what you found out, or did by hand
    Settle(settle::Settle),
    /// Undo a completed saga
    Undo(verbs::Undo),
    /// Give a stuck saga up
    Abandon(verbs::Abandon),
    /// Write down what is known of a saga, or who looks after it
    Note(verbs::Note),
    /// Let running sagas go on under another version of their definition
    Move(moves::Move),
    /// List operations over many sagas, or pause, resume or cancel one
    Operations(operations::Operations),
    /// Print who did what, when and why
    Audit(audit::Audit),
    /// List, register and remove services
    Services(services::Services),
    /// Park the steps of a service
    Pause(services::Hold),
    /// Let the steps of a paused service go on
    Resume(services::Hold),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// One service of the demo shop
    #[command(hide = true)]
    DemoService(crate::demo::ServiceArguments),
}

/// Does what was typed.
pub(crate) fn run(cli: Cli) -> Result<Exit, Fail> {
    let context = Context::new(cli.global)?;
    match cli.command {
        Command::Check(check) => context.block_on(check::run(&context, &check)),
        Command::Schema => definitions::schema(),
        Command::Export(export) => export::run(&context, &export),
        Command::Diff(diff) => context.block_on(diff::run(&context, &diff)),
        Command::Completions(completions) => completions::run(&completions),
        Command::Serve(serve) => serve::run(&context, serve),
        Command::Init(init) => crate::dev::init(&context, &init),
        Command::Dev(arguments) => context.block_on(crate::dev::run(&context, arguments)),
        Command::Demo(arguments) => context.block_on(crate::demo::run(&context, arguments)),
        Command::DemoService(arguments) => {
            context.block_on(crate::demo::serve(&context, arguments))
        }
        Command::Register(register) => context.block_on(definitions::register(&context, &register)),
        Command::Definitions(wanted) => context.block_on(definitions::list(&context, &wanted)),
        Command::Activate(wanted) => context.block_on(definitions::activate(&context, &wanted)),
        Command::Refuse(wanted) => context.block_on(brakes::refuse(&context, &wanted)),
        Command::Accept(wanted) => context.block_on(brakes::accept(&context, &wanted)),
        Command::Start(start) => context.block_on(start::run(&context, &start)),
        Command::Signal(signal) => context.block_on(signal::run(&context, &signal)),
        Command::List(list) => context.block_on(list::run(&context, &list)),
        Command::Failures(wanted) => context.block_on(failures::run(&context, &wanted)),
        Command::Show(show) => context.block_on(look::show(&context, &show)),
        Command::Watch(watch) => context.block_on(watch::run(&context, &watch)),
        Command::Journal(journal) => context.block_on(look::journal(&context, &journal)),
        Command::Attempts(attempts) => context.block_on(look::attempts(&context, &attempts)),
        Command::Cancel(wanted) => context.block_on(verbs::cancel(&context, &wanted)),
        Command::Retry(wanted) => context.block_on(verbs::retry(&context, &wanted)),
        Command::Settle(wanted) => context.block_on(settle::run(&context, &wanted)),
        Command::Undo(wanted) => context.block_on(verbs::undo(&context, &wanted)),
        Command::Abandon(wanted) => context.block_on(verbs::abandon(&context, &wanted)),
        Command::Note(wanted) => context.block_on(verbs::note(&context, &wanted)),
        Command::Move(wanted) => context.block_on(moves::run(&context, &wanted)),
        Command::Operations(wanted) => context.block_on(operations::run(&context, &wanted)),
        Command::Audit(wanted) => context.block_on(audit::run(&context, &wanted)),
        Command::Services(services) => context.block_on(services::run(&context, &services)),
        Command::Pause(hold) => context.block_on(services::pause(&context, &hold)),
        Command::Resume(hold) => context.block_on(services::resume(&context, &hold)),
    }
}
