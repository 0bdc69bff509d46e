//! Definitions and services: registered, changed, deleted. One change at a time, each durable
//! before it is seen.

use crate::changes::{self, Act};
use crate::config::{DEFINITIONS, SERVICES};
use crate::error::{DefinitionError, Refusal, RegisterError, ServiceError};
use crate::feed::ServiceChange;
use crate::handle::Engine;
use crate::registered::Registered;
use crate::request::{By, Registration, ServiceView};
use crate::writer::Verdict;
use banyan_core::language::{Checked, Diagnostic, Severity, Surroundings, check};
use banyan_core::saga::Status;
use banyan_core::{Definition, Json};
use banyan_outbound::Settings;
use banyan_store::{Applied, Change, DefinitionRow, Filter, Pause, ServiceRow};
use serde_json::json;
use std::sync::Arc;

impl Engine {
    /// Checks a saga file against the registered services. Registers nothing.
    pub fn check(&self, source: &str) -> Checked {
        let services = self.shared().catalogue.services();
        let names: Vec<String> = services.iter().map(|row| row.name.clone()).collect();
        let surroundings = Surroundings {
            services: Some(&names),
            sagas: Some(&self.shared().catalogue),
            look_again: self.shared().config.look_again,
        };
        check(source, &surroundings)
    }

