//! What goes wrong at the services, drawn from the seed, the key and the number of arrivals:
//! the same seed treats the same call the same way.

use super::ledger::{Call, Leg};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What happens to one arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: worked on and answered.
    None,
    /// The connection is cut before anything is done.
    LostBefore,
    /// The connection is cut after the effect.
    LostAfter,
    /// 503, and nothing done.
    Busy,
    /// 503, though it took effect.
    BusyAfter,
    /// The answer comes after the attempt's time is over.
    AnswerLate,
    /// The effect comes after the attempt's time is over: an undo may be here before it.
    EffectLate,
}

/// How long a call takes when nothing is wrong with it.
pub(crate) fn work(seed: u64, call: &Call, arrival: u64) -> Duration {
    Duration::from_millis(15 + draw(seed, "work", call, arrival) % 40)
}

/// The fault of this arrival.
pub(crate) fn fault(seed: u64, call: &Call, arrival: u64) -> Fault {
    match draw(seed, "fault", call, arrival) % 1_000 {
        0..30 => Fault::LostBefore,
        30..90 => Fault::LostAfter,
        90..120 => Fault::Busy,
        120..150 => Fault::BusyAfter,
        150..165 => Fault::AnswerLate,
        165..185 if call.leg == Leg::Do => Fault::EffectLate,
        _ => Fault::None,
    }
}

/// Whether the service refuses this step of this saga, whenever it is asked. The first step is
/// not refused, so that there is something to undo, nor one after the pivot.
pub(crate) fn refuses(seed: u64, call: &Call) -> bool {
    let may = matches!(
        call.step.as_str(),
        "stock" | "payment" | "shipping" | "prepare.stock" | "prepare.shipping"
    );
    may && draw(seed, "refuse", call, 0) % 100 < 9
}

/// A number that depends on nothing but these.
fn draw(seed: u64, what: &str, call: &Call, arrival: u64) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(arrival.to_be_bytes());
    for part in [what, call.leg.word(), &call.saga, &call.step] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}
