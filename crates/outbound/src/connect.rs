//! From an instance to a connection: look its name up, connect, shake hands.
//!
//! Whatever fails here fails before a byte of a request could leave.

use crate::clock;
use crate::limits::{ADDRESSES_MAX, CONNECT_MAX};
use crate::link::{Link, Stream};
use crate::origin::{Origin, Place, allowed};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

/// Opens a connection before `deadline`; an error says in words what stood in the way.
pub(crate) async fn open(
    origin: &Origin,
    tls: Option<&TlsConnector>,
    deadline: Instant,
) -> Result<Link, String> {
    let started = clock::now();
    let until = deadline.min(started + CONNECT_MAX);
    match timeout_at(until, connected(origin, tls, until)).await {
        Ok(link) => link,
        Err(_) => Err(format!(
            "no connection to {} within {}ms",
            origin.url,
            until.saturating_duration_since(started).as_millis()
        )),
    }
}

async fn connected(
    origin: &Origin,
    tls: Option<&TlsConnector>,
    until: Instant,
) -> Result<Link, String> {
    let addresses = addresses(&origin.place).await?;
    let stream = first_that_answers(&addresses, until).await?;
    stream
        .set_nodelay(true)
        .map_err(|error| format!("{}: {error}", origin.url))?;
    let stream = match tls {
        Some(connector) if origin.tls => secured(origin, connector, stream).await?,
        Some(_) | None if !origin.tls => Stream::Plain(stream),
        Some(_) | None => return Err(format!("{} has no TLS to speak", origin.url)),
    };
    Link::new(stream)
        .await
        .map_err(|error| format!("{}: {error}", origin.url))
}

async fn secured(
    origin: &Origin,
    connector: &TlsConnector,
    stream: TcpStream,
) -> Result<Stream, String> {
    let host = origin.host();
    let name = ServerName::try_from(host.clone())
        .map_err(|_| format!("{host} is no name that a certificate can be for"))?;
    match connector.connect(name, stream).await {
        Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
        Err(error) => Err(format!("no TLS with {}: {error}", origin.url)),
    }
}

/// The addresses of a place that may be called.
async fn addresses(place: &Place) -> Result<Vec<SocketAddr>, String> {
    let (name, port) = match place {
        Place::Address(address) => return Ok(vec![*address]),
        Place::Name(name, port) => (name.as_str(), *port),
    };
    let found = tokio::net::lookup_host((name, port))
        .await
        .map_err(|error| format!("the name {name} was not found: {error}"))?;
    let mut usable = Vec::new();
    let mut refused = None;
    for address in found {
        match allowed(address.ip()) {
            Ok(()) if usable.len() < ADDRESSES_MAX => usable.push(address),
            Ok(()) => {}
            Err(forbidden) => refused = Some(forbidden),
        }
    }
    match (usable.is_empty(), refused) {
        (false, _) => Ok(usable),
        (true, Some(forbidden)) => Err(format!("{name} leads to {forbidden}")),
        (true, None) => Err(format!("the name {name} has no address")),
    }
}

/// Tries addresses in turn, each with its share of the time that is left.
async fn first_that_answers(addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, String> {
    let mut last = String::from("there is no address to connect to");
    for (position, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(clock::now());
        let share = left / u32::try_from(addresses.len() - position).unwrap_or(1);
        last = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => format!("could not connect to {address}: {error}"),
            Err(_) => format!("no connection to {address} within {}ms", share.as_millis()),
        };
    }
    Err(last)
}
