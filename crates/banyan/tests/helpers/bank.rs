//! A bank that refuses payments of `poor` and, while it is broken, every undo; and a server whose
//! sagas call it.

use super::place::Place;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Holds, then pays.
pub(crate) const BUY: &str = "\
saga: buy
version: 1
steps:
  - hold:
      do: POST bank /holds
      undo: { do: 'DELETE bank /holds/{$key}', look_again: never }
  - pay:
      do: POST bank /payments
      body: { of: $input.of }
      undo: none
";

pub(crate) struct Bank {
    place: Place,
    broken: Arc<AtomicBool>,
}

impl Bank {
    /// A server, and a bank that is broken.
    pub(crate) fn new() -> Bank {
        let broken = Arc::new(AtomicBool::new(true));
        let url = format!("http://{}", bank(Arc::clone(&broken)));
        let place = Place::new(&[]);
        place.exits(0, &["services", "put", "bank", &url]);
        place.register("buy", BUY);
        Bank { place, broken }
    }

    /// From now on it takes undos.
    pub(crate) fn mend(&self) {
        self.broken.store(false, Ordering::SeqCst);
    }

    /// A saga whose payment was refused and whose undo the bank refuses.
    pub(crate) fn stuck(&self, key: &str) {
        let input = r#"{"of": "poor"}"#;
        self.exits(4, &["start", "buy", "-k", key, "-i", input, "--wait"]);
    }
}

impl Deref for Bank {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

/// The bank, at this address. Its thread ends with the test.
fn bank(broken: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), broken.load(Ordering::SeqCst));
        }
    });
    address
}

fn answer(mut stream: TcpStream, broken: bool) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let poor = String::from_utf8_lossy(&body).contains("poor");
    let refused = poor || broken && first.starts_with("DELETE");
    let (status, said) = if refused {
        ("409 Conflict", r#"{"error":"the bank says no"}"#)
    } else {
        ("200 OK", "{}")
    };
    let length = said.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{said}"
    );
}
