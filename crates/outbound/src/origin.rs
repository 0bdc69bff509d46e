//! Where an instance is: its URL, read once into the parts that each call needs.
//!
//! Also the addresses that are never called, whatever a URL or a name server says: link-local
//! ones and those under which clouds hand out credentials.

use crate::limits::TEXT_MAX;
use http::HeaderValue;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An instance's URL, read.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The URL as it was given.
    pub(crate) url: String,
    /// Whether it is spoken to over TLS.
    pub(crate) tls: bool,
    /// Where it listens.
    pub(crate) place: Place,
    /// What every target of it begins with: empty, or `/base` without a slash at its end.
    pub(crate) base: String,
    /// What `Host` says.
    pub(crate) host_header: HeaderValue,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An address: no name is looked up.
    Address(SocketAddr),
    /// A name, looked up for each new connection.
    Name(String, u16),
}

/// A URL under which no service can be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidUrl {
    #[error("is longer than {TEXT_MAX} characters")]
    TooLong,
    #[error("{0:?} is no URL such as http://127.0.0.1:9000 or https://pay.example/api")]
    Unreadable(String),
    #[error("a service is called by http or https, not by {0}")]
    Scheme(String),
    #[error("a URL holds no user name or password; use auth, with a reference")]
    UserInfo,
    #[error("an instance's URL has no {0}; the step's call says it")]
    Surplus(&'static str),
    #[error("its path has a . or .. part")]
    Dots,
    #[error("port 0 cannot be called")]
    PortZero,
    #[error("{0}")]
    Forbidden(#[from] Forbidden),
}

/// An address that is never called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is never called: link-local and metadata addresses hand out credentials")]
pub(crate) struct Forbidden(IpAddr);

impl Origin {
    /// Reads an instance's URL.
    pub(crate) fn read(url: &str) -> Result<Origin, InvalidUrl> {
        if url.len() > TEXT_MAX {
            return Err(InvalidUrl::TooLong);
        }
        // The reader below drops a fragment silently, so it is looked for here.
        if url.contains('#') {
            return Err(InvalidUrl::Surplus("fragment"));
        }
        let unreadable = || InvalidUrl::Unreadable(url.to_owned());
        let uri: http::Uri = url.parse().map_err(|_| unreadable())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(other) => return Err(InvalidUrl::Scheme(other.to_owned())),
            None => return Err(unreadable()),
        };
        let authority = uri.authority().ok_or_else(unreadable)?;
        if authority.as_str().contains('@') {
            // The URL is not quoted: it may hold a password.
            return Err(InvalidUrl::UserInfo);
        }
        if uri.query().is_some() {
            return Err(InvalidUrl::Surplus("query"));
        }
        let base = uri.path().trim_end_matches('/');
        if base.split('/').any(|part| part == "." || part == "..") {
            return Err(InvalidUrl::Dots);
        }
        Ok(Origin {
            url: url.to_owned(),
            tls,
            place: place(authority, tls).ok_or_else(unreadable)??,
            base: base.to_owned(),
            host_header: HeaderValue::from_str(authority.as_str()).map_err(|_| unreadable())?,
        })
    }

    /// The host's name or address, without port and brackets.
    pub(crate) fn host(&self) -> String {
        match &self.place {
            Place::Address(address) => address.ip().to_string(),
            Place::Name(name, _) => name.clone(),
        }
    }
}

