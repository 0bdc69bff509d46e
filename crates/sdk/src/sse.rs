//! Server-sent events, as they are read from a connection: bytes in, events out. Bounded.

/// Bytes of one event: a saga's summary is a few kilobytes.
const EVENT_BYTES: usize = 4 * 1024 * 1024;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// An event.
    Event {
        /// Its name.
        name: String,
        /// Its data.
        data: String,
    },
    /// A comment, or a new place: the other side lives.
    Sign,
}

/// What has come of a stream and was not read yet.
#[derive(Debug, Default)]
pub(crate) struct Events {
    bytes: Vec<u8>,
    /// How far it is known to hold no end of an event.
    seen: usize,
    /// The last place that was told.
    pub(crate) place: Option<String>,
}

impl Events {
    /// Forgets half an event: the connection broke.
    pub(crate) fn cut(&mut self) {
        self.bytes.clear();
        self.seen = 0;
    }

    /// Adds what came; false when one event is larger than it may be.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> bool {
        self.bytes.extend_from_slice(bytes);
        self.bytes.len() <= EVENT_BYTES
    }

    /// The next that is whole.
    pub(crate) fn next(&mut self) -> Option<Read> {
        let rest = self.bytes.get(self.seen..)?;
        let Some(end) = rest.windows(2).position(|two| two == b"\n\n") else {
            self.seen = self.bytes.len().saturating_sub(1);
            return None;
        };
        let block: Vec<u8> = self.bytes.drain(..self.seen + end + 2).collect();
        self.seen = 0;
        Some(self.read(&String::from_utf8_lossy(&block)))
    }

    fn read(&mut self, block: &str) -> Read {
        let (mut name, mut data) = (String::from("message"), None::<String>);
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => self.place = Some(value.to_owned()),
                "event" => value.clone_into(&mut name),
                "data" => match &mut data {
                    None => data = Some(value.to_owned()),
                    Some(before) => {
                        before.push('\n');
                        before.push_str(value);
                    }
                },
                // A comment, `retry`, or what this build does not know.
                _ => {}
            }
        }
        match data {
            Some(data) => Read::Event { name, data },
            None => Read::Sign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text =
            "retry: 1\nid: r-0\n\n: heartbeat\n\nid: r-2\nevent: saga\ndata: {\"a\":\ndata: 1}\n\n";
        for size in 1..=text.len() {
            let mut events = Events::default();
            let mut read = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                assert!(events.add(piece));
                while let Some(one) = events.next() {
                    read.push(one);
                }
            }
            let event = Read::Event {
                name: "saga".into(),
                data: "{\"a\":\n1}".into(),
            };
            assert_eq!(read, [Read::Sign, Read::Sign, event], "pieces of {size}");
            assert_eq!(events.place.as_deref(), Some("r-2"));
        }
    }

    #[test]
    fn an_event_without_end_is_given_up() {
        let mut events = Events::default();
        let line = [b'x'; 64 * 1024];
        let taken = (0..1_000).take_while(|_| events.add(&line)).count();
        assert!(taken < 1_000);
    }
}
