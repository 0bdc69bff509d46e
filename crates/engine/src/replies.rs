//! Replies to calls that were accepted: the addresses that such calls carry, and what comes to
//! them.
//!
//! A token names one round of one leg of one saga and is signed with the store's secret: it needs
//! no table, survives restarts, and who has it can settle that one call. One that was not made
//! here is not told apart from one of a saga that is gone.

use crate::error::{Refusal, ReplyError};
use crate::handle::Engine;
use crate::request::SignalAnswer;
use crate::shard::NotTaken;
use banyan_core::id::Id;
use banyan_core::saga::{Input, Leg, Rejection, Reply};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// What stands before the path in a token: the saga's id, the leg, the round.
const HEAD: usize = 16 + 1 + 4;

/// Makes reply tokens and reads them.
#[derive(Clone, Debug)]
pub struct ReplyTokens(hmac::Key);

/// What a token names.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    saga: Id,
    step: String,
    leg: Leg,
    round: u32,
}

impl ReplyTokens {
    /// With the store's secret.
    pub fn new(secret: &[u8]) -> ReplyTokens {
        ReplyTokens(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The token of a round of a leg.
    pub fn token(&self, saga: Id, step: &str, leg: Leg, round: u32) -> String {
        let mut named = saga.as_bytes().to_vec();
        named.push(leg_byte(leg));
        named.extend(round.to_be_bytes());
        named.extend(step.as_bytes());
        let tag = hmac::sign(&self.0, &named);
        let [named, tag] =
            [named.as_slice(), tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{named}.{tag}")
    }

    /// What a reply under this token is for its saga; none when the token was not made with this
    /// secret.
    pub fn input(&self, token: &str, reply: Reply) -> Option<(Id, Input)> {
        let named = self.read(token)?;
        let input = Input::Reply {
            step: named.step,
            leg: named.leg,
            round: named.round,
            reply,
        };
        Some((named.saga, input))
    }

    /// What a token names; none when it was not made with this secret. In constant time as far
    /// as the signature goes.
    fn read(&self, token: &str) -> Option<Named> {
        let (named, tag) = token.split_once('.')?;
        let named = URL_SAFE_NO_PAD.decode(named).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.0, &named, &tag).ok()?;
        let (head, step) = named.split_at_checked(HEAD)?;
        let (saga, rest) = head.split_first_chunk::<16>()?;
        let (leg, round) = rest.split_first_chunk::<1>()?;
        Some(Named {
            saga: Id::from_bytes(*saga),
            step: String::from_utf8(step.to_vec()).ok()?,
            leg: Leg::ALL
                .into_iter()
                .find(|known| leg_byte(*known) == leg[0])?,
            round: u32::from_be_bytes(*round.first_chunk()?),
        })
    }
}

/// A leg in a token; never changed, since tokens are out there.
const fn leg_byte(leg: Leg) -> u8 {
    match leg {
        Leg::Do => 0,
        Leg::Check => 1,
        Leg::Undo => 2,
        Leg::Confirm => 3,
    }
}

impl Engine {
    /// Whether this store gave out the token. It says nothing of the saga behind it.
    pub fn knows_reply_token(&self, token: &str) -> bool {
        self.reply_tokens().read(token).is_some()
    }

    /// Settles the call whose reply address holds this token.
    ///
    /// # Errors
    /// See [`ReplyError`].
    pub async fn reply(&self, token: &str, reply: Reply) -> Result<SignalAnswer, ReplyError> {
        let (saga, input) = self
            .reply_tokens()
            .input(token, reply)
            .ok_or(ReplyError::Unknown)?;
        let taken = self.input(saga, input).await?;
        taken.map_err(|why| match why {
            NotTaken::NoSuchSaga
            | NotTaken::Rejected(Rejection::UnknownReply)
            | NotTaken::UnknownSignal { .. }
            | NotTaken::InvalidBody(_) => ReplyError::Unknown,
            NotTaken::Look(error) => error.into(),
            NotTaken::Refused(refusal) => refusal.into(),
            NotTaken::Rejected(rejection @ Rejection::AlreadySettled { .. }) => {
                ReplyError::AlreadySettled {
                    message: rejection.to_string(),
                }
            }
            // A reply is no signal and no verb.
            NotTaken::Rejected(other) => {
                let message = other.to_string();
                Refusal::Unavailable { message }.into()
            }
        })
    }

    fn reply_tokens(&self) -> ReplyTokens {
        ReplyTokens::new(&self.shared().reader.secret())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named() -> Named {
        Named {
            saga: Id::new(1_763_721_727_123, 7, 3),
            step: "lines[3].reserve".to_owned(),
            leg: Leg::Undo,
            round: 2,
        }
    }

    fn token(tokens: &ReplyTokens) -> String {
        let named = named();
        tokens.token(named.saga, &named.step, named.leg, named.round)
    }

    #[test]
    fn a_token_reads_back_with_its_own_secret_alone() {
        let tokens = ReplyTokens::new(&[7; 32]);
        let made = token(&tokens);
        assert!(
            made.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        );
        assert_eq!(tokens.read(&made), Some(named()));
        assert_eq!(ReplyTokens::new(&[7; 32]).read(&made), Some(named()));
        assert_eq!(ReplyTokens::new(&[8; 32]).read(&made), None);
    }

    #[test]
    fn no_changed_byte_goes_through() {
        let tokens = ReplyTokens::new(&[7; 32]);
        let made = token(&tokens);
        for place in 0..made.len() {
            for other in ["A", "_", "."] {
                let mut changed = made.clone();
                changed.replace_range(place..=place, other);
                if changed != made {
                    assert_eq!(tokens.read(&changed), None, "{place} {other}");
                }
            }
            assert_eq!(tokens.read(&made[..place]), None);
        }
        for nothing in ["", ".", "..", "a.b", "é.é", &made.replace('.', "")] {
            assert_eq!(tokens.read(nothing), None, "{nothing}");
        }
    }
}
