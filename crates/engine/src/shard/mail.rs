//! Messages of other sagas, as a shard meets them: handed to the saga that they are for, which
//! may begin by one, or removed where they can cause nothing.

use super::cache::Held;
use super::message::Mail;
use super::turn::{Open, Touched, begin};
use super::{Moment, Shard};
use banyan_core::saga::{Input, Start, Telling};
use banyan_store::Message;

impl Shard {
    /// Takes a message of another saga. It leaves the store in the commit of what it causes.
    pub(super) fn mail(&mut self, mail: Mail, moment: &Moment<'_>, open: &mut Open) {
        let Mail {
            message,
            start,
            swept,
        } = mail;
        let (to, from, kind) = (message.to, message.from, message.kind.as_str());
        if let Some(why) = self.failed.get(&to) {
            tracing::warn!(saga = %to, %from, kind, %why, "a message waits: its saga cannot be loaded");
            open.looks_later = true;
        } else if self.sagas.contains(to) {
            self.tell(&message, moment, open);
        } else if let Some(start) = start {
            self.begin_child(*start, message, moment, open);
        } else if kind == "start" {
            tracing::error!(saga = %to, %from, "a message waits: the child that it starts cannot begin");
        } else if swept {
            tracing::warn!(saga = %to, %from, kind, "a message goes: there is no such saga");
            open.discard(to, message.key());
        } else {
            open.looks_for_mail = true;
        }
    }

    /// Tells a saga that is there. What came twice changes nothing, and goes.
    fn tell(&mut self, message: &Message, moment: &Moment<'_>, open: &mut Open) {
        let (to, from, seq) = (message.to, message.from, message.seq);
        let telling = match Telling::from_parts(&message.kind, &message.body) {
            Ok(telling) => telling,
            Err(error) => {
                tracing::error!(saga = %to, %from, %error, "a message waits");
                return;
            }
        };
        let input = Input::Told { from, seq, telling };
        self.input(to, input, None, moment, open);
        // One that was broken off is not committed, and its message stays.
        if let Some(place) = self.sagas.get(to).and_then(|held| held.touched) {
            open.touched[place].dealings.taken.push(message.key());
        }
    }

    fn begin_child(
        &mut self,
        start: Start,
        message: Message,
        moment: &Moment<'_>,
        open: &mut Open,
    ) {
        let (id, plan) = (start.id, std::sync::Arc::clone(&start.plan));
        let Some((saga, turn)) = begin(start, moment, open.next_random()) else {
            tracing::error!(saga = %id, "I-36: the start of a child could not be decided");
            return;
        };
        let mut held = Held::new(saga);
        held.touched = Some(open.touched.len());
        self.sagas.insert(id, held);
        let mut touched = Touched::new(id, None, format!("child of {}", message.from));
        touched.take_turn(&plan, turn, None);
        touched.dealings.taken.push(message.key());
        touched.begun_by = Some(Box::new(message));
        open.touched.push(touched);
    }
}

/// The message of a child whose start key somebody else has: it begins under one of its own.
pub(super) fn under_another_key(mut message: Message) -> Message {
    let key = message.body["key"].as_str().unwrap_or_default();
    message.body["key"] = format!("{key}-{}", message.to).into();
    message
}