/// The place that an authority names; none when it names none.
fn place(authority: &http::uri::Authority, tls: bool) -> Option<Result<Place, InvalidUrl>> {
    let host = authority.host();
    let after = authority.as_str().strip_prefix(host)?;
    let port = match after.strip_prefix(':') {
        Some(digits) => digits.parse().ok()?,
        None if after.is_empty() && tls => 443,
        None if after.is_empty() => 80,
        None => return None,
    };
    if port == 0 {
        return Some(Err(InvalidUrl::PortZero));
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let literal: Option<IpAddr> = match bare {
        Some(inner) => Some(IpAddr::V6(inner.parse().ok()?)),
        None => host.parse().ok().map(IpAddr::V4),
    };
    Some(match literal {
        Some(address) => allowed(address)
            .map(|()| Place::Address(SocketAddr::new(address, port)))
            .map_err(InvalidUrl::from),
        None if is_name(host) => Ok(Place::Name(host.to_owned(), port)),
        None => return None,
    })
}

fn is_name(host: &str) -> bool {
    let of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !host.is_empty() && host.len() <= 253 && host.bytes().all(of_names)
}

/// May this address be called?
pub(crate) fn allowed(address: IpAddr) -> Result<(), Forbidden> {
    let forbidden = match address.to_canonical() {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || v6 == AWS_V6 || embedded_v4(v6).is_some_and(forbidden_v4)
        }
    };
    if forbidden {
        Err(Forbidden(address))
    } else {
        Ok(())
    }
}

/// The metadata service of AWS over IPv6.
const AWS_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// Metadata services outside the link-local range: Alibaba, Azure's wire server, Oracle.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

fn forbidden_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || METADATA_V4.contains(&address)
}

/// The IPv4 address that a translating IPv6 prefix (NAT64, 6to4, IPv4-compatible) leads to.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let (high, low) = match (a, b) {
        (0x64, 0xff9b) => (g, h),
        (0x2002, _) => (b, c),
        (0, 0) if (c, d, e, f) == (0, 0, 0, 0) => (g, h),
        _ => return None,
    };
    let [[w, x], [y, z]] = [high.to_be_bytes(), low.to_be_bytes()];
    Some(Ipv4Addr::new(w, x, y, z))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}", tail in "(http|https)://[a-z0-9:@.\\[\\]/%?#-]{0,30}") {
            for url in [&text, &tail] {
                if let Ok(origin) = Origin::read(url) {
                    prop_assert!(!origin.host().is_empty() && !origin.base.ends_with('/'));
                }
            }
        }
    }

    #[test]
    fn urls_are_read_into_their_parts() {
        let origin = Origin::read("https://pay.example/api/").unwrap();
        assert!(origin.tls);
        assert_eq!(origin.place, Place::Name("pay.example".into(), 443));
        assert_eq!(
            (origin.base.as_str(), origin.host_header.to_str().unwrap()),
            ("/api", "pay.example")
        );
        let origin = Origin::read("http://[::1]:90").unwrap();
        assert_eq!(origin.place, Place::Address("[::1]:90".parse().unwrap()));
        assert_eq!(origin.base, "");
    }

    #[test]
    fn urls_that_cannot_be_called_are_refused() {
        for (url, words) in [
            ("", "is no URL"),
            ("shop", "is no URL"),
            ("/shop", "is no URL"),
            ("http://", "is no URL"),
            ("http://a b", "is no URL"),
            ("http://a\0b", "is no URL"),
            ("http://bücher.example", "is no URL"),
            ("http://h:99999", "is no URL"),
            ("http://h:", "is no URL"),
            ("http://[::1", "is no URL"),
            ("http://[::zz]", "is no URL"),
            ("http://h%20h", "is no URL"),
            ("http://h:0", "port 0"),
            ("ftp://h", "not by ftp"),
            ("http://me:secret@h", "no user name"),
            ("http://h/?a=1", "no query"),
            ("http://h/#top", "no fragment"),
            ("http://h/a/../b", ".. part"),
            ("http://169.254.169.254/latest", "never called"),
            ("http://[fe80::1]", "never called"),
            ("http://[::ffff:169.254.169.254]", "never called"),
            ("http://[64:ff9b::a9fe:a9fe]", "never called"),
            ("http://[fd00:ec2::254]", "never called"),
            ("http://100.100.100.200", "never called"),
        ] {
            let error = Origin::read(url).unwrap_err().to_string();
            assert!(error.contains(words), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert_eq!(
            Origin::read(&"h".repeat(3_000)).unwrap_err(),
            InvalidUrl::TooLong
        );
    }
}
