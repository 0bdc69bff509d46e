//! What lies where in a demo's data folder.

use super::shop::{self, Break, Service};
use crate::cli::Fail;
use std::path::{Path, PathBuf};

/// The sagas of the demo: name, version and file. A child stands before its parent.
pub(super) const SAGAS: [(&str, u32, &str); 8] = [
    (
        "place_order",
        2,
        include_str!("../../demo/place_order.saga.yaml"),
    ),
    (
        "express_order",
        1,
        include_str!("../../demo/express_order.saga.yaml"),
    ),
    (
        "pickup_order",
        1,
        include_str!("../../demo/pickup_order.saga.yaml"),
    ),
    (
        "freight_order",
        1,
        include_str!("../../demo/freight_order.saga.yaml"),
    ),
    (
        "letter_order",
        1,
        include_str!("../../demo/letter_order.saga.yaml"),
    ),
    (
        "gift_order",
        1,
        include_str!("../../demo/gift_order.saga.yaml"),
    ),
    (
        "pick_goods",
        1,
        include_str!("../../demo/pick_goods.saga.yaml"),
    ),
    (
        "picked_order",
        1,
        include_str!("../../demo/picked_order.saga.yaml"),
    ),
];

/// What the demo's server is told: a person who looks on does not wait for an hour.
const CONFIG: &str = "\
[defaults]
park_limit = \"30s\"   # 1h by default
";

/// A demo's data folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at this path.
    pub(super) fn new(root: PathBuf) -> Folder {
        Folder { root }
    }

    /// The folder itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The server's data folder.
    pub(super) fn server(&self) -> PathBuf {
        self.root.join("server")
    }

    /// The folder of the services' databases.
    pub(super) fn services(&self) -> PathBuf {
        self.root.join("services")
    }

    /// A service's database.
    pub(super) fn database(&self, service: Service) -> PathBuf {
        super::shop::ledger_file(&self.services(), service)
    }

    /// What clients sent and were told.
    pub(super) fn clients_log(&self) -> PathBuf {
        self.root.join("clients.log")
    }

    /// Where the processes' own output goes.
    pub(super) fn output(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.out"))
    }

    /// What is broken on purpose.
    pub(super) fn broken(&self) -> Result<Vec<Break>, Fail> {
        let services = self.services();
        shop::broken(&services).map_err(|error| Fail::file(&services, &error))
    }

    /// Breaks this and nothing else.
    pub(super) fn set_broken(&self, broken: &[Break]) -> Result<(), Fail> {
        let services = self.services();
        shop::break_(&services, broken).map_err(|error| Fail::file(&services, &error))
    }

    /// The server's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.root.join("banyan.toml")
    }

    /// Makes the folder and writes the saga files into it, for people to read.
    pub(super) fn prepare(&self) -> Result<(), Fail> {
        let sagas = self.root.join("sagas");
        for folder in [&sagas, &self.services(), &self.server()] {
            std::fs::create_dir_all(folder).map_err(|error| Fail::file(folder, &error))?;
        }
        let config = self.config();
        std::fs::write(&config, CONFIG).map_err(|error| Fail::file(&config, &error))?;
        for (name, _, source) in SAGAS {
            let file = sagas.join(format!("{name}.saga.yaml"));
            std::fs::write(&file, source).map_err(|error| Fail::file(&file, &error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::SAGAS;
    use banyan_core::language::{Surroundings, check};

    #[test]
    fn the_demos_saga_files_have_no_fault_and_are_what_they_are_named() {
        for (name, version, source) in SAGAS {
            let checked = check(source, &Surroundings::default());
            assert_eq!(checked.diagnostics, [], "{name}");
            let definition = checked.definition.unwrap();
            assert_eq!(
                (definition.name.as_str(), definition.version),
                (name, version)
            );
        }
    }
}
