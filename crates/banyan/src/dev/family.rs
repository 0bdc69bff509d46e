//! A saga with the sagas that it runs, and those that they run: looked at together, named by
//! their places (`workspaces[0]`), and shown the children under their parent.

use super::report;
use crate::cli::{self, Fail, Style};
use banyan_sdk::Client;
use banyan_sdk::api::{Saga, SagaStatus, WaitKind, Waiting};
use std::fmt::Write;

/// Sagas that are looked at together; further ones go on unseen.
const SAGAS: usize = 200;

/// A child, or a child's child.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// The step that runs it, behind the place of its parent: `workspaces[0]`, `trip/pay`.
    pub(super) place: String,
    /// How many parents it has.
    level: usize,
    /// How it stands.
    pub(super) saga: Saga,
}

/// A saga and its children.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// The saga that was started.
    pub(super) top: Saga,
    /// Each child behind its parent.
    pub(super) children: Vec<Member>,
}

impl Family {
    /// With the children as they are now. Those that had ended and still stand so are taken
    /// from an earlier look.
    pub(super) async fn of(
        client: &Client,
        top: Saga,
        before: Option<&Family>,
    ) -> Result<Family, Fail> {
        let mut children = Vec::new();
        // The last one is the next: children come right behind their parent, in their order.
        let mut open = rows(&top, "", 1);
        while let Some((place, level, row)) = open.pop() {
            if children.len() == SAGAS {
                break;
            }
            let known = before.and_then(|before| before.child(&row.id.to_string()));
            let saga = match known.filter(|saga| is_same(saga, &row.status)) {
                Some(saga) => saga.clone(),
                None => client.saga(&row.id.to_string(), None).await?,
            };
            open.extend(rows(&saga, &place, level + 1));
            children.push(Member { place, level, saga });
        }
        Ok(Family { top, children })
    }

    fn child(&self, id: &str) -> Option<&Saga> {
        let mut children = self.children.iter();
        let found = children.find(|child| child.saga.id.to_string() == id);
        found.map(|child| &child.saga)
    }

    /// All of them, each with its place; the top one has none.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Saga)> {
        let children = self.children.iter();
        let children = children.map(|child| (child.place.as_str(), &child.saga));
        [("", &self.top)].into_iter().chain(children)
    }

    /// What they wait on. Waiting for a child is nothing by itself: the child waits on something.
    pub(super) fn waits(&self) -> impl Iterator<Item = (&Saga, &Waiting)> {
        let all = self.all();
        let waits = all.flat_map(|(_, saga)| saga.waiting_on.iter().map(move |one| (saga, one)));
        waits.filter(|(_, waiting)| waiting.kind != WaitKind::Child)
    }

    /// Their ids.
    pub(super) fn ids(&self) -> Vec<String> {
        self.all().map(|(_, saga)| saga.id.to_string()).collect()
    }

    /// How a step of one of these sagas is named here.
    pub(super) fn place(&self, saga: &str, step: &str) -> String {
        let mut children = self.children.iter();
        let child = children.find(|child| child.saga.id.to_string() == saga);
        child.map_or_else(|| step.to_owned(), |child| within(&child.place, step))
    }

    /// Whether it looks the same to a person.
    pub(super) fn is_like(&self, other: &Family) -> bool {
        let look = |family: &Family| -> Vec<_> {
            let all = family.all();
            all.map(|(_, saga)| {
                let waits = saga.waiting_on.iter();
                let waits: Vec<String> = waits.map(|one| one.message.clone()).collect();
                (saga.id, saga.seq, waits)
            })
            .collect()
        };
        look(self) == look(other)
    }

    /// The saga's tree, and below it those of its children.
    pub(super) fn draw(&self, style: Style) -> String {
        let mut text = cli::draw(&self.top, style);
        for child in &self.children {
            let _ = writeln!(text, "{} runs", style.strong(&child.place));
            for line in cli::draw(&child.saga, style).lines() {
                let _ = writeln!(text, "{:1$}{line}", "", child.level * 3);
            }
        }
        text
    }

    /// What happened since an earlier look, a line each.
    pub(super) fn news(&self, before: Option<&Family>) -> Vec<String> {
        let mut lines = Vec::new();
        for (place, saga) in self.all() {
            let earlier = before.and_then(|before| {
                let mut all = before.all();
                all.find(|(_, other)| other.id == saga.id)
            });
            for line in report::news(earlier.map(|(_, saga)| saga), saga) {
                lines.push(within(place, &line));
            }
        }
        lines
    }
}

/// `step` in the saga at this place.
pub(super) fn within(place: &str, step: &str) -> String {
    if place.is_empty() {
        step.to_owned()
    } else {
        format!("{place}/{step}")
    }
}

/// It had ended, and nothing has moved it since.
fn is_same(saga: &Saga, status: &SagaStatus) -> bool {
    let has_ended = matches!(
        status,
        SagaStatus::Completed | SagaStatus::Compensated | SagaStatus::Abandoned
    );
    has_ended && saga.status == *status
}

/// The children of a saga, the last one first.
fn rows(saga: &Saga, place: &str, level: usize) -> Vec<(String, usize, banyan_sdk::api::Child)> {
    let children = saga.children.iter().rev();
    children
        .map(|child| (within(place, &child.path), level, child.clone()))
        .collect()
}
