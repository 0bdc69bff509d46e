//! Notices as their receiver gets them: what is told, how it is signed, what happens when it
//! does not answer, and what a restart tells.

use super::rig::Rig;
use super::stand_in::stand_in;
use crate::config::Config;
use crate::disk::Low;
use crate::notify::{Notify, TYPES};
use axum::body::Bytes;
use banyan_api::Json;
use banyan_engine::{Clock, SkippingClock, SystemClock};
use http::HeaderMap;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::sync::{Mutex, mpsc};

const SECRET: &str = "a secret of some length";

/// One message as it came, and what was answered.
struct Message {
    headers: HeaderMap,
    body: Bytes,
    status: u16,
}

impl Message {
    fn events(&self) -> Vec<Json> {
        let body: Json = serde_json::from_slice(&self.body).unwrap();
        match self.header("content-type") {
            "application/cloudevents+json" => vec![body],
            "application/cloudevents-batch+json" => body.as_array().unwrap().clone(),
            other => panic!("{other}"),
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// Who receives notices.
struct Receiver {
    url: String,
    status: Arc<AtomicU16>,
    came: Mutex<mpsc::Receiver<Message>>,
}

impl Receiver {
    async fn start() -> Receiver {
        let status = Arc::new(AtomicU16::new(204));
        let (tell, came) = mpsc::channel(1_000);
        let told = Arc::clone(&status);
        let take = move |headers: HeaderMap, body: Bytes| {
            let status = told.load(Ordering::SeqCst);
            let message = Message {
                headers,
                body,
                status,
            };
            tell.try_send(message).unwrap();
            std::future::ready(http::StatusCode::from_u16(status).unwrap())
        };
        let router = axum::Router::new().route("/hook", axum::routing::post(take));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver {
            url,
            status,
            came: Mutex::new(came),
        }
    }

    /// A configuration that tells this one.
    fn told_by(&self, config: &mut Config) {
        config.notify = Some(Notify::new(&self.url, None).unwrap());
        // Whatever the disk of the test's machine has.
        config.disk_low = Low::Bytes(0);
        // A clock that is set ahead again and again outruns the engine.
        config.defaults.stalled_after = banyan_core::time::Duration::from_secs(30 * 86_400);
    }

    async fn next(&self) -> Message {
        self.came.lock().await.recv().await.unwrap()
    }

    /// The next event of a message that was taken.
    async fn event(&self) -> Json {
        loop {
            let message = self.next().await;
            if message.status == 204 {
                let mut events = message.events();
                assert_eq!(events.len(), 1, "{events:?}");
                return events.remove(0);
            }
        }
    }

    fn came_nothing(&self) -> bool {
        self.came.try_lock().unwrap().try_recv().is_err()
    }
}

/// The next message, however long its sender pauses by this clock.
async fn skipping(clock: &SkippingClock, rig: &Rig, receiver: &Receiver) -> Message {
    loop {
        clock.skip_to(clock.now().plus(banyan_core::time::Duration::from_secs(5)));
        tokio::select! {
            message = receiver.next() => return message,
            _ = rig.get("/healthz") => {}
        }
    }
}

/// Turns back at once, and its undo is refused: stuck.
const STUCK: &str = "\
saga: stuck
version: 1
steps:
  - order: { do: POST orders /orders, undo: POST orders /undo }
  - no: { refuse: not today }
";

/// An order service that does, and refuses to undo.
async fn orders(rig: &Rig) {
    let refuse = || {
        std::future::ready((
            http::StatusCode::CONFLICT,
            axum::Json(json!({"message": "shipped"})),
        ))
    };
    let router = axum::Router::new()
        .route(
            "/orders",
            axum::routing::post(|| std::future::ready(axum::Json(json!({})))),
        )
        .route("/undo", axum::routing::post(refuse));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    rig.put("/v1/services/orders", &json!({"instances": [url]}))
        .await;
    rig.register("stuck", STUCK).await;
}

async fn get_stuck(rig: &Rig, key: &str) -> String {
    let saga = rig.accepted(key, json!({"definition": "stuck"})).await;
    let id = saga["id"].as_str().unwrap().to_owned();
    let saga = rig.get(&format!("/v1/sagas/{id}?wait=20")).await.json();
    assert_eq!(saga["status"], "stuck", "{saga}");
    id
}

#[tokio::test]
async fn a_stuck_saga_is_told_as_a_signed_cloudevent() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, SECRET).unwrap();
    let secret = json!({ "file": file });
    let rig = Rig::with(|config| {
        receiver.told_by(config);
        config.notify = Some(Notify::new(&receiver.url, Some(&secret)).unwrap());
    })
    .await;
    orders(&rig).await;
    let id = get_stuck(&rig, "a").await;
    let message = receiver.next().await;
    let event = &message.events()[0];
    let listed = rig.get("/v1/sagas?status=stuck").await.json();
    assert_eq!(event["data"]["saga"], listed["items"][0]);
    let fields: Vec<&str> = event
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        fields,
        [
            "specversion",
            "id",
            "source",
            "type",
            "subject",
            "time",
            "datacontenttype",
            "data"
        ]
    );
    assert_eq!(
        (&event["specversion"], &event["type"]),
        (&json!("1.0"), &json!("banyan.saga.stuck"))
    );
    assert_eq!(event["subject"], id);
    assert_eq!(event["time"], event["data"]["saga"]["stuck"]["since"]);
    assert!(event["source"].as_str().unwrap().starts_with("urn:banyan:"));
    check_as_documented(&message);
}

