//! What a session of `banyan dev` runs on: a server of its own over a folder that goes away,
//! the stand-ins, and the definitions that were read.

use super::children::Child;
use super::family::Family;
use super::ledger::Effect;
use super::part::WaitPart;
use super::plans::Plans;
use super::sample;
use super::service::{Backstage, StandIns};
use super::switches::Switches;
use super::wants::Wants;
use crate::cli::{Fail, read_token};
use banyan_core::secret::SecretPath;
use banyan_core::time::Duration;
use banyan_core::{Definition, Json};
use banyan_sdk::api::{Moment, Saga, ServiceRequest, StartRequest, WaitKind};
use banyan_sdk::{Client, Wait};
use banyan_server::{Clock, Config, Handle, SkippingClock};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tempfile::TempDir;

/// The second look at an unknown do comes as soon as its timeout allows: nobody here answers
/// late by a minute.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Whoever waits for longer than that may want to skip it.
const LONG: Duration = Duration::from_secs(2);

/// What a session is opened for.
pub(super) struct Play {
    /// The file's text.
    pub(super) source: String,
    /// What it says.
    pub(super) definition: Definition,
    /// What it runs, each before those that run it.
    pub(super) children: Vec<Child>,
    /// The input of its sagas.
    pub(super) input: Json,
}

impl Play {
    /// With the input given, or with one made from the definition.
    pub(super) fn new(
        source: String,
        definition: Definition,
        children: Vec<Child>,
        given: Option<&Json>,
    ) -> Result<Play, Fail> {
        let schema = definition.input.as_ref();
        let input = match given {
            Some(input) => {
                if let Some(schema) = schema {
                    sample::verify(schema, input, definition.has_secrets()).map_err(|why| {
                        Fail::Usage(format!("the input does not fit the definition:\n{why}"))
                    })?;
                }
                input.clone()
            }
            None => {
                let wants = Wants::of(&definition);
                sample::sample(schema, &wants.input).map_err(|why| {
                    Fail::Usage(format!(
                        "no input could be made from the schema; give one with --input JSON\n{why}"
                    ))
                })?
            }
        };
        Ok(Play {
            source,
            definition,
            children,
            input,
        })
    }

    /// The input as people may see it.
    pub(super) fn shown_input(&self) -> Json {
        masked(&self.input, &self.definition.secret, "input")
    }

    /// The names of every service that is called, each once.
    fn services(&self) -> Vec<&str> {
        let children = self.children.iter().map(|child| &child.definition);
        let all = children.chain([&self.definition]);
        let mut services: Vec<&str> = all.flat_map(Definition::services).collect();
        services.sort_unstable();
        services.dedup();
        services
    }
}

/// A value without what its definition calls secret of it.
pub(super) fn masked(value: &Json, secrets: &[SecretPath], variable: &str) -> Json {
    let mut shown = value.clone();
    let of_it = secrets.iter().filter(|secret| secret.variable == variable);
    of_it.for_each(|secret| secret.mask(&mut shown));
    shown
}

/// A server, its stand-ins and its definition, while they run.
pub(super) struct Session {
    /// What is played.
    pub(super) play: Play,
    /// The parts, the switches and what the stand-ins hold.
    pub(super) backstage: Arc<Backstage>,
    /// Of the server.
    pub(super) client: Client,
    stand_ins: StandIns,
    server: Handle,
    clock: Arc<SkippingClock>,
    /// Goes away with the session.
    data: TempDir,
    runs: u32,
}

impl Session {
    /// Starts everything; `port` is the server's, 0 for a free one.
    pub(super) async fn open(
        play: Play,
        switches: Arc<Switches>,
        port: u16,
    ) -> Result<Session, Fail> {
        let clock = Arc::new(SkippingClock::default());
        let plans = Plans::of(&play);
        let backstage = Arc::new(Backstage::new(plans, switches, Arc::clone(&clock)));
        let data = TempDir::with_prefix("banyan-dev-")
            .map_err(|error| Fail::Here(format!("no folder for this session: {error}")))?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut config = Config::new(data.path(), listen);
        config.defaults.look_again = Some(LOOK_AGAIN);
        let server = banyan_server::start_by(config, clock.clone())
            .await
            .map_err(|error| Fail::Here(format!("{:#}", anyhow::Error::new(error))))?;
        let token = read_token(data.path())?;
        let client = Client::new(&format!("http://{}", server.address()), token)?;
        let stand_ins = StandIns::open(&play.services(), &backstage)
            .await
            .map_err(|error| Fail::Here(format!("no port for a stand-in: {error}")))?;
        let session = Session {
            play,
            backstage,
            client,
            stand_ins,
            server,
            clock,
            data,
            runs: 0,
        };
        session.register().await?;
        Ok(session)
    }

