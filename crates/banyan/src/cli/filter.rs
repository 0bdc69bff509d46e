//! `--where QUERY`: which sagas, in the words of the API's own filter. Checked before anything
//! is sent, so that a key that is misspelled selects nothing rather than everything.

use super::fail::Fail;
use banyan_sdk::SagaFilter;
use banyan_sdk::api::Filter;
use clap::Args;

/// Which sagas.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Where {
    /// Which sagas, as the API's query has it: 'status=stuck&code=undo_refused'
    #[arg(long = "where", value_name = "QUERY", value_parser = query)]
    wanted: Option<Filter>,
}

impl Where {
    /// It as a list takes it; everything when it was not given.
    pub(super) fn filter(&self) -> SagaFilter {
        let pairs = self.wanted.iter().flat_map(Filter::pairs);
        pairs.fold(SagaFilter::default(), |filter, (key, value)| {
            filter.with(&key, value)
        })
    }
}

/// Refuses what no filter takes, as it was typed wrongly.
pub(super) fn check(filter: &SagaFilter) -> Result<(), Fail> {
    let pairs = filter.parameters.iter();
    let pairs = pairs.map(|(key, value)| (key.as_str(), value.as_str()));
    let read = Filter::of_pairs(pairs).map(drop);
    read.map_err(|error| Fail::Usage(error.to_string()))
}

pub(super) fn query(text: &str) -> Result<Filter, String> {
    Filter::of_query(text).map_err(|error| error.to_string())
}