/// Runs the Python and the shell of the page over a message, where they are to be had.
fn check_as_documented(message: &Message) {
    let page = include_str!("../../../../docs/reference/notify.md");
    let code = |language: &str| {
        let after = page.split(&format!("```{language}\n")).nth(1).unwrap();
        after.split("```").next().unwrap().to_owned()
    };
    let (id, signature) = (
        message.header("idempotency-key"),
        message.header("banyan-signature"),
    );
    let (seconds, hex) = signature
        .strip_prefix("t=")
        .unwrap()
        .split_once(",v1=")
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("body.json"), &message.body).unwrap();
    for (tampered, expected) in [("", true), ("x", false)] {
        let python = format!(
            "{}\nheaders = {{'Banyan-Signature': '{signature}', 'Idempotency-Key': '{id}{tampered}'}}\n\
             body = open('body.json', 'rb').read()\n\
             print(is_banyans(b'{SECRET}', headers, body), is_banyans(b'{SECRET}', headers, body, now=0.5))",
            code("python")
        );
        let shell = format!(
            "ID='{id}{tampered}' SECONDS_SENT='{seconds}' SIGNATURE='{hex}' SECRET='{SECRET}'\n{}",
            code("sh")
        );
        let run = |program: &str, text: &str| {
            let mut command = std::process::Command::new(program);
            let output = command
                .args(["-c", text])
                .current_dir(folder.path())
                .output();
            output
                .ok()
                .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        if let Some(said) = run("python3", &python) {
            let expected = if expected {
                "True False\n"
            } else {
                "False False\n"
            };
            assert_eq!(said, expected);
        }
        if run("openssl", "version").is_some()
            && let Some(said) = run("sh", &shell)
        {
            assert_eq!(said.contains("it is Banyan's"), expected, "{said}");
        }
    }
}

#[tokio::test]
async fn several_at_once_are_one_batch_and_none_is_told_twice() {
    let receiver = Receiver::start().await;
    let clock = Arc::new(SkippingClock::default());
    let rig = Rig::by(clock.clone(), |config| receiver.told_by(config)).await;
    orders(&rig).await;
    receiver.status.store(503, Ordering::SeqCst);
    get_stuck(&rig, "first").await;
    let first = receiver.next().await;
    for key in ["a", "b", "c"] {
        get_stuck(&rig, key).await;
    }
    receiver.status.store(204, Ordering::SeqCst);
    let again = loop {
        let message = skipping(&clock, &rig, &receiver).await;
        assert_eq!(message.body, first.body, "the same message is tried again");
        assert_eq!(
            message.header("idempotency-key"),
            first.header("idempotency-key")
        );
        if message.status == 204 {
            break message;
        }
    };
    assert_eq!(again.events().len(), 1);
    let mut keys = Vec::new();
    while keys.len() < 3 {
        let message = skipping(&clock, &rig, &receiver).await;
        keys.extend(
            message
                .events()
                .iter()
                .map(|event| event["data"]["saga"]["key"].to_string()),
        );
    }
    assert_eq!(keys, ["\"a\"", "\"b\"", "\"c\""]);
    while !rig
        .get("/metrics")
        .await
        .text()
        .contains("banyan_notify_delivered_total 4")
    {}
    assert!(
        rig.get("/metrics")
            .await
            .text()
            .contains("banyan_notify_failing 0")
    );
    assert!(receiver.came_nothing());
}

#[tokio::test]
async fn a_restart_tells_what_was_not_told_and_nothing_else() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path(), "127.0.0.1:0".parse().unwrap());
    let silent = config.clone();
    receiver.told_by(&mut config);
    let start = async |config: &Config, folder| {
        let handle = crate::start_by(config.clone(), Arc::new(SystemClock))
            .await
            .unwrap();
        Rig::around(handle, folder).await
    };
    let rig = start(&config, folder).await;
    orders(&rig).await;
    get_stuck(&rig, "told").await;
    let told = receiver.event().await;
    assert_eq!(told["data"]["saga"]["key"], "told");
    // A run that tells nobody stands for all that happens between the commit and the message.
    let until_remembered = rig.data().join("notify.told");
    while std::fs::read_to_string(&until_remembered)
        .unwrap()
        .is_empty()
    {
        tokio::task::yield_now().await;
    }
    let (handle, folder) = rig.into_parts();
    handle.stop().await.unwrap();
    let rig = start(&silent, folder).await;
    orders(&rig).await;
    get_stuck(&rig, "untold").await;
    let (handle, folder) = rig.into_parts();
    handle.stop().await.unwrap();
    let rig = start(&config, folder).await;
    let event = receiver.event().await;
    assert_eq!(event["data"]["saga"]["key"], "untold");
    get_stuck(&rig, "last").await;
    assert_eq!(receiver.event().await["data"]["saga"]["key"], "last");
    assert!(receiver.came_nothing());
}

