//! Orders as customers place them: drawn from the catalogue by a seed, the same for the same
//! number whatever happened before. Those that come only while something is broken are plain
//! ones: what befalls them is what was broken.

use super::shop::{ACCOUNTS, Break, GOODS};
use banyan_core::Json;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

const CITIES: [&str; 7] = ["Oslo", "Lagos", "Lima", "Osaka", "Porto", "Pune", "Quebec"];

/// An order that a client is about to place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    /// The caller's key.
    pub(super) key: String,
    /// The definition that it starts.
    pub(super) definition: &'static str,
    /// Its input.
    pub(super) input: Json,
    /// What somebody says to it, should it need an approval; none says nothing in time.
    pub(super) approval: Option<bool>,
}

/// The order of this number.
pub(super) fn draw(seed: u64, number: u64) -> Draft {
    // Numbers of one seed must not repeat those of the next one.
    let mut dice = StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number);
    let poor = dice.random_bool(0.12);
    let rich = ACCOUNTS.len() - 2;
    let who = if poor {
        rich + dice.random_range(0..2)
    } else {
        dice.random_range(0..rich)
    };
    let city = if dice.random_bool(0.06) {
        "Atlantis"
    } else {
        CITIES[dice.random_range(0..CITIES.len())]
    };
    let (items, amount) = basket(&mut dice);
    let express = dice.random_bool(0.3);
    let approval = match dice.random_range(0..10) {
        0 | 1 => None,
        2 | 3 => Some(false),
        _ => Some(true),
    };
    Draft {
        key: format!("order-{seed}-{number}"),
        definition: if express {
            "express_order"
        } else {
            "place_order"
        },
        input: json!({
            "customer": ACCOUNTS[who].0, "city": city, "items": items, "amount": amount,
        }),
        approval,
    }
}

/// The order of this number among those that come only while this is broken; none when it
/// brings no orders of its own.
pub(super) fn special(of: Break, seed: u64, number: u64) -> Option<Draft> {
    let definition = of.orders()?;
    // Nobody has an account for the last kind: its payment is refused, so that it turns back.
    let who = if of == Break::GoodsReturn {
        "zoe"
    } else {
        ACCOUNTS[0].0
    };
    let (sku, price, _) = GOODS[0];
    let quantity = i64::try_from(number % 3).unwrap_or(0) + 1;
    Some(Draft {
        key: format!("{}{number}", special_prefix(definition, seed)),
        definition,
        input: json!({
            "customer": who, "city": CITIES[0], "amount": price * quantity,
            "items": [{ "sku": sku, "quantity": quantity }],
        }),
        approval: None,
    })
}

/// What the keys of such orders begin with.
pub(super) fn special_prefix(definition: &str, seed: u64) -> String {
    format!("{}-{seed}-", definition.trim_end_matches("_order"))
}

/// One to three articles, now and then a scarce one, and what they cost together.
fn basket(dice: &mut StdRng) -> (Vec<Json>, i64) {
    let common = GOODS.len() - 2;
    let mut chosen: Vec<usize> = Vec::new();
    if dice.random_bool(0.12) {
        chosen.push(common + dice.random_range(0..2));
    }
    for _ in 0..dice.random_range(1..=3) {
        let article = dice.random_range(0..common);
        if !chosen.contains(&article) {
            chosen.push(article);
        }
    }
    let mut amount = 0;
    let items = chosen
        .into_iter()
        .map(|article| {
            let (sku, price, pieces) = GOODS[article];
            let quantity = if pieces < 20 {
                1
            } else {
                dice.random_range(1..=4)
            };
            amount += price * quantity;
            json!({ "sku": sku, "quantity": quantity })
        })
        .collect();
    (items, amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_number_give_the_same_order_and_others_do_not() {
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3).input, draw(7, 4).input);
        assert_ne!(draw(7, 3).input, draw(8, 3).input);
    }

    #[test]
    fn a_hundred_orders_hold_every_kind_of_trouble() {
        let drafts: Vec<Draft> = (0..100).map(|number| draw(7, number)).collect();
        let count = |test: &dyn Fn(&Draft) -> bool| drafts.iter().filter(|one| test(one)).count();
        let large = |one: &Draft| {
            one.definition == "place_order" && one.input["amount"].as_i64() > Some(20_000)
        };
        assert!(count(&|one| one.input["city"] == "Atlantis") > 0);
        assert!(count(&|one| one.input["customer"] == "hana") > 0);
        assert!(count(&|one| one.input["items"][0]["sku"] == "moon-lamp") > 0);
        assert!(count(&|one| large(one) && one.approval == Some(true)) > 0);
        assert!(count(&|one| large(one) && one.approval != Some(true)) > 0);
        assert!(count(&|one| one.definition == "express_order") > 10);
    }
}
