//! Every saga as the run knows it: its journal, and what that leads to, taken over from the store
//! record by record as they are committed. So a check folds each record once, however often it
//! looks; at the end what was followed is compared with what is stored, folded anew.

use crate::check::{Checked, hold};
use crate::family::All;
use crate::report::Figures;
use banyan_core::id::Id;
use banyan_core::saga::{Entry, FoldError, Plan, Saga};
use banyan_store::memory::MemoryReader;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A saga, and the journal that made it.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    /// What it is.
    pub(crate) saga: Saga,
    /// Its journal, oldest first.
    pub(crate) journal: Vec<Entry>,
}

/// The sagas that were looked at.
#[derive(Debug, Default)]
pub(crate) struct Sagas(BTreeMap<Id, Arc<Followed>>);

impl Sagas {
    /// A saga as it is stored now; none when it is not stored.
    ///
    /// # Errors
    /// When its journal does not fold.
    pub(crate) fn look(
        &mut self,
        id: Id,
        plans: &Vec<Arc<Plan>>,
        reader: &MemoryReader,
    ) -> Result<Option<Arc<Followed>>, FoldError> {
        let seq = self.0.get(&id).map_or(0, |known| known.saga.seq);
        let Some(news) = reader.records_after(id, seq) else {
            return Ok(None);
        };
        let Some(known) = self.0.get_mut(&id) else {
            let saga = Saga::fold(id, plans, &news)?;
            let journal = news;
            let followed = Arc::new(Followed { saga, journal });
            self.0.insert(id, Arc::clone(&followed));
            return Ok(Some(followed));
        };
        if !news.is_empty() {
            let known = Arc::make_mut(known);
            for entry in &news {
                known.saga.apply(entry, plans)?;
            }
            known.journal.extend(news);
        }
        Ok(Some(Arc::clone(known)))
    }

    /// I-5: what is stored is what was followed, and folds to the same.
    pub(crate) fn are_stored(&self, all: &All, figures: &mut Figures) -> Checked {
        for (id, followed) in &self.0 {
            let same = all.get(id).is_some_and(|(saga, journal)| {
                journal.starts_with(&followed.journal)
                    && (saga.seq > followed.saga.seq || saga.draw() == followed.saga.draw())
            });
            hold(figures, 5, same, || {
                let drawn = followed.saga.draw();
                format!("{id} is not stored as it was followed\n{drawn}")
            })?;
        }
        Ok(())
    }
}
