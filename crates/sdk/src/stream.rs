//! What changes at a server, as it changes: a stream that outlives its connections.

use crate::calls::SagaFilter;
use crate::client::{Call, Client, now, rest};
use crate::error::Error;
use crate::sse::{Events, Read};
use crate::target::Target;
use crate::transport::Reading;
use banyan_api::StreamEvent;
use http::Method;
use std::time::Duration;

/// Three heartbeats were missed: the connection is dead, whatever it says.
const SILENCE: Duration = Duration::from_secs(50);
/// The pause before the first new connection; it doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// A person who watches notices at once that the server is back.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What changes at a server. When its connection breaks or the server is started again it
/// connects anew and goes on after the last event that it gave; where that cannot be, it gives
/// [`StreamEvent::Reset`].
#[derive(Debug)]
pub struct Stream {
    client: Client,
    filter: SagaFilter,
    reading: Option<Reading>,
    events: Events,
    patience: Duration,
}

impl Client {
    /// What changes from now on, of the sagas that the filter selects: `id` and `definition`,
    /// each as often as wanted. It connects before it answers: what happens after this is told.
    ///
    /// `patience` is how long the server may be away at a time from then on; the first
    /// connection has the patience of the client.
    ///
    /// # Errors
    /// See [`Stream::next`].
    pub async fn stream(&self, filter: SagaFilter, patience: Duration) -> Result<Stream, Error> {
        let mut stream = Stream {
            client: self.clone(),
            filter,
            reading: None,
            events: Events::default(),
            patience,
        };
        stream.reading = Some(stream.connect(self.patience).await?);
        Ok(stream)
    }
}

impl Stream {
    /// The next event. Dropping the wait loses nothing.
    ///
    /// # Errors
    /// When the server refuses the stream, or is away for longer than there is patience.
    pub async fn next(&mut self) -> Result<StreamEvent, Error> {
        loop {
            while let Some(read) = self.events.next() {
                if let Read::Event { name, data } = read {
                    return StreamEvent::read(&name, &data)
                        .map_err(|_| self.client.not_banyan(200, data.as_bytes()));
                }
            }
            let Some(reading) = &mut self.reading else {
                self.events.cut();
                self.reading = Some(self.connect(self.patience).await?);
                continue;
            };
            let more = tokio::time::timeout(SILENCE, reading.more()).await;
            let is_taken = match more {
                Ok(Some(bytes)) => self.events.add(&bytes),
                Ok(None) | Err(_) => false,
            };
            if !is_taken {
                self.reading = None;
            }
        }
    }

    /// Connects, however often that takes while patience lasts.
    async fn connect(&self, patience: Duration) -> Result<Reading, Error> {
        let end = now() + patience;
        let mut pause = PAUSE_FIRST;
        loop {
            let error = match self.connect_once().await {
                Ok(reading) => return Ok(reading),
                Err(error) => error,
            };
            if !error.is_passing() || now() + pause > end {
                return Err(error);
            }
            rest(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn connect_once(&self) -> Result<Reading, Error> {
        let mut target = Target::new(["v1", "stream"]);
        for (name, value) in &self.filter.parameters {
            target = target.query(name, value);
        }
        let mut call = Call::new(Method::GET, target);
        if let Some(place) = &self.events.place {
            call = call.header("last-event-id", place, "the place in the stream")?;
        }
        self.client.open(&call).await
    }
}
