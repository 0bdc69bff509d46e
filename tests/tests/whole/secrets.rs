//! What a file calls secret stands in no log, metric, answer or command's output (I-42): a saga
//! whose services repeat all that they are sent, at the most talkative log level.

use crate::server::{Server, binary};
use crate::shop::Shop;
use banyan_sdk::Client;
use banyan_sdk::api::ServiceRequest;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

/// What nobody may read.
const SECRET: &str = "4111-1111-tok-SECRET";

/// Its path, query, header and body carry the secret; `/echo/STATUS` repeats them.
const PAY: &str = r#"
saga: pay
version: 1
input:
  type: object
  required: [card, answer]
  properties: { card: { type: string }, answer: { type: integer }, count: { maximum: 5 } }
secret: [$input.card, $output.token]
labels: { customer: $input.customer }
lock: $input.card + ($input.answer | tostring)
steps:
  - token:
      do: POST shop /echo/200/{$input.card}
      query: { card: $input.card }
      headers: { x-card: $input.card }
      body: { card: $input.card }
      secret: [$body.card, $result]
      undo:
        do: POST shop /echo/409/{$key}
        body: { token: $body.card }
        secret: [$body.token]
  - code:
      wait: code
      accepts: { type: object, properties: { code: { type: string } } }
      for: 1h
      secret: [$result.code]
  - charge:
      do: POST shop /echo/{$input.answer}
      body: { token: $token.said.card, code: $code.code }
      secret: [$body, $result]
      timeout: 5s
      retry: { attempts: 2, first: 10ms }
      undo: none
output: { token: $charge.said.token, by: "$input.card | \"card \\(.)\"" }
"#;

/// Where nobody listens: what failed is told with the address.
const GONE: &str = r#"
saga: gone
version: 1
secret: [$input.card]
steps:
  - call:
      do: POST gone /cards/{$input.card}
      body: $input
      retry: { attempts: 2, first: 10ms }
      undo: none
"#;

/// What is computed from the secret fails, and the failure quotes it.
const FAILS: &str = r#"
saga: fails
version: 1
secret: [$input.card]
lock: $input.card | tonumber
steps:
  - a: { set: 1 }
"#;

/// The same in a step, and in the output.
const FAILS_IN_STEP: &str = r#"
saga: fails_in_step
version: 1
secret: [$input.card]
steps:
  - try: { set: "$input.card | tonumber" }
"#;
const FAILS_LATER: &str = r#"
saga: fails_later
version: 1
secret: [$input.card]
steps:
  - a: { set: 1 }
output: $input.card | tonumber
"#;

/// A parent that keeps no secret, and a child that does.
const PARENT: &str = r#"
saga: parent
version: 1
secret: [$input.card]
steps:
  - pay:
      run: fails_in_step
      input: { card: $input.card }
"#;

/// A server that tells all, and what everybody said of it.
struct Scene {
    server: Server,
    folder: tempfile::TempDir,
    heard: Vec<(String, String)>,
}

impl Scene {
    async fn open(shop: &Shop) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let (data, log) = (folder.path().join("data"), folder.path().join("log"));
        let server = Server::start_telling_all(&data, &log).await;
        let client = server.client();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = free.local_addr().unwrap();
        drop(free);
        for (name, address) in [("shop", shop.address), ("gone", nobody)] {
            let service = ServiceRequest {
                instances: vec![format!("http://{address}")],
                ..ServiceRequest::default()
            };
            client.put_service(name, &service).await.unwrap();
        }
        register(&client).await;
        Scene {
            server,
            folder,
            heard: Vec::new(),
        }
    }

    /// What a command prints, on both of its streams.
    async fn command(&mut self, arguments: &[&str]) {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("BANYAN_SERVER", format!("http://{}", self.server.address()))
            .env("BANYAN_DATA", self.folder.path().join("data"))
            .env("TMPDIR", self.folder.path())
            .env_remove("BANYAN_TOKEN")
            .stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = run.await.unwrap();
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        assert!(!said.is_empty(), "{arguments:?} says something");
        self.heard.push((arguments.join(" "), said));
    }

    /// The answer to a request as it came.
    async fn request(&mut self, method: &'static str, path: &str, body: &str) {
        let token = self.folder.path().join("data").join("admin.token");
        let token = std::fs::read_to_string(token).unwrap();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: banyan\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\nidempotency-key: k\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            token.trim(),
            body.len()
        );
        let address = self.server.address();
        let ask = tokio::task::spawn_blocking(move || ask(address, &text));
        self.heard
            .push((format!("{method} {path}"), ask.await.unwrap()));
    }

    /// Nobody said it, the log neither.
    fn nobody_told(&self) {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        assert!(log.contains("listening"), "this is the log: {log}");
        let lines = log.lines().map(|line| ("the log", line));
        let heard = self
            .heard
            .iter()
            .map(|(who, said)| (who.as_str(), said.as_str()));
        for (who, said) in heard.chain(lines) {
            assert!(!said.contains(SECRET), "{who}: {said}");
        }
    }
}

