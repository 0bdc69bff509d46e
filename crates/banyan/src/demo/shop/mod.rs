//! The demo shop: five small services, each its own process with its own database, such as a
//! team would have them. They know nothing of Banyan but HTTP, `Idempotency-Key`, and that an
//! undo may come before its do.
//!
//! Every service keeps an append-only ledger of one shape, so that what happened to an order
//! can be added up over all of them. Nothing here retries or coordinates: that is Banyan's part.

mod broken;
mod call;
mod database;
mod desk;
mod faults;
mod haulier;
mod http;
mod notifications;
mod orders;
mod payments;
mod shipping;
mod stock;
#[cfg(test)]
mod tests;

use clap::ValueEnum;
use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) use broken::{Break, read as broken, write as break_};
pub(crate) use database::ledger_file;
pub(crate) use faults::Faults;
pub(crate) use payments::ACCOUNTS;
pub(crate) use stock::GOODS;

/// One of the shop's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// Orders: created, closed, deleted.
    Orders,
    /// Stock: a catalogue with quantities, reservations.
    Stock,
    /// Payments: accounts, charges, refunds.
    Payments,
    /// Shipping: shipments booked, dispatched, cancelled.
    Shipping,
    /// Notifications: what customers were told.
    Notifications,
}

impl Service {
    /// All of them.
    pub(crate) const ALL: [Service; 5] = [
        Service::Orders,
        Service::Stock,
        Service::Payments,
        Service::Shipping,
        Service::Notifications,
    ];

    /// Its name: on the command line, as a registered service, and of its database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Service::Orders => "orders",
            Service::Stock => "stock",
            Service::Payments => "payments",
            Service::Shipping => "shipping",
            Service::Notifications => "notifications",
        }
    }

    fn domain(self, faults: &Faults) -> Box<dyn call::Domain> {
        match self {
            Service::Orders => Box::new(orders::Orders),
            Service::Stock => Box::new(stock::Stock),
            Service::Payments => Box::new(payments::Payments::new(faults.clone())),
            Service::Shipping => Box::new(shipping::Shipping),
            Service::Notifications => Box::new(notifications::Notifications),
        }
    }
}

/// How one service runs.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Which one.
    pub(crate) service: Service,
    /// The folder of its database.
    pub(crate) data: PathBuf,
    /// Where it listens; loopback.
    pub(crate) listen: SocketAddr,
    /// How it misbehaves.
    pub(crate) faults: Faults,
}

/// Serves until `stopped` is.
pub(crate) async fn run(options: Options, stopped: impl Future<Output = ()>) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(options.listen).await?;
    let serving = start(listener, &options)?;
    stopped.await;
    serving.abort();
    Ok(())
}

/// Opens the database and serves the listener in a task of its own.
fn start(
    listener: tokio::net::TcpListener,
    options: &Options,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let domain = options.service.domain(&options.faults);
    let connection = database::open(&options.data, options.service, domain.as_ref())?;
    let desk = desk::open(connection, domain);
    let faults = options.faults.clone();
    let freights = (options.service == Service::Shipping)
        .then(|| haulier::run(desk.clone(), options.data.clone()));
    let counter = http::Counter {
        desk,
        faults,
        service: options.service,
        data: options.data.clone(),
    };
    Ok(tokio::spawn(async move {
        let serving = crate::front::serve(listener, counter);
        match freights {
            Some(freights) => drop(tokio::join!(serving, freights)),
            None => serving.await,
        }
    }))
}
