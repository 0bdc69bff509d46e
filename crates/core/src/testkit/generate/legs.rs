//! The calls of generated steps: their do, check, confirm and undo, with every key that may stand
//! in them.

use super::{Maker, Pivot, SERVICES};
use crate::json::Json;
use serde_json::{Map, json};

impl Maker {
    pub(super) fn call(&mut self, keys: &mut Map<String, Json>, seen: &[String]) {
        let method = *self.random.pick(&[
            "POST", "POST", "POST", "PUT", "PATCH", "DELETE", "GET", "HEAD",
        ]);
        let safe = matches!(method, "GET" | "HEAD");
        self.request(keys, method, "/effects/{$input.id}", seen);
        if self.random.chance(25) {
            keys.insert("refused_when".to_owned(), json!("$result.refuse == true"));
        }
        if self.random.chance(20) {
            keys.insert("on_refused".to_owned(), json!("continue"));
        }
        if self.random.chance(15) {
            keys.insert("once".to_owned(), json!(true));
        }
        if self.random.chance(20) {
            let after = self.pivot == Pivot::Passed;
            let word = if after || self.random.chance(50) {
                "stuck"
            } else {
                "undo"
            };
            keys.insert("on_unknown".to_owned(), json!(word));
        }
        let comes = self.later(keys, 14);
        if self.random.chance(35) || keys.contains_key("pending_when") {
            let mut check = self.check(seen);
            if comes && self.random.chance(40) {
                self.polls(&mut check);
            }
            keys.insert("check".to_owned(), check);
        }
        if comes && self.random.chance(50) {
            let word = *self.random.pick(&["wait", "give_up"]);
            keys.insert("on_turn_back".to_owned(), json!(word));
        }
        if self.random.chance(40) {
            let confirm = self.confirm(seen);
            keys.insert("confirm".to_owned(), confirm);
            self.no_return = true;
        }
        if !safe || self.random.chance(20) {
            let undo = self.undo(seen);
            keys.insert("undo".to_owned(), undo);
        }
    }

    /// With some chance, an outcome that comes later: by a reply, or by asking again, or both.
    pub(super) fn later(&mut self, keys: &mut Map<String, Json>, chance: usize) -> bool {
        let replies = self.random.chance(chance);
        let polls = self.random.chance(chance);
        if replies {
            keys.insert("reply".to_owned(), json!("later"));
        }
        if polls {
            keys.insert("pending_when".to_owned(), json!("$result.pending == true"));
            if self.random.chance(75) {
                let every = *self.random.pick(&["20s", "5m"]);
                keys.insert("every".to_owned(), json!(every));
            }
        }
        if replies || polls {
            let limit = *self.random.pick(&["1m", "10m", "2h"]);
            keys.insert("for".to_owned(), json!(limit));
        }
        replies || polls
    }

    /// A check in long form says itself what is not decided yet.
    pub(super) fn polls(&mut self, check: &mut Json) {
        if let Json::Object(keys) = check {
            keys.insert("pending_when".to_owned(), json!("$result.pending == true"));
            if self.random.chance(60) {
                keys.insert("every".to_owned(), json!("1m"));
            }
        }
    }

    /// The keys that every leg has in long form.
    pub(super) fn request(
        &mut self,
        keys: &mut Map<String, Json>,
        method: &str,
        path: &str,
        seen: &[String],
    ) {
        let service = *self.random.pick(&SERVICES);
        keys.insert("do".to_owned(), json!(format!("{method} {service} {path}")));
        if !matches!(method, "GET" | "HEAD") && self.random.chance(60) {
            keys.insert("body".to_owned(), self.value(seen));
        }
        if self.random.chance(20) {
            keys.insert(
                "query".to_owned(),
                json!({ "id": "{$input.id}", "fixed": 1, "none": "$input.nothing" }),
            );
        }
        if self.random.chance(20) {
            keys.insert(
                "headers".to_owned(),
                json!({ "X-Key": "{$key}", "X-Fixed": "yes" }),
            );
        }
        if self.random.chance(25) {
            let timeout = *self.random.pick(&["500ms", "5s", "45s"]);
            keys.insert("timeout".to_owned(), json!(timeout));
        }
        if self.random.chance(30) {
            keys.insert("retry".to_owned(), self.retry());
        }
    }

    pub(super) fn retry(&mut self) -> Json {
        if self.random.chance(15) {
            return json!("forever");
        }
        let mut retry = Map::new();
        if self.pivot == Pivot::NotYet && self.random.chance(70) {
            retry.insert("attempts".to_owned(), json!(1 + self.random.below(4)));
        }
        if self.random.chance(50) {
            retry.insert("first".to_owned(), json!("100ms"));
        }
        if self.random.chance(30) {
            retry.insert("factor".to_owned(), json!(1.5));
        }
        if self.random.chance(50) {
            retry.insert("max".to_owned(), json!("10s"));
        }
        Json::Object(retry)
    }

    pub(super) fn check(&mut self, seen: &[String]) -> Json {
        let path = "/effects/by-key/{$key}";
        if self.random.chance(50) {
            let service = *self.random.pick(&SERVICES);
            return json!(format!("GET {service} {path}"));
        }
        let mut keys = Map::new();
        let method = *self.random.pick(&["GET", "GET", "POST"]);
        self.request(&mut keys, method, path, seen);
        self.secrets(&mut keys, &["$body.id", "$result.token"]);
        if self.random.chance(40) {
            keys.insert("refused_when".to_owned(), json!("$result.refuse == true"));
        }
        Json::Object(keys)
    }

    pub(super) fn confirm(&mut self, seen: &[String]) -> Json {
        let path = "/effects/by-key/{$key}/confirmed";
        if self.random.chance(40) {
            let service = *self.random.pick(&SERVICES);
            return json!(format!("PUT {service} {path}"));
        }
        let mut keys = Map::new();
        let method = *self.random.pick(&["PUT", "POST", "PATCH"]);
        self.request(&mut keys, method, path, seen);
        self.secrets(&mut keys, &["$body.id", "$result.token"]);
        if let Some(Json::Object(retry)) = keys.get_mut("retry") {
            retry.remove("attempts");
        }
        if self.random.chance(40) {
            keys.insert("refused_when".to_owned(), json!("$result.refuse == true"));
        }
        self.later(&mut keys, 35);
        Json::Object(keys)
    }

    pub(super) fn undo(&mut self, seen: &[String]) -> Json {
        let path = "/effects/by-key/{$key}";
        let service = *self.random.pick(&SERVICES);
        match self.random.below(10) {
            0 => return json!("none"),
            1..=3 => return json!(format!("DELETE {service} {path}")),
            4 => return json!(format!("POST {service} {path}/undone")),
            _ => {}
        }
        let mut keys = Map::new();
        let method = *self
            .random
            .pick(&["DELETE", "PUT", "POST", "POST", "PATCH"]);
        self.request(&mut keys, method, path, seen);
        self.secrets(&mut keys, &["$body.id", "$result.token"]);
        for (chance, name, value) in [
            (20, "refused_when", json!("$result.refuse == true")),
            (25, "missing", json!("ok")),
            (
                25,
                "missing_when",
                json!("$http.status == 404 or $result.missing == true"),
            ),
            (30, "repeatable", json!(true)),
            (30, "look_again", json!("2m")),
        ] {
            if self.random.chance(chance) {
                keys.insert(name.to_owned(), value);
            }
        }
        if self.random.chance(15) {
            keys.insert("look_again".to_owned(), json!("never"));
        }
        self.later(&mut keys, 25);
        Json::Object(keys)
    }
}