    /// Registers a definition, and lets starts use it if `activate`. The same content again
    /// changes nothing, not even which version is active, and is nobody's deed.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register(
        &self,
        source: &str,
        activate: bool,
        by: By,
    ) -> Result<Registration, RegisterError> {
        let Checked {
            definition,
            diagnostics,
        } = self.check(source);
        let Some(definition) = definition else {
            return Err(RegisterError::Invalid { diagnostics });
        };
        let warnings = diagnostics.into_iter();
        let warnings = warnings.filter(|one| one.severity == Severity::Warning);
        let warnings: Vec<Diagnostic> = warnings.collect();
        let _one_at_a_time = self.0.admin.lock().await;
        if let Some(known) = self.registered(&definition)? {
            return Ok(Registration {
                row: known,
                replayed: true,
                warnings,
            });
        }
        let row = self.add(definition, source, activate, by).await?;
        Ok(Registration {
            row,
            replayed: false,
            warnings,
        })
    }

    /// The row of a definition that is registered with the same content.
    fn registered(
        &self,
        definition: &Definition,
    ) -> Result<Option<Arc<DefinitionRow>>, RegisterError> {
        let catalogue = &self.shared().catalogue;
        match catalogue.definition(&definition.name, definition.version) {
            Some(known) if known.hash == definition.hash => Ok(Some(known)),
            Some(known) => Err(RegisterError::VersionTaken {
                name: definition.name.clone(),
                version: definition.version,
                hash: known.hash.clone(),
            }),
            None if catalogue.definitions().len() >= DEFINITIONS => {
                Err(RegisterError::TooMany { limit: DEFINITIONS })
            }
            None => Ok(None),
        }
    }

    async fn add(
        &self,
        definition: Definition,
        source: &str,
        activate: bool,
        by: By,
    ) -> Result<Arc<DefinitionRow>, RegisterError> {
        let unusable = |message: String| Refusal::Unavailable {
            message: format!("the definition passed its check and cannot be used: {message}"),
        };
        let (name, version) = (definition.name.clone(), definition.version);
        let resolved = serde_json::to_value(&definition);
        let row = DefinitionRow {
            name: name.clone(),
            version,
            hash: definition.hash.clone(),
            source: source.to_owned(),
            resolved: resolved.map_err(|error| unusable(error.to_string()))?,
            registered_at: self.now(),
            active: activate,
            refusal: None,
        };
        // Read back from what is stored: a saga runs tomorrow by what it runs by today.
        let ready = Registered::read(&row).map_err(unusable)?;
        let change = self.registers(&row, by);
        if self.change(change).await? == Applied::Conflict {
            let hash = String::new();
            return Err(RegisterError::VersionTaken {
                name,
                version,
                hash,
            });
        }
        let catalogue = &self.shared().catalogue;
        catalogue.put_definition(row.clone(), ready);
        Ok(catalogue
            .definition(&name, version)
            .unwrap_or_else(|| Arc::new(row)))
    }

    /// The change by which a version is registered, with what the audit says of it.
    fn registers(&self, row: &DefinitionRow, by: By) -> Change {
        let versions = self.shared().catalogue.versions(&row.name);
        let any = versions.first();
        let refusal = any.and_then(|known| known.refusal.as_deref());
        let known = versions.iter().find(|known| known.active);
        let active = match row.active {
            true => Some(row.version),
            false => known.map(|known| known.version),
        };
        let act = Act {
            verb: "register",
            name: &row.name,
            before: changes::definition(&versions),
            after: changes::standing(active, refusal),
            detail: json!({ "version": row.version, "hash": row.hash, "activated": row.active }),
        };
        act.told(Change::Definition(row.clone()), by, self.now())
    }

    /// Chooses the version that starts use.
    ///
    /// # Errors
    /// See [`DefinitionError`].
    pub async fn activate(&self, name: &str, version: u32, by: By) -> Result<(), DefinitionError> {
        let _one_at_a_time = self.0.admin.lock().await;
        let versions = self.known(name)?;
        let refusal = versions.first().and_then(|row| row.refusal.as_deref());
        let act = Act {
            verb: "activate",
            name,
            before: changes::definition(&versions),
            after: changes::standing(Some(version), refusal),
            detail: json!({ "version": version }),
        };
        let name = name.to_owned();
        let change = Change::Activate {
            name: name.clone(),
            version,
        };
        let change = act.told(change, by, self.now());
        match self.change(change).await? {
            Applied::Conflict => Err(DefinitionError::NoSuchVersion { name, version }),
            Applied::Done => {
                self.shared().catalogue.activate(&name, version);
                Ok(())
            }
        }
    }

    /// Pulls the brake of a definition, with the reason, or releases it (none).
    ///
    /// # Errors
    /// See [`DefinitionError`].
    pub async fn set_accepting(
        &self,
        name: &str,
        refusal: Option<String>,
        by: By,
    ) -> Result<(), DefinitionError> {
        let _one_at_a_time = self.0.admin.lock().await;
        let versions = self.known(name)?;
        let active = versions.iter().find(|row| row.active);
        let act = Act {
            verb: "accepting",
            name,
            before: changes::definition(&versions),
            after: changes::standing(active.map(|row| row.version), refusal.as_deref()),
            detail: json!({ "accepting": refusal.is_none() }),
        };
        let change = Change::Accepting {
            name: name.to_owned(),
            refusal: refusal.clone(),
        };
        match self.change(act.told(change, by, self.now())).await? {
            Applied::Conflict => Err(DefinitionError::NoSuchDefinition {
                name: name.to_owned(),
            }),
            Applied::Done => {
                let catalogue = &self.shared().catalogue;
                catalogue.set_refusal(name, refusal.as_ref());
                Ok(())
            }
        }
    }

    /// The versions of a definition, of which there is one.
    fn known(&self, name: &str) -> Result<Vec<Arc<DefinitionRow>>, DefinitionError> {
        let versions = self.shared().catalogue.versions(name);
        if versions.is_empty() {
            return Err(DefinitionError::NoSuchDefinition {
                name: name.to_owned(),
            });
        }
        Ok(versions)
    }

    /// Every registered definition, by name and version.
    pub fn definitions(&self) -> Vec<Arc<DefinitionRow>> {
        self.shared().catalogue.definitions()
    }

    /// Registers a service or changes it; true when it is new. A pause stays. Its parked steps
    /// go on, and roads marked as misconfigured are tried again. What the server puts by its own
    /// configuration is nobody's deed (`by` is none), and the audit says nothing of it.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn put_service(
        &self,
        name: &str,
        settings: Json,
        by: Option<By>,
    ) -> Result<bool, ServiceError> {
        let read = Settings::read(&settings).map_err(ServiceError::Invalid)?;
        let _one_at_a_time = self.0.admin.lock().await;
        let catalogue = &self.shared().catalogue;
        let known = catalogue.service(name);
        if known.is_none() && catalogue.services().len() >= SERVICES {
            return Err(ServiceError::TooMany { limit: SERVICES });
        }
        let row = ServiceRow {
            name: name.to_owned(),
            settings,
            paused: known.as_ref().and_then(|row| row.paused.clone()),
            changed_at: self.now(),
        };
        let nothing = &Json::Null;
        let was = known.as_ref().map_or(nothing, |known| &known.settings);
        let detail = json!({ "changed": changes::changed(was, &row.settings) });
        let told = by.map(|by| ("put_service", by, detail));
        self.store_service(row, told).await?;
        let (registry, now) = (Arc::clone(&self.shared().registry), self.now());
        let named = name.to_owned();
        // Credentials are read from files.
        let put = self.shared().read(move |_| registry.put(&named, read, now));
        if let Err(message) = put.await? {
            tracing::warn!(
                service = name,
                cause = message,
                "a service cannot be called"
            );
        }
        self.opened(name, ServiceChange::Changed);
        Ok(known.is_none())
    }

    /// Pauses a service: its steps park, and stay so over restarts until it is resumed.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn pause(&self, name: &str, by: By) -> Result<(), ServiceError> {
        let _one_at_a_time = self.0.admin.lock().await;
        let mut row = self.service(name)?;
        let known = row.paused.as_ref().map(|pause| pause.since);
        let pause = Pause {
            reason: by.reason.clone(),
            by: by.actor.clone(),
            since: known.unwrap_or_else(|| self.now()),
        };
        row.paused = Some(pause.clone());
        self.store_service(row, Some(("pause", by, Json::Null)))
            .await?;
        let words = pause_words(&pause);
        self.shared().registry.pause(name, &words, pause.since);
        self.shared().tell_service(name, ServiceChange::Paused);
        Ok(())
    }

    /// Resumes a service: its parked steps go on, and roads marked as misconfigured are tried
    /// again.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn resume(&self, name: &str, by: By) -> Result<(), ServiceError> {
        let _one_at_a_time = self.0.admin.lock().await;
        let mut row = self.service(name)?;
        row.paused = None;
        self.store_service(row, Some(("resume", by, Json::Null)))
            .await?;
        let (registry, now) = (Arc::clone(&self.shared().registry), self.now());
        let named = name.to_owned();
        self.shared()
            .read(move |_| registry.resume(&named, now))
            .await?;
        self.opened(name, ServiceChange::Resumed);
        Ok(())
    }

    /// All roads of a service are open again, and nothing is known against it.
    fn opened(&self, name: &str, change: ServiceChange) {
        let shared = self.shared();
        shared.openings.open(name);
        shared.openings.probes_changed();
        shared.pulse.forget(name);
        shared.tell_service(name, change);
    }

    fn service(&self, name: &str) -> Result<ServiceRow, ServiceError> {
        let row = self.shared().catalogue.service(name);
        row.map(|row| ServiceRow::clone(&row))
            .ok_or_else(|| ServiceError::NoSuchService {
                name: name.to_owned(),
            })
    }

    async fn store_service(
        &self,
        row: ServiceRow,
        told: Option<(&str, By, Json)>,
    ) -> Result<(), Refusal> {
        let change = Change::Service(row.clone());
        let change = match told {
            Some((verb, by, detail)) => {
                let before = self.shared().catalogue.service(&row.name);
                let act = Act {
                    verb,
                    name: &row.name,
                    before: before.map_or(Json::Null, |row| changes::service(&row)),
                    after: changes::service(&row),
                    detail,
                };
                act.told(change, by, self.now())
            }
            None => change,
        };
        self.change(change).await?;
        self.shared().catalogue.put_service(row);
        Ok(())
    }

    /// Deletes a service that nothing needs: no active definition names it and no open saga
    /// does.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn delete_service(&self, name: &str, by: By) -> Result<(), ServiceError> {
        let _one_at_a_time = self.0.admin.lock().await;
        let row = self.service(name)?;
        if let Some(message) = self.user_of(name).await? {
            return Err(ServiceError::InUse {
                name: name.to_owned(),
                message,
            });
        }
        let change = Change::DeleteService {
            name: name.to_owned(),
        };
        let act = Act {
            verb: "delete_service",
            name,
            before: changes::service(&row),
            after: Json::Null,
            detail: Json::Null,
        };
        self.change(act.told(change, by, self.now())).await?;
        self.shared().catalogue.remove_service(name);
        self.shared().registry.remove(name);
        self.shared().pulse.forget(name);
        self.shared().tell_service(name, ServiceChange::Deleted);
        Ok(())
    }

    /// What needs a service, in words.
    async fn user_of(&self, service: &str) -> Result<Option<String>, Refusal> {
        for row in self.definitions() {
            let ready = self.shared().catalogue.ready(&row.name, row.version);
            // One that cannot be read may need anything.
            let uses = ready.map_or(true, |ready| {
                ready.services.iter().any(|name| name == service)
            });
            if !uses {
                continue;
            }
            let named = format!("{} version {}", row.name, row.version);
            if row.active {
                return Ok(Some(format!("the active definition {named} calls it")));
            }
            let open = Filter {
                definition: vec![row.name.clone()],
                version: vec![row.version],
                status: vec![Status::Running, Status::Compensating, Status::Stuck],
                ..Filter::default()
            };
            let sagas = self
                .query(move |reader| reader.list(&open, None, 1))
                .await?;
            if let Some(saga) = sagas.first() {
                return Ok(Some(format!("the saga {} of {named} is open", saga.id)));
            }
        }
        Ok(None)
    }

    /// Every registered service with its live state, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn services(&self) -> Result<Vec<ServiceView>, Refusal> {
        let counts = self.query(|reader| reader.counts()).await?;
        let view = |row: Arc<ServiceRow>| {
            let live = self.shared().registry.view(&row.name)?;
            let parked = counts.parked.get(&row.name).copied().unwrap_or_default();
            let down = self.shared().pulse.down(&row.name);
            Some(ServiceView {
                row,
                live,
                parked,
                down,
            })
        };
        let rows = self.shared().catalogue.services().into_iter();
        Ok(rows.filter_map(view).collect())
    }

    /// Commits one change.
    pub(crate) async fn change(&self, change: Change) -> Result<Applied, Refusal> {
        let shared = self.shared();
        shared.life.check()?;
        match self.0.committer.commit(vec![change]).await {
            None => Err(Refusal::ShuttingDown),
            Some(Verdict::Unavailable(_, message)) => Err(Refusal::Unavailable { message }),
            // One change was committed: there is one result.
            Some(Verdict::Done(applied, _)) => {
                Ok(applied.first().copied().unwrap_or(Applied::Conflict))
            }
        }
    }
}

/// What those who are parked for a paused service are told.
pub(crate) fn pause_words(pause: &Pause) -> String {
    let (by, since) = (&pause.by, pause.since);
    match pause.reason.as_str() {
        "" => format!("paused by {by} since {since}"),
        reason => format!("{reason} (paused by {by} since {since})"),
    }
}
