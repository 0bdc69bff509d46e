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
    /// Stock lets goods go, and then says that it never had them: undo_not_found
    StockForgets,
    /// Stock refuses to ship, past the point of no return: forward_refused
    StockShip,
    /// Shipping dispatches, loses its answer, and then says no: outcome_unknown
    ShippingDispatch,
    /// Notifications answers 401: parked as misconfigured and, half a minute later, unreachable
    NotificationsLogin,
    /// Orders to be picked up, whose charge and first refund get lost on their way: undo_unclear
    PaymentsLost,
    /// Orders by freight, whose haulier says yes after all was undone: late_effect
    ShippingReply,
    /// Orders with a letter, whose answer is lost until its key is too old: key_expired
    NotificationsLetters,
    /// Gifts without a card, of which the saga file reads the sender: expression_failed
    GiftCard,
    /// Orders picked by a saga of their own, whose undo stock refuses: child_stuck
    GoodsReturn,
}

/// The sagas of which the shop's usual orders are.
const USUAL: [&str; 2] = ["place_order", "express_order"];

impl Break {
    /// Its name on the command line and in the file.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The definition whose orders come only while this is broken; none where it hurts the
    /// usual ones.
    pub(crate) const fn orders(self) -> Option<&'static str> {
        match self {
            Break::PaymentsUndo
            | Break::ShippingUndo
            | Break::StockForgets
            | Break::StockShip
            | Break::ShippingDispatch
            | Break::NotificationsLogin => None,
            Break::PaymentsLost => Some("pickup_order"),
            Break::ShippingReply => Some("freight_order"),
            Break::NotificationsLetters => Some("letter_order"),
            Break::GiftCard => Some("gift_order"),
            Break::GoodsReturn => Some("picked_order"),
        }
    }

    /// Whether this call is one that it is about. What people call by hand is none.
    fn is_about(self, service: Service, about: &About<'_>) -> bool {
        let About { method, path, .. } = *about;
        let usual = USUAL.contains(&about.definition);
        let (at, is_meant) = match self {
            Break::PaymentsUndo => (Service::Payments, usual && path == "/refunds"),
            Break::ShippingUndo => (Service::Shipping, usual && *method == Method::DELETE),
            Break::StockForgets => (Service::Stock, usual && *method == Method::DELETE),
            Break::StockShip => (Service::Stock, usual && path.ends_with("/shipped")),
            Break::ShippingDispatch => (Service::Shipping, usual && path.ends_with("/dispatched")),
            Break::NotificationsLogin => (Service::Notifications, usual),
            Break::PaymentsLost => (Service::Payments, about.definition == "pickup_order"),
            Break::NotificationsLetters => (Service::Notifications, path == "/letters"),
            Break::GoodsReturn => (
                Service::Stock,
                about.definition == "pick_goods" && *method == Method::DELETE,
            ),
            // Nothing is wrong with a service's answer: it comes late, or is never asked for.
            Break::ShippingReply | Break::GiftCard => return false,
        };
        at == service && is_meant
    }
}

/// A call, as far as a break looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// The HTTP method.
    pub(super) method: &'a Method,
    /// The path.
    pub(super) path: &'a str,
    /// The definition of the saga that calls; empty when a person does.
    pub(super) definition: &'a str,
    /// The attempt's number, as the caller counts.
    pub(super) attempt: &'a str,
}

/// What a break makes of a call.
pub(super) enum Ailment {
    /// It is answered so, and nothing happens.
    Says(Box<Response>),
    /// It takes effect, and is answered so.
    Belies(Box<Response>),
    /// It takes effect, and its answer is lost.
    Silent,
    /// It never arrives.
    Lost,
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
pub(super) fn ails(data: &Path, service: Service, about: &About<'_>) -> Option<Ailment> {
    if *about.method == Method::GET {
        return None;
    }
    // A file that cannot be read breaks nothing.
    let broken = read(data).unwrap_or_default();
    let found = broken
        .into_iter()
        .find(|one| one.is_about(service, about))?;
    let is_first = about.attempt == "1";
    let says = |status, error, message| Some(Ailment::Says(Box::new(no(status, error, message))));
    match found {
        Break::PaymentsUndo => says(409, "period_closed", "the books of this month are closed"),
        Break::ShippingUndo => says(503, "unavailable", "the carrier's system is away"),
        Break::StockForgets => {
            let answer = no(404, "not_found", "there is no such reservation");
            Some(Ailment::Belies(Box::new(answer)))
        }
        Break::StockShip => says(409, "warehouse_closed", "the warehouse is closed today"),
        Break::ShippingDispatch if is_first => Some(Ailment::Silent),
        Break::ShippingDispatch => says(409, "in_progress", "this shipment is being handled"),
        Break::NotificationsLogin => says(401, "unauthorized", "this credential has expired"),
        Break::PaymentsLost if about.path == "/charges" || is_first => Some(Ailment::Lost),
        Break::NotificationsLetters if is_first => Some(Ailment::Silent),
        Break::NotificationsLetters => says(503, "unavailable", "the printer is out of paper"),
        Break::GoodsReturn => says(409, "warehouse_closed", "nothing is put back today"),
        Break::PaymentsLost | Break::ShippingReply | Break::GiftCard => None,
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
        let hurt = |service, method: &Method, path| {
            let about = About {
                method,
                path,
                definition: "place_order",
                attempt: "1",
            };
            let by_hand = About {
                definition: "",
                ..about
            };
            assert!(ails(data, service, &by_hand).is_none(), "{path}");
            ails(data, service, &about).is_some()
        };
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
