//! Saga files that are checked as one set: what one of them runs is looked for among the
//! others, then on the server that is asked. A file that cannot be read is a problem of its own
//! and keeps no other from being checked.

use super::check::{Found, Problem};
use super::fail::Fail;
use banyan_core::Definition;
use banyan_core::children::{ChildRun, Registered, Sagas, Together};
use banyan_core::language::{Surroundings, check, decode, is_of_children, unreadable};
use banyan_sdk::{Client, Error};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Checks these files together; with a server, also against what is registered there.
///
/// # Errors
/// The server does not answer.
pub(super) async fn check_all(
    files: &[PathBuf],
    client: Option<&Client>,
) -> Result<Vec<Found>, Fail> {
    let mut found: Vec<Found> = files.iter().map(|file| read(file)).collect();
    let definitions: Vec<Definition> = found
        .iter()
        .filter(|one| one.problems.is_empty())
        .filter_map(|one| check(&one.source, &Surroundings::default()).definition)
        .collect();
    let together = Together::of(&definitions);
    let server = match client {
        Some(client) => Some(OnServer::behind(client, &together, &definitions).await?),
        None => None,
    };
    let together = match &server {
        Some(server) => together.before(server),
        None => together,
    };
    let known = Surroundings {
        sagas: Some(&together),
        ..Surroundings::default()
    };
    for one in found.iter_mut().filter(|one| one.problems.is_empty()) {
        let here = check(&one.source, &known).diagnostics;
        let here = here.iter().map(Problem::from);
        one.problems = match client {
            Some(client) => with_server(client, &one.source, here).await?,
            None => here.collect(),
        };
    }
    Ok(found)
}

/// A file's text, or why there is none.
fn read(file: &Path) -> Found {
    let (source, problem) = match std::fs::read(file) {
        Ok(bytes) => match decode(&bytes) {
            Ok(text) => (text.to_owned(), None),
            Err(problem) => (shown(&bytes), Some(problem)),
        },
        Err(error) => (String::new(), Some(unreadable(&error.to_string()))),
    };
    Found {
        file: file.to_owned(),
        source,
        problems: problem.iter().map(Problem::from).collect(),
    }
}

/// What of a file that is no text can be shown to people.
fn shown(bytes: &[u8]) -> String {
    let strange = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    String::from_utf8_lossy(bytes).replace(strange, "\u{fffd}")
}

/// What the server says of a file; of what it runs, what is said here: the server does not know
/// the files beside it.
async fn with_server(
    client: &Client,
    source: &str,
    here: impl Iterator<Item = Problem>,
) -> Result<Vec<Problem>, Fail> {
    let answer = client.check(source).await?;
    let there = answer.errors.into_iter().chain(answer.warnings);
    let there = there.map(Problem::from);
    let there = there.filter(|problem| !is_of_children(&problem.code));
    let here = here.filter(|problem| is_of_children(&problem.code));
    let mut all: Vec<Problem> = there.chain(here).collect();
    all.sort_by_key(|problem| (problem.line, problem.column));
    Ok(all)
}

/// What a server has registered of that which a set of files runs.
#[derive(Debug, Default)]
struct OnServer {
    /// By name, and whether starts use this version.
    known: Vec<(String, bool, Registered)>,
    /// A definition of the server's could not be understood.
    unclear: bool,
}

impl OnServer {
    /// What these definitions run, and what that runs, as far as it is not among them.
    async fn behind(
        client: &Client,
        together: &Together<'_>,
        definitions: &[Definition],
    ) -> Result<OnServer, Fail> {
        let mut server = OnServer::default();
        let mut open: Vec<ChildRun> = definitions.iter().flat_map(Definition::runs).collect();
        let mut asked = BTreeSet::new();
        let mut seen = BTreeSet::new();
        while let Some(run) = open.pop() {
            let given = together.saga(&run.saga, run.version).is_some();
            if given || !seen.insert((run.saga.clone(), run.version)) {
                continue;
            }
            if asked.insert(run.saga.clone()) {
                server.ask(client, &run.saga).await?;
            }
            if let Some(known) = server.saga(&run.saga, run.version) {
                open.extend(known.children);
            }
        }
        Ok(server)
    }

    async fn ask(&mut self, client: &Client, name: &str) -> Result<(), Fail> {
        let detail = match client.definition(name).await {
            Ok(detail) => detail,
            Err(Error::Problem(problem)) if problem.status == 404 => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for version in detail.versions {
            match serde_json::from_value::<Definition>(version.resolved) {
                Ok(definition) => {
                    let one = Registered::of(&definition);
                    self.known.push((name.to_owned(), version.active, one));
                }
                Err(_) => self.unclear = true,
            }
        }
        Ok(())
    }
}

impl Sagas for OnServer {
    fn saga(&self, name: &str, version: Option<u32>) -> Option<Registered> {
        let mut named = self.known.iter().filter(|(known, ..)| known == name);
        let fitting = named.find(|(_, active, one)| match version {
            Some(version) => one.version == version,
            None => *active,
        });
        fitting.map(|(.., one)| one.clone())
    }

    fn knows_all(&self) -> bool {
        !self.unclear
    }
}
