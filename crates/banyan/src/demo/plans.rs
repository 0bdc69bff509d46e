//! What the demo starts: this same binary as a server, and as each service of the shop with the
//! troubles that it is to have.

use super::child::Plan;
use super::folder::Folder;
use super::shop::Service;
use std::ffi::OsString;
use std::net::SocketAddr;

/// How often the services misbehave: probabilities by service.
pub(super) const TROUBLES: [(Service, &[(&str, &str)]); 5] = [
    (
        Service::Orders,
        &[("--unavailable", "0.02"), ("--lost", "0.02")],
    ),
    (
        Service::Stock,
        &[
            ("--unavailable", "0.02"),
            ("--lost", "0.03"),
            ("--lost-always", "0.05"),
        ],
    ),
    (
        Service::Payments,
        &[
            ("--lost", "0.03"),
            ("--lost-always", "0.05"),
            ("--declined", "0.06"),
        ],
    ),
    (
        Service::Shipping,
        &[
            ("--slow", "0.08"),
            ("--unavailable", "0.06"),
            ("--lost", "0.02"),
            ("--unavailable-always", "0.04"),
        ],
    ),
    (
        Service::Notifications,
        &[("--unavailable", "0.05"), ("--lost", "0.03")],
    ),
];

/// The server at this address.
pub(super) fn server(folder: &Folder, address: SocketAddr) -> Plan {
    Plan {
        name: "server",
        arguments: vec![
            "serve".into(),
            "--data".into(),
            folder.server().into(),
            "--listen".into(),
            address.to_string().into(),
            "--config".into(),
            folder.config().into(),
            "--end-with-stdin".into(),
        ],
        output: folder.output("server"),
    }
}

/// A service at this address.
pub(super) fn service(
    folder: &Folder,
    service: Service,
    address: SocketAddr,
    seed: u64,
    troubles: &[(&str, &str)],
) -> Plan {
    let mut arguments: Vec<OsString> = vec![
        "demo-service".into(),
        service.name().into(),
        "--data".into(),
        folder.services().into(),
        "--listen".into(),
        address.to_string().into(),
        "--seed".into(),
        seed.to_string().into(),
        "--end-with-stdin".into(),
    ];
    for (knob, probability) in troubles {
        arguments.extend([OsString::from(knob), OsString::from(probability)]);
    }
    Plan {
        name: service.name(),
        arguments,
        output: folder.output(service.name()),
    }
}