#[tokio::test]
async fn a_misconfigured_service_is_told_and_told_when_it_is_well() {
    let receiver = Receiver::start().await;
    let rig = Rig::with(|config| receiver.told_by(config))
        .await
        .with_samples()
        .await;
    let (url, set_status) = stand_in(401).await;
    rig.put("/v1/services/orders", &json!({"instances": [url]}))
        .await;
    rig.accepted("a", json!({"definition": "order"})).await;
    let event = receiver.event().await;
    assert_eq!(event["type"], "banyan.service.misconfigured");
    assert_eq!(
        (&event["subject"], &event["data"]["service"]),
        (&json!("orders"), &json!("orders"))
    );
    assert_eq!(event["data"]["misconfigured"].as_array().unwrap().len(), 1);
    let figures = rig.get("/metrics").await.text();
    assert!(
        figures.contains("banyan_service_misconfigured{service=\"orders\"} 1"),
        "{figures}"
    );
    set_status(200);
    rig.post(
        "/v1/services/orders/resume",
        &[],
        &json!({"reason": "a new token"}),
    )
    .await;
    let event = receiver.event().await;
    assert_eq!(event["type"], "banyan.service.recovered");
}

#[tokio::test]
async fn a_service_at_which_nothing_answers_is_told() {
    let receiver = Receiver::start().await;
    let clock = Arc::new(SkippingClock::default());
    let rig = Rig::by(clock.clone(), |config| receiver.told_by(config)).await;
    let nobody = json!({"instances": ["http://127.0.0.1:1"]});
    rig.put("/v1/services/orders", &nobody).await;
    let file = "saga: order\nversion: 1\nsteps:\n  - order:\n      do: POST orders /orders\n      undo: none\n      retry: { attempts: 20, first: 5s, factor: 1 }\n";
    rig.register("order", file).await;
    rig.accepted("a", json!({"definition": "order"})).await;
    let event = skipping(&clock, &rig, &receiver).await.events().remove(0);
    assert_eq!(event["type"], "banyan.service.down");
    assert!(event["data"]["down"]["message"].is_string(), "{event}");
    let service = rig.get("/v1/services/orders").await.json();
    assert_eq!(service["down"]["since"], event["data"]["down"]["since"]);
}

#[tokio::test]
async fn a_low_disk_is_told() {
    let receiver = Receiver::start().await;
    let rig = Rig::with(|config| {
        receiver.told_by(config);
        config.disk_low = Low::Percent(100);
    })
    .await;
    let event = receiver.event().await;
    assert_eq!(
        (&event["type"], &event["subject"]),
        (&json!("banyan.disk.low"), &json!("disk"))
    );
    assert!(event["data"]["free_bytes"].as_u64() <= event["data"]["low_below_bytes"].as_u64());
    assert!(
        rig.get("/metrics")
            .await
            .text()
            .contains("banyan_disk_low 1")
    );
}

#[tokio::test]
async fn a_message_that_is_refused_for_good_is_given_up_and_counted() {
    let receiver = Receiver::start().await;
    receiver.status.store(400, Ordering::SeqCst);
    let clock = Arc::new(SkippingClock::default());
    let rig = Rig::by(clock.clone(), |config| receiver.told_by(config)).await;
    orders(&rig).await;
    get_stuck(&rig, "a").await;
    for _ in 0..10 {
        assert_eq!(skipping(&clock, &rig, &receiver).await.status, 400);
    }
    receiver.status.store(204, Ordering::SeqCst);
    get_stuck(&rig, "b").await;
    let event = skipping(&clock, &rig, &receiver).await.events().remove(0);
    assert_eq!(event["data"]["saga"]["key"], "b");
    assert_eq!(event["banyandropped"], 1);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path(), "127.0.0.1:0".parse().unwrap());
    let secret = json!({"env": "BANYAN_TEST_NOT_SET"});
    config.notify = Some(Notify::new("http://127.0.0.1:9", Some(&secret)).unwrap());
    let error = crate::start(config).await.unwrap_err().to_string();
    assert!(
        error.contains("[notify]") && error.contains("BANYAN_TEST_NOT_SET"),
        "{error}"
    );
}

#[test]
fn the_page_tells_of_every_type() {
    let page = include_str!("../../../../docs/reference/notify.md");
    for kind in TYPES {
        assert!(page.contains(&format!("| `{kind}` |")), "{kind}");
    }
}
