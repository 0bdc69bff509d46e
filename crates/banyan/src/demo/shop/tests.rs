//! The services over HTTP, in this process: every row of promises P1 to P3 that they give.

use super::{Faults, Options, Service};
use banyan_core::Json;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::net::SocketAddr;

struct Shop {
    address: SocketAddr,
    data: tempfile::TempDir,
    service: Service,
}

impl Shop {
    async fn open(service: Service, faults: Faults) -> Shop {
        let data = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = Options {
            service,
            data: data.path().to_owned(),
            listen: address,
            faults,
        };
        super::start(listener, &options).unwrap();
        Shop {
            address,
            data,
            service,
        }
    }

    /// Status and body of one call; `Err` when no answer came.
    async fn call(&self, line: &str, key: &str, body: Json) -> Result<(u16, Json), hyper::Error> {
        let (method, path) = line.split_once(' ').unwrap();
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let mut request = http::Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let answer = sender.send_request(request).await;
        driver.abort();
        let answer = answer?;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    fn ledger(&self) -> Vec<String> {
        let file = super::ledger_file(self.data.path(), self.service);
        let database = rusqlite::Connection::open(file).unwrap();
        let mut rows = database
            .prepare("SELECT cart, key, entry, subject, amount FROM ledger WHERE cart <> ''")
            .unwrap();
        rows.query_map([], |row| {
            Ok(format!(
                "{} {} {} {} {}",
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, i64>(4)?
            ))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect()
    }
}

/// A service, its do, and its undo of the do with key `k`.
struct Case {
    service: Service,
    create: &'static str,
    body: Json,
    undo: &'static str,
    undo_body: Json,
    done: &'static str,
    undone: &'static str,
}

fn cases() -> Vec<Case> {
    let items = json!([{ "sku": "honey", "quantity": 2 }]);
    vec![
        Case {
            service: Service::Orders,
            create: "POST /orders",
            body: json!({ "cart": "c1", "customer": "ada", "items": items, "amount": 1440 }),
            undo: "DELETE /orders/by-key/k",
            undo_body: Json::Null,
            done: "c1 k created o-1 1440",
            undone: "c1 k deleted o-1 1440",
        },
        Case {
            service: Service::Stock,
            create: "POST /reservations",
            body: json!({ "cart": "c1", "items": items }),
            undo: "DELETE /reservations/by-key/k",
            undo_body: Json::Null,
            done: "c1 k reserved honey 2",
            undone: "c1 k released honey 2",
        },
        Case {
            service: Service::Payments,
            create: "POST /charges",
            body: json!({ "cart": "c1", "account": "ada", "amount": 1440 }),
            undo: "POST /refunds",
            undo_body: json!({ "charge_key": "k" }),
            done: "c1 k charged ada 1440",
            undone: "c1 k refunded ada 1440",
        },
        Case {
            service: Service::Shipping,
            create: "POST /shipments",
            body: json!({ "cart": "c1", "city": "Oslo" }),
            undo: "DELETE /shipments/by-key/k",
            undo_body: Json::Null,
            done: "c1 k booked Oslo 1",
            undone: "c1 k cancelled Oslo 1",
        },
    ]
}

#[tokio::test]
async fn a_repeat_gets_the_stored_answer_and_has_no_second_effect() {
    for case in cases() {
        let shop = Shop::open(case.service, Faults::default()).await;
        let first = shop
            .call(case.create, "k", case.body.clone())
            .await
            .unwrap();
        assert_eq!(first.0, 201, "{:?}: {}", case.service, first.1);
        let again = shop
            .call(case.create, "k", case.body.clone())
            .await
            .unwrap();
        assert_eq!(first, again);
        assert_eq!(shop.ledger(), [case.done]);
    }
}

#[tokio::test]
async fn the_same_key_with_another_body_is_422() {
    for case in cases() {
        let shop = Shop::open(case.service, Faults::default()).await;
        shop.call(case.create, "k", case.body.clone())
            .await
            .unwrap();
        let mut other = case.body.clone();
        other["cart"] = json!("c2");
        let (status, body) = shop.call(case.create, "k", other).await.unwrap();
        assert_eq!((status, &body["error"]), (422, &json!("key_reused")));
        assert_eq!(shop.ledger(), [case.done]);
    }
}

#[tokio::test]
async fn undoing_twice_has_the_effect_of_once_whatever_the_undos_key() {
    for case in cases() {
        let shop = Shop::open(case.service, Faults::default()).await;
        shop.call(case.create, "k", case.body).await.unwrap();
        for key in ["k-undo", "k-undo", "k-undo-2"] {
            let (status, body) = shop
                .call(case.undo, key, case.undo_body.clone())
                .await
                .unwrap();
            assert_eq!(status, 200, "{:?}: {body}", case.service);
        }
        assert_eq!(shop.ledger(), [case.done, case.undone]);
    }
}

#[tokio::test]
async fn an_undo_that_came_first_refuses_the_late_do() {
    for case in cases() {
        let shop = Shop::open(case.service, Faults::default()).await;
        let (status, body) = shop
            .call(case.undo, "k-undo", case.undo_body)
            .await
            .unwrap();
        assert_eq!((status, &body["error"]), (404, &json!("not_found")));
        let (status, body) = shop.call(case.create, "k", case.body).await.unwrap();
        assert_eq!((status, &body["error"]), (409, &json!("already_undone")));
        assert!(shop.ledger().is_empty());
    }
}

#[tokio::test]
async fn a_change_without_a_key_is_400_and_an_unknown_route_is_no_json() {
    for case in cases() {
        let shop = Shop::open(case.service, Faults::default()).await;
        let (status, body) = shop.call(case.create, "", case.body).await.unwrap();
        assert_eq!((status, &body["error"]), (400, &json!("key_required")));
        let (status, body) = shop.call("POST /nowhere", "k2", Json::Null).await.unwrap();
        assert_eq!((status, body), (404, Json::Null));
    }
}

#[tokio::test]
async fn a_lost_answer_has_its_effect_and_the_repeat_under_its_key_has_none() {
    let faults = Faults {
        lost_always: 1.0,
        ..Faults::default()
    };
    for case in cases() {
        let shop = Shop::open(case.service, faults.clone()).await;
        for _ in 0..2 {
            let lost = shop.call(case.create, "k", case.body.clone()).await;
            assert!(lost.is_err(), "{:?}: {lost:?}", case.service);
        }
        assert_eq!(shop.ledger(), [case.done]);
        let (status, _) = shop
            .call(case.undo, "k-undo", case.undo_body)
            .await
            .unwrap();
        assert_eq!(status, 200, "the undo is answered");
    }
}

#[tokio::test]
async fn a_503_has_no_effect() {
    let faults = Faults {
        unavailable: 1.0,
        ..Faults::default()
    };
    for case in cases() {
        let shop = Shop::open(case.service, faults.clone()).await;
        let (status, _) = shop.call(case.create, "k", case.body).await.unwrap();
        assert_eq!(status, 503);
        assert!(shop.ledger().is_empty());
    }
}

#[tokio::test]
async fn refusals_say_why_and_change_nothing() {
    let declined = Faults {
        declined: 1.0,
        ..Faults::default()
    };
    let none = Faults::default();
    let table = [
        (
            Service::Orders,
            &none,
            "POST /orders",
            json!({ "cart": "c" }),
            422,
            "invalid_order",
        ),
        (
            Service::Stock,
            &none,
            "POST /reservations",
            json!({ "cart": "c", "items": [{ "sku": "moon-lamp", "quantity": 4 }] }),
            409,
            "out_of_stock",
        ),
        (
            Service::Payments,
            &none,
            "POST /charges",
            json!({ "cart": "c", "account": "hana", "amount": 5001 }),
            402,
            "insufficient_funds",
        ),
        (
            Service::Payments,
            &declined,
            "POST /charges",
            json!({ "cart": "c", "account": "ada", "amount": 1 }),
            200,
            "declined",
        ),
        (
            Service::Shipping,
            &none,
            "POST /shipments",
            json!({ "cart": "c", "city": "Atlantis" }),
            422,
            "no_carrier",
        ),
    ];
    for (service, faults, line, body, status, word) in table {
        let shop = Shop::open(service, faults.clone()).await;
        let answer = shop.call(line, "k", body).await.unwrap();
        let said = answer.1["error"].as_str().or(answer.1["status"].as_str());
        assert_eq!((answer.0, said), (status, Some(word)));
        assert!(shop.ledger().is_empty());
    }
}

#[tokio::test]
async fn finishing_takes_the_undo_away() {
    let shop = Shop::open(Service::Stock, Faults::default()).await;
    let items = json!([{ "sku": "honey", "quantity": 1 }]);
    let body = json!({ "cart": "c1", "items": items });
    shop.call("POST /reservations", "k", body).await.unwrap();
    for key in ["k-ship", "k-ship-again"] {
        let (status, _) = shop
            .call("PUT /reservations/r-1/shipped", key, Json::Null)
            .await
            .unwrap();
        assert_eq!(status, 200);
    }
    let (status, body) = shop
        .call("DELETE /reservations/by-key/k", "k-undo", Json::Null)
        .await
        .unwrap();
    assert_eq!((status, &body["error"]), (409, &json!("shipped")));
    assert_eq!(
        shop.ledger(),
        ["c1 k reserved honey 1", "c1 k shipped honey 1"]
    );
}
