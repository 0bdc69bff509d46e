//! What is broken on purpose, so that sagas get stuck and somebody can learn to mend them.
//!
//! A break is a line in a file beside the services' databases: it holds until it is taken away,
//! over restarts of everything, and can be set and healed while the shop runs. It stands before
//! the desk, so that nothing of it is booked or remembered: what the ledgers say stays true.

use super::Service;
use crate::front::{Response, no};
use clap::ValueEnum;
use http::Method;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// One thing that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Break {
    /// Payments refuses every refund: sagas get stuck, undo_refused
    PaymentsUndo,
    /// Shipping answers 503 to every cancellation: undo_exhausted
    ShippingUndo,
    /// Stock refuses to ship, past the point of no return: forward_refused
    StockShip,
    /// Shipping dispatches, loses its answer, and then says no: outcome_unknown
    ShippingDispatch,
    /// Notifications answers 401: parked as misconfigured and, half a minute later, unreachable
    NotificationsLogin,
}

impl Break {
    /// Its name on the command line and in the file.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The service that is broken.
    pub(crate) const fn service(self) -> Service {
        match self {
            Break::PaymentsUndo => Service::Payments,
            Break::ShippingUndo | Break::ShippingDispatch => Service::Shipping,
            Break::StockShip => Service::Stock,
            Break::NotificationsLogin => Service::Notifications,
        }
    }

    /// The calls that it is about.
    fn is_about(self, method: &Method, path: &str) -> bool {
        match self {
            Break::PaymentsUndo => path == "/refunds",
            Break::ShippingUndo => *method == Method::DELETE,
            Break::StockShip => path.ends_with("/shipped"),
            Break::ShippingDispatch => path.ends_with("/dispatched"),
            Break::NotificationsLogin => true,
        }
    }
}

/// What a break makes of a call.
pub(super) enum Ailment {
    /// It is answered so, and nothing happens.
    Says(Box<Response>),
    /// It takes effect, and its answer is lost.
    Silent,
}

/// Where it stands what is broken.
pub(crate) fn file(data: &Path) -> PathBuf {
    data.join("broken")
}

/// What is broken now. A file that is not there means nothing.
pub(crate) fn read(data: &Path) -> std::io::Result<Vec<Break>> {
    match std::fs::read_to_string(file(data)) {
        Ok(text) => Ok(text
            .lines()
            .filter_map(|line| Break::from_str(line, false).ok())
            .collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Breaks this and nothing else; an empty list heals everything.
pub(crate) fn write(data: &Path, broken: &[Break]) -> std::io::Result<()> {
    let path = file(data);
    if broken.is_empty() {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let lines: Vec<String> = broken.iter().map(|one| one.name()).collect();
    // A reader must never see half of it: renaming is one step.
    let new = path.with_extension("new");
    std::fs::write(&new, lines.join("\n"))?;
    std::fs::rename(new, path)
}

/// What befalls this call, when something is broken about it. Questions are answered truly:
/// that is how a person finds out what happened.
pub(super) fn ails(
    data: &Path,
    service: Service,
    (method, path): (&Method, &str),
    attempt: &str,
) -> Option<Ailment> {
    if *method == Method::GET {
        return None;
    }
    // A file that cannot be read breaks nothing.
    let broken = read(data).unwrap_or_default();
    let found = broken
        .into_iter()
        .find(|one| one.service() == service && one.is_about(method, path))?;
    let says = |status, error, message| Some(Ailment::Says(Box::new(no(status, error, message))));
    match found {
        Break::PaymentsUndo => says(409, "period_closed", "the books of this month are closed"),
        Break::ShippingUndo => says(503, "unavailable", "the carrier's system is away"),
        Break::StockShip => says(409, "warehouse_closed", "the warehouse is closed today"),
        Break::ShippingDispatch if attempt == "1" => Some(Ailment::Silent),
        Break::ShippingDispatch => says(409, "in_progress", "this shipment is being handled"),
        Break::NotificationsLogin => says(401, "unauthorized", "this credential has expired"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_holds_until_it_is_healed_and_hurts_its_own_calls_alone() {
        let data = tempfile::tempdir().unwrap();
        let data = data.path();
        assert_eq!(read(data).unwrap(), []);
        for one in Break::value_variants() {
            write(data, &[*one]).unwrap();
            assert_eq!(read(data).unwrap(), [*one]);
        }
        write(data, &[Break::PaymentsUndo, Break::StockShip]).unwrap();
        let hurt =
            |service, method: &Method, path| ails(data, service, (method, path), "1").is_some();
        assert!(hurt(Service::Payments, &Method::POST, "/refunds"));
        assert!(!hurt(Service::Payments, &Method::POST, "/charges"));
        assert!(hurt(
            Service::Stock,
            &Method::PUT,
            "/reservations/r-1/shipped"
        ));
        assert!(!hurt(
            Service::Shipping,
            &Method::DELETE,
            "/shipments/by-key/k"
        ));
        assert!(!hurt(Service::Payments, &Method::GET, "/refunds"));
        write(data, &[]).unwrap();
        write(data, &[]).unwrap();
        assert!(!hurt(Service::Payments, &Method::POST, "/refunds"));
    }
}
