//! What the run remembers beside the store, to compare the store with: the calls that were
//! made, the answers that were lost, the reasons that were seen.

use crate::followed::Sagas;
use banyan_core::id::Id;
use banyan_core::saga::{Leg, Reason};
use std::collections::{BTreeMap, BTreeSet};

/// An attempt, by saga, step, leg and number.
pub(crate) type Attempt = (Id, String, Leg, u32);

/// What the run remembers.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Every saga that was looked at.
    pub(crate) sagas: Sagas,
    /// The attempts that are current, as far as journals were looked at.
    pub(crate) current: BTreeMap<Id, BTreeMap<(String, Leg), u32>>,
    /// Attempts that were launched.
    pub(crate) launched: BTreeSet<Attempt>,
    /// Attempts whose first word to the node was that their answer is lost.
    pub(crate) lost: BTreeSet<Attempt>,
    /// Attempts for which an answer was sent.
    pub(crate) answered: BTreeSet<Attempt>,
    /// The key of each round.
    pub(crate) keys: BTreeMap<(Id, String, Leg, u32), String>,
    /// Why each saga turned back, as first seen.
    pub(crate) reasons: BTreeMap<Id, Reason>,
    /// Journals' lengths as last seen.
    pub(crate) seqs: BTreeMap<Id, u64>,
    /// Who holds which lock: the definition's name, the value's hash.
    pub(crate) holders: BTreeMap<(String, String), Id>,
    /// The letters that were answered.
    pub(crate) letters: Vec<crate::letters::Told>,
}
