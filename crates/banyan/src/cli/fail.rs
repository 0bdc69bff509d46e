//! How a command ends: the exit codes, and what is printed when it failed.

use super::style::Style;
use banyan_sdk::Error;
use banyan_sdk::api::{Problem, SagaStatus};
use std::fmt::Write;
use std::process::ExitCode;

/// The exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Completed, or simply well.
    Well = 0,
    /// An error.
    Error = 1,
    /// The command was typed wrongly.
    Usage = 2,
    /// The saga was compensated.
    Compensated = 3,
    /// The saga needs a person.
    Stuck = 4,
    /// The saga is still on its way.
    Running = 5,
    /// The server was not reached.
    Unreachable = 6,
}

impl Exit {
    /// What a saga that was waited for makes of the command.
    pub(crate) fn of(status: &SagaStatus) -> Exit {
        match status {
            SagaStatus::Completed => Exit::Well,
            SagaStatus::Compensated => Exit::Compensated,
            SagaStatus::Stuck => Exit::Stuck,
            SagaStatus::Running | SagaStatus::Compensating => Exit::Running,
            SagaStatus::Abandoned | SagaStatus::Other(_) => Exit::Error,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Fail {
    /// What was typed cannot be meant.
    Usage(String),
    /// Something on this machine stood in the way.
    Here(String),
    /// The server, or the road to it.
    Server(Error),
}

impl From<Error> for Fail {
    fn from(error: Error) -> Fail {
        Fail::Server(error)
    }
}

impl From<anyhow::Error> for Fail {
    fn from(error: anyhow::Error) -> Fail {
        Fail::Here(format!("{error:#}"))
    }
}

impl Fail {
    /// A file that could not be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Fail {
        Fail::Here(format!("{}: {error}", path.display()))
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Fail::Usage(_) | Fail::Server(Error::InvalidServer { .. }) => Exit::Usage,
            Fail::Server(Error::Unreachable { .. } | Error::Lost { .. }) => Exit::Unreachable,
            Fail::Here(_) | Fail::Server(_) => Exit::Error,
        }
    }

    /// What to tell a person; `server` serves the page of each error.
    pub(crate) fn describe(&self, style: Style, server: &str) -> String {
        let error = style.bad("error");
        match self {
            Fail::Usage(message) | Fail::Here(message) => format!("{error}: {message}\n"),
            Fail::Server(Error::Problem(problem)) => tell_problem(problem, style, server),
            Fail::Server(failed) => {
                let mut text = format!("{error}: {failed}\n");
                if let Some(source) = std::error::Error::source(failed) {
                    let _ = writeln!(text, "  {source}");
                }
                if let Error::Unreachable { .. } = failed {
                    text.push_str(
                        "  help: start one with `banyan serve`, or name another with --server\n",
                    );
                }
                text
            }
        }
    }
}

fn tell_problem(problem: &Problem, style: Style, server: &str) -> String {
    let mut text = format!(
        "{} {}: {}\n",
        style.bad("error"),
        style.strong(&problem.code),
        problem.detail
    );
    for fault in &problem.errors {
        let place = match (fault.line, fault.column, &fault.pointer) {
            (Some(line), Some(column), _) => format!("{line}:{column} "),
            (_, _, Some(pointer)) if !pointer.is_empty() => format!("{pointer} "),
            _ => String::new(),
        };
        let _ = writeln!(text, "  {place}{}: {}", fault.code, fault.message);
        if let Some(help) = &fault.help {
            let _ = writeln!(text, "    help: {help}");
        }
    }
    if problem.status == 401 {
        text.push_str(
            "  help: set BANYAN_TOKEN, or point --data at the folder that holds admin.token\n",
        );
    }
    if problem.status == 412 {
        text.push_str(
            "  help: look at it with `banyan show`, then ask for another --dry-run and give the --if-seq that it tells\n",
        );
    }
    let page = format!("see {}{}", server.trim_end_matches('/'), problem.kind);
    let _ = writeln!(text, "  {}", style.faint(&page));
    text
}
