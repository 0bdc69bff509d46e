//! Something done to very many sagas, many at a time; and lists read to their end.

use banyan_sdk::api::SagaItem;
use banyan_sdk::{Client, SagaFilter};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Callers at a time.
pub(crate) const WORKERS: usize = 64;
/// As many as a page holds.
pub(crate) const PAGE: u32 = 500;

/// Does something once for every number, many at a time.
pub(crate) async fn each<F, W>(client: &Client, numbers: Vec<usize>, work: F)
where
    F: Fn(Client, usize) -> W + Send + Sync + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let shared = Arc::new((work, AtomicUsize::new(0), numbers));
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        let (client, shared) = (client.clone(), Arc::clone(&shared));
        workers.push(tokio::spawn(async move {
            let (work, next, numbers) = &*shared;
            while let Some(number) = numbers.get(next.fetch_add(1, Ordering::SeqCst)) {
                work(client.clone(), *number).await;
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
}

/// Every saga that a filter selects, page after page.
pub(crate) async fn every(client: &Client, filter: &SagaFilter) -> Vec<SagaItem> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = client.sagas(filter, PAGE, cursor.as_deref()).await.unwrap();
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}
