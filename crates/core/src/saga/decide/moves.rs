//! The verb `move`: to another version of the definition, where nothing stands in the way.

use super::super::{Plan, Record, Rejection};
use super::Decision;
use super::verbs::By;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A move, as asked for.
pub(super) struct Move {
    pub(super) plan: Arc<Plan>,
    pub(super) children: BTreeMap<String, u32>,
    pub(super) by: By,
}

impl Decision<'_> {
    /// Moves the saga; to the version that it is at already changes nothing.
    pub(super) fn moves(&mut self, wanted: Move) -> Result<(), Rejection> {
        let Move {
            plan: to,
            mut children,
            by: By { reason, actor },
        } = wanted;
        if self.plan.definition.hash == to.definition.hash {
            self.turn.replayed = true;
            return Ok(());
        }
        if !self.saga.is_movable() {
            let status = self.saga.status().as_str();
            let message = match &self.saga.halt {
                Some(halt) => format!("the saga is about to turn back: {}", halt.message),
                None => format!("only a running saga can be moved: it is {status}"),
            };
            return Err(Rejection::NotAllowedNow { message });
        }
        let version = to.definition.version;
        let obstacles = self.saga.obstacles(&to);
        if !obstacles.is_empty() {
            return Err(Rejection::NotSafe { version, obstacles });
        }
        children.retain(|name, _| !self.saga.children.contains_key(name));
        let record = Record::Moved {
            from: self.plan.definition.version,
            version,
            definition_hash: to.definition.hash.clone(),
            children,
            reason,
            actor,
        };
        self.plan = to;
        self.record(record);
        Ok(())
    }
}
