//! The haulier behind shipping's freights: it says yes, books, and tells the outcome where its
//! caller awaits it. What is not told yet stands in shipping's database, so that a restart loses
//! nothing; what was told twice counts once, by the address that it is told at.
//!
//! While `shipping-reply` is broken it is slow, and does not hear of what was withdrawn: it says
//! yes only after that, as hauliers do whose post is read once a day.

use super::broken::{self, Break};
use super::call::{Call, Reply};
use super::desk::Desk;
use crate::demo::caller::{self, Request};
use banyan_core::Json;
use http::Method;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// Between two looks at what is asked for.
const LOOK: Duration = Duration::from_millis(200);

/// Works until it is dropped.
pub(super) async fn run(desk: Desk, data: PathBuf) {
    loop {
        crate::demo::pause(LOOK).await;
        let Some(open) = ask(&desk, Method::GET, "/freights").await else {
            continue;
        };
        let is_slow = broken::read(&data).is_ok_and(|all| all.contains(&Break::ShippingReply));
        for freight in open.body["items"].as_array().into_iter().flatten() {
            let is_late = freight["status"] == "withdrawn";
            if is_late && !is_slow {
                // Withdrawn in time: the haulier never hears of it.
                set(&desk, freight, "told").await;
            } else if is_late == is_slow || freight["status"] == "booked" {
                say_yes(&desk, freight).await;
            }
        }
    }
}

async fn say_yes(desk: &Desk, freight: &Json) {
    let Some(booked) = set(desk, freight, "booked").await else {
        return;
    };
    let reply = json!({ "outcome": "done", "result": booked.body });
    let request = Request {
        method: Method::POST,
        url: freight["reply_to"].as_str().unwrap_or(""),
        key: "",
        body: reply,
        in_person: false,
    };
    // A server that is away is told at the next look. One that no longer knows the saga has
    // nobody left to tell.
    let told = caller::call(request).await;
    if told.is_ok_and(|(status, _)| status < 500) {
        set(desk, freight, "told").await;
    }
}

async fn set(desk: &Desk, freight: &Json, status: &str) -> Option<Reply> {
    let key = freight["key"].as_str().unwrap_or("");
    let reply = ask(desk, Method::PUT, &format!("/freights/{key}/{status}")).await?;
    (reply.status < 300).then_some(reply)
}

async fn ask(desk: &Desk, method: Method, path: &str) -> Option<Reply> {
    let call = Call {
        method,
        key: format!("haulier{}", path.replace('/', "-")),
        path: path.to_owned(),
        reply_to: String::new(),
        body: Json::Null,
    };
    desk.ask(call).await.ok().flatten()
}
