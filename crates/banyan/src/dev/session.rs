//! What a session of `banyan dev` runs on: a server of its own over a folder that goes away,
//! the stand-ins, and the definition that was read.

use super::ledger::Effect;
use super::plan::Plan;
use super::sample;
use super::service::{Backstage, StandIns};
use super::switches::Switches;
use super::wants::Wants;
use crate::cli::{Fail, read_token};
use banyan_core::time::Duration;
use banyan_core::{Definition, Json};
use banyan_sdk::api::{Moment, Saga, ServiceRequest, StartRequest};
use banyan_sdk::{Client, Wait};
use banyan_server::{Config, Handle, SkippingClock};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tempfile::TempDir;

/// The second look at an unknown do comes as soon as its timeout allows: nobody here answers
/// late by a minute.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a session is opened for.
pub(super) struct Play {
    /// The file's text.
    pub(super) source: String,
    /// What it says.
    pub(super) definition: Definition,
    /// The input of its sagas.
    pub(super) input: Json,
}

impl Play {
    /// With the input given, or with one made from the definition.
    pub(super) fn new(
        source: String,
        definition: Definition,
        given: Option<&Json>,
    ) -> Result<Play, Fail> {
        let schema = definition.input.as_ref();
        let input = match given {
            Some(input) => {
                if let Some(schema) = schema {
                    sample::verify(schema, input).map_err(|why| {
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
            input,
        })
    }
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
        let wants = Wants::of(&play.definition);
        let plan = Plan::of(&play.definition, &wants, &play.input);
        let backstage = Arc::new(Backstage::new(plan, switches));
        let data = TempDir::with_prefix("banyan-dev-")
            .map_err(|error| Fail::Here(format!("no folder for this session: {error}")))?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut config = Config::new(data.path(), listen);
        config.defaults.look_again = Some(LOOK_AGAIN);
        let clock = Arc::new(SkippingClock::default());
        let server = banyan_server::start_by(config, clock.clone())
            .await
            .map_err(|error| Fail::Here(format!("{:#}", anyhow::Error::new(error))))?;
        let token = read_token(data.path())?;
        let client = Client::new(&format!("http://{}", server.address()), token)?;
        let stand_ins = StandIns::open(&play.definition.services(), &backstage)
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
        let Definition { name, version, .. } = &self.play.definition;
        let source = &self.play.source;
        self.client.register(name, *version, source, true).await?;
        Ok(())
    }

    /// Starts a saga of the definition.
    pub(super) async fn start(&mut self) -> Result<Saga, Fail> {
        self.runs += 1;
        let start = StartRequest {
            definition: self.play.definition.name.clone(),
            input: self.play.input.clone(),
            ..StartRequest::default()
        };
        let key = format!("dev-{}", self.runs);
        let started = self.client.start(&start, &key, &Wait::default()).await?;
        Ok(started.saga)
    }

    /// The saga as it is now.
    pub(super) async fn look(&self, saga: &Saga) -> Result<Saga, Fail> {
        Ok(self.client.saga(&saga.id.to_string(), None).await?)
    }

    /// Lets the time pass until the saga has something to do again; says until when,
    /// or that there is nothing to skip.
    pub(super) fn skip(&self, saga: &Saga) -> Option<Moment> {
        let waits = saga.waiting_on.iter();
        let until = waits.filter_map(|waiting| waiting.until).min()?;
        self.clock.skip_to(until.0).then_some(until)
    }

    /// What the stand-ins hold of a saga.
    pub(super) fn effects(&self, saga: &Saga) -> Vec<Effect> {
        self.backstage.effects(&saga.id.to_string())
    }

    /// How to look at it from another terminal.
    pub(super) fn whereabouts(&self) -> String {
        let name = &self.play.definition.name;
        let (server, data) = (self.client.server(), self.data.path().display());
        format!("from elsewhere: banyan show {name}/dev-1 --server {server} --data {data}")
    }

    /// The path of the step that a person names.
    ///
    /// # Errors
    /// There is none; which there are.
    pub(super) fn path_of(&self, named: &str) -> Result<String, String> {
        let plan = &self.backstage.plan;
        plan.path_of(named).map(str::to_owned).ok_or_else(|| {
            let known = plan.paths.join(", ");
            let name = &self.play.definition.name;
            format!(
                "{name} has no step `{named}` that calls or waits: {}",
                known
            )
        })
    }

    /// Gives switches that were set before the definition was known the paths of their steps.
    ///
    /// # Errors
    /// A switch is of no step.
    pub(super) fn name_steps(&self) -> Result<(), Fail> {
        let switches = &self.backstage.switches;
        for mut switch in switches.all() {
            let path = self.path_of(&switch.step).map_err(Fail::Usage)?;
            if path != switch.step {
                switches.clear(Some(&switch.step));
                switch.step = path;
                switches.put(switch);
            }
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
