//! Every error code is provoked over HTTP: a new one without its case fails here.

use super::rig::Rig;
use super::{bad_input, children, moves, operations, raw, replies, retention, special};
use banyan_api::Code;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_error_code_is_provoked_over_http() {
    let rig = Rig::start().await.with_samples().await;
    bad_input::run(&rig).await;
    special::sagas(&rig).await;
    moves::refusals(&rig).await;
    operations::refusals(&rig).await;
    let many = Rig::start().await;
    special::signals(&many).await;
    let impatient = raw::impatient().await;
    raw::run(&impatient).await;
    let rigs = [
        rig,
        many,
        impatient,
        special::services().await,
        special::store().await,
        retention::purged().await,
        special::full().await,
        children::refused().await,
        replies::settled().await,
    ];
    let mut provoked: BTreeSet<String> = rigs.iter().flat_map(Rig::codes).collect();
    provoked.extend(special::stopping().await);
    let missing: Vec<&Code> = Code::ALL
        .iter()
        .filter(|code| !provoked.contains(code.as_str()))
        .collect();
    assert!(missing.is_empty(), "never provoked: {missing:?}");
}
