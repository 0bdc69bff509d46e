//! What is registered, in memory: definitions, made ready when first used, and services.
//!
//! It follows the store: a change is shown here after its commit. Its locks are held for a
//! lookup, never across a wait.

use crate::error::{OpenEngineError, StartError};
use crate::registered::Registered;
use banyan_core::children::{self, ChildProblem, Family, Sagas, family};
use banyan_core::saga::{Plan, Plans};
use banyan_core::time::Duration;
use banyan_store::{DefinitionRow, Reader, ServiceRow};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Everything that is registered.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    definitions: RwLock<BTreeMap<String, BTreeMap<u32, Entry>>>,
    services: RwLock<BTreeMap<String, Arc<ServiceRow>>>,
}

#[derive(Clone, Debug)]
struct Entry {
    row: Arc<DefinitionRow>,
    ready: Arc<OnceLock<Result<Arc<Registered>, String>>>,
    keep: Option<Duration>,
}

impl Entry {
    fn new(row: DefinitionRow) -> Entry {
        // Read here, so that retention need not make old definitions ready.
        let keep = row.resolved.get("keep").and_then(|keep| keep.as_str());
        Entry {
            keep: keep.and_then(|keep| keep.parse().ok()),
            row: Arc::new(row),
            ready: Arc::default(),
        }
    }

    fn ready(&self) -> Result<Arc<Registered>, String> {
        let make = || Registered::read(&self.row).map(Arc::new);
        self.ready.get_or_init(make).clone()
    }

    fn change(&mut self, change: impl FnOnce(&mut DefinitionRow)) {
        change(Arc::make_mut(&mut self.row));
    }
}

impl Catalogue {
    /// Reads what is registered. Active definitions are made ready at once, so that a damaged
    /// one is found at the start.
    pub(crate) fn load(reader: &dyn Reader) -> Result<Catalogue, OpenEngineError> {
        let catalogue = Catalogue::default();
        for row in reader.definitions()? {
            let entry = Entry::new(row);
            let row = &entry.row;
            if row.active {
                entry
                    .ready()
                    .map_err(|message| OpenEngineError::Definition {
                        name: row.name.clone(),
                        version: row.version,
                        message,
                    })?;
            }
            let (name, version) = (row.name.clone(), row.version);
            write(&catalogue.definitions)
                .entry(name)
                .or_default()
                .insert(version, entry);
        }
        for row in reader.services()? {
            catalogue.put_service(row);
        }
        Ok(catalogue)
    }

    /// The definition that a start is to use, brake and version looked at.
    pub(crate) fn for_start(
        &self,
        name: &str,
        version: Option<u32>,
    ) -> Result<Arc<Registered>, StartError> {
        let entry = {
            let definitions = read(&self.definitions);
            let versions = definitions
                .get(name)
                .ok_or_else(|| StartError::NoSuchDefinition {
                    name: name.to_owned(),
                })?;
            let found = match version {
                Some(version) => versions.get(&version),
                None => versions.values().find(|entry| entry.row.active),
            };
            found.cloned().ok_or_else(|| StartError::NoSuchVersion {
                name: name.to_owned(),
                version,
            })?
        };
        if let Some(reason) = &entry.row.refusal {
            return Err(StartError::NotAccepting {
                name: name.to_owned(),
                reason: reason.clone(),
            });
        }
        entry.ready().map_err(|message| {
            let message = format!("the definition {name} cannot be used: {message}");
            crate::error::Refusal::Unavailable { message }.into()
        })
    }

    /// Everything that a definition runs, as it is registered now.
    pub(crate) fn family(&self, plan: &Plan) -> Result<Family, ChildProblem> {
        let definition = &plan.definition;
        let parent = (definition.name.as_str(), definition.version);
        family(parent, &definition.runs(), self)
    }

