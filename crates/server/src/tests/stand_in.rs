//! A service that answers every call with the status that it was last told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

/// Its URL, and what sets its status.
pub(crate) async fn stand_in(status: u16) -> (String, impl Fn(u16)) {
    let status = Arc::new(AtomicU16::new(status));
    let told = Arc::clone(&status);
    let answer = move || {
        let status = http::StatusCode::from_u16(told.load(Ordering::SeqCst)).unwrap();
        std::future::ready((status, axum::Json(serde_json::json!({"message": "no"}))))
    };
    let router = axum::Router::new().fallback(answer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, move |next| status.store(next, Ordering::SeqCst))
}
