//! Moves of running sagas to another version of their definition: what would happen, and the
//! move itself. What is safe is decided by the core, at the moment of the move.

use crate::error::{LookError, MoveError};
use crate::handle::Engine;
use crate::shard::NotTaken;
use banyan_core::children::Family;
use banyan_core::id::Id;
use banyan_core::saga::{Ask, Asked, Input, Obstacle, Plan, Rejection, Saga, Verb};
use banyan_core::versions::Difference;
use std::sync::Arc;

/// A move, as asked for.
#[derive(Clone, Debug)]
pub struct MoveRequest {
    /// The saga.
    pub id: Id,
    /// The version of its definition.
    pub version: u32,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// Only if its last record is still this one.
    pub expected_seq: Option<u64>,
}

/// What a move would do, or did.
#[derive(Clone, Debug)]
pub struct MoveAnswer {
    /// The saga: as it was looked at, or as it is after the move.
    pub saga: Arc<Saga>,
    /// The version that it was at.
    pub from: u32,
    /// Everything that stands in the way; empty after a move.
    pub obstacles: Vec<Obstacle>,
    /// What is different for what it has not begun.
    pub changes: Vec<Difference>,
}

impl Engine {
    /// What a move would do; nothing is changed.
    ///
    /// # Errors
    /// See [`MoveError`]. What stands in the way is no error here, but what is told.
    pub async fn preview_move(&self, request: &MoveRequest) -> Result<MoveAnswer, MoveError> {
        let (saga, plan, _) = self.look_at_move(request).await?;
        let seq = saga.seq;
        if request.expected_seq.is_some_and(|expected| expected != seq) {
            return Err(MoveError::ChangedSince { seq });
        }
        if !saga.is_movable() {
            let status = saga.status().as_str();
            let message = format!("only a running saga can be moved: it is {status}");
            let allowed = saga.allowed();
            return Err(MoveError::NotAllowedNow { message, allowed });
        }
        let same = saga.plan.definition.hash == plan.definition.hash;
        let obstacles = if same {
            Vec::new()
        } else {
            saga.obstacles(&plan)
        };
        Ok(MoveAnswer {
            from: saga.plan.definition.version,
            changes: saga.changes(&plan),
            obstacles,
            saga,
        })
    }

    /// Moves a saga; one that is at this version already stays as it is.
    ///
    /// # Errors
    /// See [`MoveError`].
    pub async fn move_saga(&self, request: MoveRequest) -> Result<MoveAnswer, MoveError> {
        let (saga, plan, family) = self.look_at_move(&request).await?;
        let changes = saga.changes(&plan);
        let id = request.id;
        let children = family.versions;
        let input = Input::Asked(Box::new(Asked {
            what: Ask::Move { plan, children },
            reason: request.reason,
            actor: request.actor,
            expected_seq: request.expected_seq,
            operation: None,
        }));
        let taken = self.input(id, input).await?;
        let answer = match taken {
            Ok(answer) => answer,
            Err(why) => {
                let now = self.get(id).await?;
                let allowed = now.map(|saga| saga.allowed()).unwrap_or_default();
                return Err(not_taken(id, why, allowed));
            }
        };
        Ok(MoveAnswer {
            from: saga.plan.definition.version,
            saga: answer.saga,
            obstacles: Vec::new(),
            changes,
        })
    }

    /// The saga as it is, and the version that it would go by.
    async fn look_at_move(
        &self,
        request: &MoveRequest,
    ) -> Result<(Arc<Saga>, Arc<Plan>, Family), MoveError> {
        let id = request.id;
        let found = self.get(id).await.map_err(MoveError::Look)?;
        let saga = found.ok_or(MoveError::NoSuchSaga { id })?;
        let (plan, family) = self.target_of_move(&saga, request.version)?;
        Ok((saga, plan, family))
    }

    /// The version that a saga would go by, and those of the sagas that it runs.
    pub(crate) fn target_of_move(
        &self,
        saga: &Saga,
        version: u32,
    ) -> Result<(Arc<Plan>, Family), MoveError> {
        let (id, name) = (saga.id, saga.plan.definition.name.clone());
        let catalogue = &self.shared().catalogue;
        if catalogue.definition(&name, version).is_none() {
            return Err(MoveError::NoSuchVersion { name, version });
        }
        let ready = catalogue
            .ready(&name, version)
            .map_err(|message| MoveError::Look(LookError::Damaged { id, message }))?;
        let family = catalogue.family(&ready.plan)?;
        let services = catalogue.missing_services(&ready, &family);
        if !services.is_empty() {
            return Err(MoveError::UnknownService { services });
        }
        Ok((Arc::clone(&ready.plan), family))
    }
}

fn not_taken(id: Id, why: NotTaken, allowed: Vec<Verb>) -> MoveError {
    match why {
        NotTaken::NoSuchSaga => MoveError::NoSuchSaga { id },
        NotTaken::Look(error) => error.into(),
        NotTaken::Refused(refusal) => refusal.into(),
        NotTaken::Rejected(Rejection::ChangedSince { seq }) => MoveError::ChangedSince { seq },
        NotTaken::Rejected(Rejection::NotSafe { version, obstacles }) => {
            MoveError::NotSafe { version, obstacles }
        }
        NotTaken::Rejected(other) => MoveError::NotAllowedNow {
            message: other.to_string(),
            allowed,
        },
        why @ (NotTaken::UnknownSignal { .. } | NotTaken::InvalidBody(_)) => {
            // A move carries no signal.
            let message = format!("{why:?}");
            let allowed = Vec::new();
            MoveError::NotAllowedNow { message, allowed }
        }
    }
}