    /// The services that a definition and all that it runs call, and that are not registered.
    pub(crate) fn missing_services(&self, ready: &Registered, family: &Family) -> Vec<String> {
        let mut missing = self.unregistered(&ready.services);
        for (name, version) in &family.all {
            if let Ok(below) = self.ready(name, *version) {
                missing.extend(self.unregistered(&below.services));
            }
        }
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// A definition made ready.
    pub(crate) fn ready(&self, name: &str, version: u32) -> Result<Arc<Registered>, String> {
        let entry = self.entry(name, version);
        entry
            .ok_or_else(|| format!("its definition {name} version {version} is not registered"))?
            .ready()
    }

    fn entry(&self, name: &str, version: u32) -> Option<Entry> {
        read(&self.definitions).get(name)?.get(&version).cloned()
    }

    /// A definition's row.
    pub(crate) fn definition(&self, name: &str, version: u32) -> Option<Arc<DefinitionRow>> {
        self.entry(name, version).map(|entry| entry.row)
    }

    /// How long a definition wants its sagas to be kept; none when it does not say.
    pub(crate) fn keep(&self, name: &str, version: u32) -> Option<Duration> {
        read(&self.definitions).get(name)?.get(&version)?.keep
    }

    /// The shortest time for which any definition wants its sagas to be kept.
    pub(crate) fn shortest_keep(&self) -> Option<Duration> {
        let definitions = read(&self.definitions);
        let entries = definitions.values().flat_map(BTreeMap::values);
        entries.filter_map(|entry| entry.keep).min()
    }

    /// The versions of a definition, in their order; none when it is not registered.
    pub(crate) fn versions(&self, name: &str) -> Vec<Arc<DefinitionRow>> {
        let definitions = read(&self.definitions);
        let entries = definitions.get(name).into_iter().flat_map(BTreeMap::values);
        entries.map(|entry| Arc::clone(&entry.row)).collect()
    }

    /// Every definition, by name and version.
    pub(crate) fn definitions(&self) -> Vec<Arc<DefinitionRow>> {
        let definitions = read(&self.definitions);
        let entries = definitions.values().flat_map(BTreeMap::values);
        entries.map(|entry| Arc::clone(&entry.row)).collect()
    }

    /// Some value of some definition's sagas is not for people's eyes.
    pub(crate) fn has_secrets(&self) -> bool {
        let entries: Vec<Entry> = {
            let definitions = read(&self.definitions);
            let versions = definitions.values().flat_map(BTreeMap::values);
            versions.cloned().collect()
        };
        // One that cannot be read may have any.
        let secretive = |ready: Arc<Registered>| ready.plan.definition.has_secrets();
        entries
            .iter()
            .any(|entry| entry.ready().map_or(true, secretive))
    }

    /// The definitions of which some version runs others.
    pub(crate) fn parents(&self) -> Vec<String> {
        let all: Vec<(String, Vec<Entry>)> = read(&self.definitions)
            .iter()
            .map(|(name, versions)| (name.clone(), versions.values().cloned().collect()))
            .collect();
        let runs = |entry: &Entry| {
            let ready = entry.ready();
            ready.is_ok_and(|ready| !ready.plan.definition.runs().is_empty())
        };
        let parents = all
            .into_iter()
            .filter(|(_, versions)| versions.iter().any(runs));
        parents.map(|(name, _)| name).collect()
    }

    /// A definition was registered.
    pub(crate) fn put_definition(&self, mut row: DefinitionRow, ready: Registered) {
        let mut definitions = write(&self.definitions);
        let versions = definitions.entry(row.name.clone()).or_default();
        if row.active {
            for entry in versions.values_mut().filter(|entry| entry.row.active) {
                entry.change(|row| row.active = false);
            }
        }
        let sibling = versions.values().next();
        row.refusal = sibling.and_then(|entry| entry.row.refusal.clone());
        let version = row.version;
        let entry = Entry::new(row);
        // Nobody else has seen the entry yet.
        let _ = entry.ready.set(Ok(Arc::new(ready)));
        versions.insert(version, entry);
    }

    /// Starts use this version now.
    pub(crate) fn activate(&self, name: &str, version: u32) {
        let mut definitions = write(&self.definitions);
        for entry in definitions
            .get_mut(name)
            .into_iter()
            .flat_map(BTreeMap::values_mut)
        {
            let active = entry.row.version == version;
            if entry.row.active != active {
                entry.change(|row| row.active = active);
            }
        }
    }

    /// The brake of a definition is pulled or released.
    pub(crate) fn set_refusal(&self, name: &str, refusal: Option<&String>) {
        let mut definitions = write(&self.definitions);
        for entry in definitions
            .get_mut(name)
            .into_iter()
            .flat_map(BTreeMap::values_mut)
        {
            entry.change(|row| row.refusal = refusal.cloned());
        }
    }

    /// Every service, by name.
    pub(crate) fn services(&self) -> Vec<Arc<ServiceRow>> {
        read(&self.services).values().cloned().collect()
    }

    /// A service's row.
    pub(crate) fn service(&self, name: &str) -> Option<Arc<ServiceRow>> {
        read(&self.services).get(name).cloned()
    }

    /// Those of these services that are not registered.
    pub(crate) fn unregistered(&self, names: &[String]) -> Vec<String> {
        let services = read(&self.services);
        let missing = names.iter().filter(|name| !services.contains_key(*name));
        missing.cloned().collect()
    }

    /// A service was registered or changed.
    pub(crate) fn put_service(&self, row: ServiceRow) {
        write(&self.services).insert(row.name.clone(), Arc::new(row));
    }

    /// A service was deleted.
    pub(crate) fn remove_service(&self, name: &str) {
        write(&self.services).remove(name);
    }
}

impl Sagas for Catalogue {
    fn saga(&self, name: &str, version: Option<u32>) -> Option<children::Registered> {
        let entry = {
            let definitions = read(&self.definitions);
            let versions = definitions.get(name)?;
            let found = match version {
                Some(version) => versions.get(&version),
                None => versions.values().find(|entry| entry.row.active),
            };
            found?.clone()
        };
        let ready = entry.ready().ok()?;
        Some(children::Registered::of(&ready.plan.definition))
    }
}

impl Plans for Catalogue {
    fn plan(&self, name: &str, version: u32) -> Result<Arc<Plan>, String> {
        let ready = self.ready(name, version)?;
        Ok(Arc::clone(&ready.plan))
    }
}

// Every change is one insert or one flag: a panic elsewhere leaves nothing half done.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
