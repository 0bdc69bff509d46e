//! The sagas of the torture: their files, and what must hold between their steps.

/// One step that calls a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Its path, as `Banyan-Step` carries it.
    pub(crate) path: &'static str,
    /// It has an undo.
    pub(crate) has_undo: bool,
}

/// One definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its file.
    pub(crate) yaml: &'static str,
    /// Its calls.
    pub(crate) steps: &'static [Step],
    /// Pairs of steps: the second starts only once the first is done, and is undone before it.
    pub(crate) order: &'static [(&'static str, &'static str)],
}

const fn undone(path: &'static str) -> Step {
    Step {
        path,
        has_undo: true,
    }
}

/// Four steps in a row; a service may refuse any but the first.
const TRIP: Plan = Plan {
    name: "trip",
    yaml: include_str!("sagas/trip.saga.yaml"),
    steps: &[
        undone("order"),
        undone("stock"),
        undone("payment"),
        undone("shipping"),
    ],
    order: &[
        ("order", "stock"),
        ("stock", "payment"),
        ("payment", "shipping"),
    ],
};

/// Branches side by side, a pivot, and a step after it.
const PARCEL: Plan = Plan {
    name: "parcel",
    yaml: include_str!("sagas/parcel.saga.yaml"),
    steps: &[
        undone("order"),
        undone("prepare.stock"),
        undone("prepare.shipping"),
        undone("payment"),
        Step {
            path: "closing",
            has_undo: false,
        },
    ],
    order: &[
        ("order", "prepare.stock"),
        ("order", "prepare.shipping"),
        ("prepare.stock", "payment"),
        ("prepare.shipping", "payment"),
        ("payment", "closing"),
    ],
};

/// Waits for a signal between two steps; hundreds of these are open all the time.
const APPROVAL: Plan = Plan {
    name: "approval",
    yaml: include_str!("sagas/approval.saga.yaml"),
    steps: &[undone("order"), undone("payment")],
    order: &[("order", "payment")],
};

/// The plans that the clients keep starting.
pub(crate) const BUSY: [Plan; 2] = [TRIP, PARCEL];
/// The plan whose sagas wait.
pub(crate) const WAITING: Plan = APPROVAL;
/// The signal that they wait for.
pub(crate) const SIGNAL: &str = "approved";
/// The services that the plans call.
pub(crate) const SERVICES: [&str; 4] = ["orders", "stock", "payments", "shipping"];

/// The plan of this name.
pub(crate) fn plan(name: &str) -> Option<&'static Plan> {
    static ALL: [Plan; 3] = [TRIP, PARCEL, APPROVAL];
    ALL.iter().find(|plan| plan.name == name)
}
