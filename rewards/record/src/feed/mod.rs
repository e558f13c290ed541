//! Readers of feeds: from an exchange's own messages to [`Message`]s.

pub mod dydx;
pub mod generic;
pub mod hyperliquid;

use rewards::book::Flaw;

use crate::{
    book::Policy,
    event::{ID_MAX, Message},
    owner::NotAnOwner,
    recorder::Settings,
};

/// The longest message, bytes.
pub const MESSAGE_MAX: usize = 64 << 20;

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Malformed {
    #[error("not a message of this feed: {0}")]
    Json(String),
    #[error("{0}")]
    Number(#[from] Flaw),
    #[error("{0}")]
    Owner(#[from] NotAnOwner),
    #[error("an order's name has {0} bytes; 1 to {ID_MAX} are possible")]
    Name(usize),
    #[error("{field} `{value}` is not {expected}")]
    Field { field: &'static str, value: String, expected: &'static str },
    #[error("no {0}, without which it says nothing")]
    Missing(&'static str),
    #[error("a message of {0} bytes; {MESSAGE_MAX} are possible")]
    TooLong(usize),
}

/// A message that cannot be understood, and whose market it is about, if that much can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FeedError {
    /// Place of the market.
    pub market: Option<usize>,
    /// What is wrong.
    pub reason: Malformed,
}

impl FeedError {
    pub(crate) fn of(market: Option<usize>, reason: impl Into<Malformed>) -> Self {
        Self { market, reason: reason.into() }
    }

    /// What a recorder makes of it: a book that a message was about which nobody understood is not known any more.
    #[must_use]
    pub fn lost(&self) -> Message {
        Message::Lost { market: self.market, reason: format!("a message cannot be read: {}", self.reason) }
    }
}

/// Reads one kind of feed.
pub trait Feed: std::fmt::Debug {
    /// Reads a message. `arrived_ms` is when it came, if that is known: some feeds have no time of their own.
    ///
    /// # Errors
    ///
    /// If it cannot be understood. What came of it before is in `out`.
    fn read(&mut self, text: &[u8], arrived_ms: Option<u64>, out: &mut Vec<Message>) -> Result<(), FeedError>;

    /// Begins anew, as after a lost connection.
    fn reset(&mut self);

    /// How the feed is to be taken, in settings that are otherwise as given.
    fn settings(&self, settings: Settings) -> Settings {
        Settings { policy: Policy::Strict, ..settings }
    }

    /// What is sent first over a WebSocket.
    fn hello(&self) -> Option<String> {
        None
    }
}

/// A name of an order that can be kept.
pub(crate) fn name(id: &str) -> Result<Box<str>, Malformed> {
    if id.is_empty() || id.len() > ID_MAX {
        return Err(Malformed::Name(id.len()));
    }
    Ok(id.into())
}

/// Reads JSON; the reason without the place in the file, which is named beside it.
pub(crate) fn json<'t, T: serde::Deserialize<'t>>(text: &'t [u8]) -> Result<T, Malformed> {
    if text.len() > MESSAGE_MAX {
        return Err(Malformed::TooLong(text.len()));
    }
    serde_json::from_slice(text)
        .map_err(|error| Malformed::Json(error.to_string().replacen(" at line 1 column ", " at column ", 1)))
}

pub(crate) fn wrong(field: &'static str, value: &str, expected: &'static str) -> Malformed {
    Malformed::Field { field, value: value.chars().take(100).collect(), expected }
}
