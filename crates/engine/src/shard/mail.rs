//! Messages of other sagas, as a shard meets them: handed to the saga that they are for, or
//! removed where they can cause nothing.

use super::message::Mail;
use super::turn::Open;
use super::{Moment, Shard};
use banyan_store::Change;

impl Shard {
    /// Takes a message of another saga. It leaves the store in the commit of what it causes.
    pub(super) fn mail(&mut self, mail: Mail, _moment: &Moment<'_>, open: &mut Open) {
        let (to, from) = (mail.message.to, mail.message.from);
        let kind = &mail.message.kind;
        if let Some(why) = self.failed.get(&to) {
            tracing::warn!(saga = %to, %from, kind, %why, "a message waits: its saga cannot be loaded");
        } else if self.sagas.contains(to) {
            tracing::error!(saga = %to, %from, kind, "a message waits: this build does not know its kind");
        } else if mail.swept {
            tracing::warn!(saga = %to, %from, kind, "a message goes: there is no such saga");
            open.discarded.push(Change::TakeMessage {
                to,
                key: mail.message.key(),
            });
        } else {
            open.looks_for_mail = true;
        }
    }
}
