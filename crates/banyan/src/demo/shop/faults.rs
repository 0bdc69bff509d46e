//! How a service of the shop misbehaves: by seeded probability, so that one seed gives one
//! world whatever runs beside it.
//!
//! A fault of one attempt is drawn anew for each attempt of a key; a fault of a cart holds for
//! every attempt at creating something for that cart, which is what makes outcomes unknown.
//! Undo legs never meet the second kind: a service that never again answers an undo would
//! leave every saga to a person, and that is not what the demo shows.

use banyan_core::json::sha256_hex;
use clap::Args;
use std::time::Duration;

/// The knobs, each a probability from 0 to 1.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Faults {
    /// One attempt takes up to two seconds
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub(crate) slow: f64,
    /// One attempt is answered 503, and nothing happens
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub(crate) unavailable: f64,
    /// One attempt takes effect, and its answer is lost
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub(crate) lost: f64,
    /// Every attempt for a cart is answered 503
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub(crate) unavailable_always: f64,
    /// The first attempt for a cart takes effect, and no attempt's answer arrives
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub(crate) lost_always: f64,
    /// A cart's card is declined with a 200
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub(crate) declined: f64,
    /// What the draws begin with
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
}

/// What the draws are taken for.
pub(super) struct Draw<'a> {
    /// The attempt's idempotency key.
    pub(super) key: &'a str,
    /// The attempt's number as the caller counts.
    pub(super) attempt: &'a str,
    /// The cart; empty when the call names none.
    pub(super) cart: &'a str,
    /// It creates something (a do), rather than take back or finish it.
    pub(super) creates: bool,
}

/// What befalls one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// It takes this long.
    Slow(Duration),
    /// It is answered 503, and nothing happens.
    Unavailable,
    /// It takes effect, and its answer is lost.
    Lost,
}

impl Faults {
    /// What befalls this attempt.
    pub(super) fn befalls(&self, draw: &Draw<'_>) -> Fault {
        let Draw {
            key, attempt, cart, ..
        } = draw;
        let of_cart = draw.creates && !cart.is_empty();
        if of_cart && self.chance("lost_always", cart, "") < self.lost_always {
            return Fault::Lost;
        }
        if of_cart && self.chance("unavailable_always", cart, "") < self.unavailable_always {
            return Fault::Unavailable;
        }
        if self.chance("unavailable", key, attempt) < self.unavailable {
            return Fault::Unavailable;
        }
        if self.chance("lost", key, attempt) < self.lost {
            return Fault::Lost;
        }
        if self.chance("slow", key, attempt) < self.slow {
            let share = self.chance("how slow", key, attempt);
            return Fault::Slow(Duration::from_millis(100).mul_f64(1.0 + share * 19.0));
        }
        Fault::None
    }

    /// Whether this cart's card is declined.
    pub(super) fn declines(&self, cart: &str) -> bool {
        self.chance("declined", cart, "") < self.declined
    }

    /// A number from 0 (inclusive) to 1 that depends on nothing but the seed and its names.
    fn chance(&self, kind: &str, name: &str, attempt: &str) -> f64 {
        let hash = sha256_hex(format!("{}|{kind}|{name}|{attempt}", self.seed).as_bytes());
        let bits = u32::from_str_radix(&hash[..8], 16).unwrap_or(u32::MAX);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}
