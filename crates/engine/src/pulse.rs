//! Which services do not answer: so many attempts in a row, over some time, to which nothing
//! came back but silence, a closed door, or a gateway's word that nobody is behind it.
//!
//! It decides nothing about calls; it is what people and programs are told. It is not stored:
//! after a restart it is found out anew. While every service answers, an answer costs one look
//! at one number.

use crate::feed::ServiceChange;
use banyan_core::Timestamp;
use banyan_core::wire::What;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Attempts in a row without an answer: fewer happen at any restart of a service.
const FAILURES: u32 = 5;
/// And over so long: a burst of calls at a moment's silence is no outage.
const FOR_MS: u64 = 10_000;
/// Characters of the last failure's words that are kept.
const MESSAGE_CHARS: usize = 500;

/// A service that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// Since its first attempt without an answer.
    pub since: Timestamp,
    /// What the last one met, in words.
    pub message: String,
}

/// The services that have not answered their last attempts. Bounded by the services that are
/// registered: a call to any other is never made.
#[derive(Default)]
pub(crate) struct Pulse {
    count: AtomicUsize,
    silent: Mutex<BTreeMap<String, Silence>>,
}

struct Silence {
    failures: u32,
    down: bool,
    last: Down,
}

impl Pulse {
    /// An attempt came to its end; gives what that changed.
    pub(crate) fn beat(&self, service: &str, what: &What, now: Timestamp) -> Option<ServiceChange> {
        let message = match what {
            What::Held { .. } => return None,
            What::Http(http) if !matches!(http.status, 502..=504) => {
                return self.forget(service).then_some(ServiceChange::Up);
            }
            What::Http(http) => format!("it answered {}", http.status),
            What::NotSent { message } | What::Lost { message } => {
                message.chars().take(MESSAGE_CHARS).collect()
            }
        };
        let mut silent = self.lock();
        let silence = silent.entry(service.to_owned()).or_insert_with(|| Silence {
            failures: 0,
            down: false,
            last: Down {
                since: now,
                message: String::new(),
            },
        });
        silence.failures = silence.failures.saturating_add(1);
        silence.last.message = message;
        let enough = silence.failures >= FAILURES && now.since(silence.last.since) >= FOR_MS;
        let news = enough && !silence.down;
        silence.down |= enough;
        self.count.store(silent.len(), Ordering::Relaxed);
        news.then_some(ServiceChange::Down)
    }

    /// Forgets what is known of a service; true when it was down.
    pub(crate) fn forget(&self, service: &str) -> bool {
        if self.count.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut silent = self.lock();
        let known = silent.remove(service);
        self.count.store(silent.len(), Ordering::Relaxed);
        known.is_some_and(|silence| silence.down)
    }

    /// Whether a service is down.
    pub(crate) fn down(&self, service: &str) -> Option<Down> {
        let silent = self.lock();
        let silence = silent.get(service).filter(|silence| silence.down)?;
        Some(silence.last.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Silence>> {
        // A map that is whole after every statement.
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use banyan_core::wire::{Body, Http};

    fn lost() -> What {
        What::Lost {
            message: "no answer".into(),
        }
    }

    fn answered(status: u16) -> What {
        What::Http(Http {
            status,
            headers: Vec::new(),
            body: Body::Empty,
        })
    }

    #[test]
    fn a_service_is_down_after_some_silence_and_up_with_its_first_answer() {
        let pulse = Pulse::default();
        for beat in 0..4 {
            assert_eq!(pulse.beat("stock", &lost(), Timestamp(beat)), None);
        }
        assert_eq!(pulse.beat("stock", &answered(503), Timestamp(9_999)), None);
        let held = What::Held {
            message: String::new(),
        };
        assert_eq!(pulse.beat("stock", &held, Timestamp(10_000)), None);
        let down = pulse.beat("stock", &lost(), Timestamp(10_000));
        assert_eq!(down, Some(ServiceChange::Down));
        assert_eq!(pulse.beat("stock", &lost(), Timestamp(10_001)), None);
        assert_eq!(pulse.down("stock").unwrap().since, Timestamp(0));
        assert_eq!(pulse.down("orders"), None);
        let up = pulse.beat("stock", &answered(409), Timestamp(10_002));
        assert_eq!((up, pulse.down("stock")), (Some(ServiceChange::Up), None));
    }

    #[test]
    fn one_answer_between_ends_the_count() {
        let pulse = Pulse::default();
        for beat in 0..100 {
            let what = if beat % 5 == 4 { answered(500) } else { lost() };
            assert_eq!(pulse.beat("stock", &what, Timestamp(beat * 9_000)), None);
        }
    }
}