    async fn register(&self) -> Result<(), Fail> {
        for (name, address) in &self.stand_ins.addresses {
            let service = ServiceRequest {
                instances: vec![format!("http://{address}")],
                ..ServiceRequest::default()
            };
            self.client.put_service(name, &service).await?;
        }
        let Play {
            source,
            definition,
            children,
            ..
        } = &self.play;
        let newest = |name: &str| {
            let versions = children.iter().map(|child| &child.definition);
            let named = versions.filter(|one| one.name == name);
            named.map(|one| one.version).max()
        };
        let beside = children.iter().map(|child| {
            let Definition { name, version, .. } = &child.definition;
            let is_active = newest(name) == Some(*version);
            (name, *version, &child.source, is_active)
        });
        let itself = (&definition.name, definition.version, source, true);
        for (name, version, source, is_active) in beside.chain([itself]) {
            self.client
                .register(name, version, source, is_active)
                .await?;
        }
        Ok(())
    }

    /// Starts a saga of the definition.
    pub(super) async fn start(&mut self) -> Result<Family, Fail> {
        self.runs += 1;
        let start = StartRequest {
            definition: self.play.definition.name.clone(),
            input: self.play.input.clone(),
            ..StartRequest::default()
        };
        let key = format!("dev-{}", self.runs);
        let started = self.client.start(&start, &key, &Wait::default()).await?;
        Family::of(&self.client, started.saga, None).await
    }

    /// The saga and its children as they are now.
    pub(super) async fn look(&self, before: &Family) -> Result<Family, Fail> {
        let top = self.client.saga(&before.top.id.to_string(), None).await?;
        Family::of(&self.client, top, Some(before)).await
    }

    /// Lets the time pass until somebody has something to do again; says until when,
    /// or that there is nothing to skip.
    pub(super) fn skip(&self, family: &Family) -> Option<Moment> {
        let waits = family.waits().filter_map(|(_, waiting)| waiting.until);
        let due = self.backstage.later.next_due().map(Moment);
        let until = waits.chain(due).min()?;
        self.clock.skip_to(until.0).then_some(until)
    }

    /// Lets so much time pass.
    pub(super) fn pass(&self, time: Duration) -> Moment {
        let until = self.clock.now().plus(time);
        self.clock.skip_to(until);
        Moment(until)
    }

    /// What the stand-ins hold of a saga and its children, by the children's places.
    pub(super) fn effects(&self, family: &Family) -> Vec<Effect> {
        let mut effects = self.backstage.effects(&family.ids());
        for effect in &mut effects {
            effect.step = family.place(&effect.saga, &effect.step);
        }
        effects
    }

    /// The part of a step of this saga that waits for a signal, with its switches' place.
    pub(super) fn wait_part(&self, saga: &Saga, path: &str) -> Option<(String, &WaitPart)> {
        let plans = &self.backstage.plans;
        plans.wait(&saga.definition, saga.version, path)
    }

    /// What a person could type so that somebody goes on who waits for people or for time.
    pub(super) fn offers(&self, family: &Family) -> Vec<String> {
        let is_idle = self.backstage.is_idle();
        let waits = family.waits().filter_map(|(saga, waiting)| {
            let path = waiting.step.as_deref()?;
            match waiting.kind {
                WaitKind::Signal => {
                    let (_, part) = self.wait_part(saga, path)?;
                    Some(match part.signal(false) {
                        // A masked body would be sent as it stands; without one it is made.
                        Ok(body) if part.shown(&body) != body => format!("signal {}", part.signal),
                        Ok(body) => format!("signal {} {body}", part.signal),
                        Err(why) => why,
                    })
                }
                WaitKind::Timer | WaitKind::Check | WaitKind::Reply if is_idle => {
                    let until = waiting.until?;
                    let place = family.place(&saga.id.to_string(), path);
                    let left = until.0.since(self.clock.now());
                    (left > LONG.millis())
                        .then(|| format!("skip, or wait for {place} until {until}"))
                }
                _ => None,
            }
        });
        waits.collect()
    }

    /// How to look at it from another terminal.
    pub(super) fn whereabouts(&self) -> String {
        let name = &self.play.definition.name;
        let (server, data) = (self.client.server(), self.data.path().display());
        format!("from elsewhere: banyan show {name}/dev-1 --server {server} --data {data}")
    }

    /// Gives switches that were set before the definition was known the paths of their steps.
    ///
    /// # Errors
    /// A switch is of no step.
    pub(super) fn name_steps(&self) -> Result<(), Fail> {
        let switches = &self.backstage.switches;
        let all = switches.all();
        switches.clear(None);
        for switch in all {
            let settled = self.backstage.plans.settle(switch);
            switches.put(settled.map_err(Fail::Usage)?);
        }
        Ok(())
    }

    /// Ends everything; the data go with it.
    pub(super) async fn end(self) {
        // First the stand-ins: a server that stops waits for the answers that are under way.
        drop(self.stand_ins);
        // A server that broke leaves nothing that anybody would miss.
        let _ = self.server.stop().await;
    }
}