fn ask(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

async fn register(client: &Client) {
    for (name, version, source) in [
        ("pay", 1, PAY.to_owned()),
        (
            "pay",
            2,
            PAY.replace("version: 1", "version: 2")
                .replace("for: 1h", "for: 2h"),
        ),
        ("gone", 1, GONE.to_owned()),
        ("fails", 1, FAILS.to_owned()),
        ("fails_in_step", 1, FAILS_IN_STEP.to_owned()),
        ("fails_later", 1, FAILS_LATER.to_owned()),
        ("parent", 1, PARENT.to_owned()),
    ] {
        let activate = version == 1;
        client
            .register(name, version, &source, activate)
            .await
            .unwrap();
    }
}

fn input(answer: u16) -> String {
    format!(r#"{{"card": "{SECRET}", "answer": {answer}, "customer": "ada"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_metric_answer_or_command_tells_a_secret() {
    let shop = Shop::start().await;
    let mut scene = Scene::open(&shop).await;
    let code = format!(r#"{{"code": "{SECRET}"}}"#);
    // Done, refused, unknown, and a road that is out of order: the undo is refused each time.
    for answer in [200, 409, 503, 401] {
        let (key, input) = (format!("k{answer}"), input(answer));
        let named = format!("pay/{key}");
        scene
            .command(&["start", "pay", "--key", &key, "--input", &input])
            .await;
        scene
            .command(&[
                "start",
                "pay",
                "--key",
                &format!("{key}-behind"),
                "--input",
                &input,
            ])
            .await;
        scene.command(&["show", &format!("{named}-behind")]).await;
        scene.command(&["move", &named, "2", "--dry-run"]).await;
        scene
            .command(&["move", &named, "2", "--dry-run", "--json"])
            .await;
        scene.command(&["cancel", &format!("{named}-behind")]).await;
        scene.command(&["signal", &named, "code", &code]).await;
        if answer == 401 {
            shop.called("POST /echo/401", 1).await;
        } else {
            scene
                .command(&["start", "pay", "--key", &key, "--input", &input, "--wait"])
                .await;
        }
        for look in ["show", "journal", "attempts"] {
            scene.command(&[look, &named]).await;
            scene.command(&[look, &named, "--json"]).await;
        }
    }
    let gone = format!(r#"{{"card": "{SECRET}"}}"#);
    for name in ["gone", "fails", "fails_in_step", "fails_later", "parent"] {
        scene
            .command(&["start", name, "--key", "k", "--input", &gone, "--wait"])
            .await;
    }
    for look in ["show", "journal", "attempts"] {
        for saga in ["gone/k", "fails_in_step/k", "fails_later/k", "parent/k"] {
            scene.command(&[look, saga]).await;
            scene.command(&[look, saga, "--json"]).await;
        }
    }
    for all in [
        &["list"][..],
        &["services"],
        &["definitions"],
        &["diff", "pay", "1", "2"],
    ] {
        scene.command(all).await;
        scene.command(&[all, &["--json"]].concat()).await;
    }
    scene.request("GET", "/metrics", "").await;
    problems(&mut scene).await;
    assert!(
        shop.calls()
            .iter()
            .any(|call| String::from_utf8_lossy(&call.body).contains(SECRET))
    );
    scene.nobody_told();
}

/// What is refused is told without what was wrong.
async fn problems(scene: &mut Scene) {
    let wrong = [
        format!(r#"{{"definition": "pay", "input": {{"card": 1, "answer": "{SECRET}"}}}}"#),
        format!(
            r#"{{"definition": "pay", "input": {{"card": "{SECRET}", "answer": 1, "count": 7}}}}"#
        ),
        format!(r#"{{"definition": "pay", "input": {{"card": ["{SECRET}"], "answer": 1}}}}"#),
        format!(r#"{{"definition": "pay", "input": "{SECRET}"}}"#),
        format!(r#"{{"definition": "fails", "input": {{"card": "{SECRET}"}}}}"#),
        format!(r#"{{"definition": "gone", "input": {{"card": "{SECRET}", "more": 1}}}}"#),
    ];
    for body in &wrong {
        scene.request("POST", "/v1/sagas", body).await;
        let (_, answer) = scene.heard.last().unwrap();
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let body = format!(r#"{{"code": ["{SECRET}"]}}"#);
    let path = "/v1/definitions/pay/sagas/k401/signals/code";
    scene.request("POST", path, &body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_tells_no_secret_either() {
    let shop = Shop::start().await;
    let mut scene = Scene::open(&shop).await;
    let file = scene.folder.path().join("pay.saga.yaml");
    std::fs::write(&file, PAY).unwrap();
    let input = input(200);
    for flags in [
        &[][..],
        &["--json"],
        &["--refuse", "charge"],
        &["--lose", "charge"],
    ] {
        let desk = ["dev", "pay.saga.yaml", "--once", "--input", &input];
        scene.command(&[&desk[..], flags].concat()).await;
    }
    let wrong = format!(r#"{{"card": "x", "answer": "{SECRET}"}}"#);
    for input in [&input, &wrong] {
        let desk = ["dev", "pay.saga.yaml", "--input", input];
        scene.command(&desk).await;
    }
    scene.nobody_told();
}
