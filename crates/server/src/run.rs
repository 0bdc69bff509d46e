//! The composition root: reads from top to bottom what a server is made of, and how it ends.

use crate::app::App;
use crate::body::Intake;
use crate::config::Config;
use crate::guard::Guard;
use crate::listener;
use crate::routes::Routes;
use crate::token::{Token, TokenError};
use banyan_engine::{Clock, Engine, OpenEngineError, ReplyTokens, ServiceError, SystemClock};
use banyan_outbound::{Caller, Registry, ReplyAddress};
use banyan_store::{OpenError, Reader, Writer};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Why a server did not start, or not end well.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address is reachable from elsewhere.
    #[error("{address} is no loopback address: this build has no TLS, use 127.0.0.1 or [::1]")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store did not open.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The token's file cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The engine did not open.
    #[error("the engine cannot start")]
    Engine(#[from] OpenEngineError),
    /// A service of the configuration file cannot be used.
    #[error("[services.{name}] of the configuration cannot be used")]
    Service {
        /// The service.
        name: String,
        /// Why.
        source: ServiceError,
    },
    /// Notices cannot be sent.
    #[error(transparent)]
    Notify(#[from] crate::notify::NotifyError),
    /// Signals of the system cannot be heard.
    #[error("signals of the system cannot be heard")]
    Signals(#[source] std::io::Error),
    /// The server's task broke.
    #[error("the server broke off")]
    Broke(#[from] tokio::task::JoinError),
}

/// Open files that the server asks the system for: connections on both sides, with room.
const DESCRIPTORS: u64 = 16_384;

/// A server that runs. Dropping it leaves it running; [`Handle::stop`] ends it.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Handle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing new from now on, and comes to its end by itself.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Accepts nothing new, lets what runs come to its end, and ends.
    ///
    /// # Errors
    /// When its task broke.
    pub async fn stop(self) -> Result<(), RunError> {
        self.begin_stop();
        Ok(self.task.await?)
    }
}

/// Runs a server until SIGTERM or SIGINT. `on_ready` is told where it listens.
///
/// # Errors
/// See [`RunError`].
pub async fn run(config: Config, on_ready: impl FnOnce(SocketAddr)) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let handle = start(config).await?;
    on_ready(handle.address());
    let why = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(why, "asked to stop");
    handle.stop().await
}

/// Starts a server on the data folder of its configuration.
///
/// # Errors
/// See [`RunError`].
pub async fn start(config: Config) -> Result<Handle, RunError> {
    start_by(config, Arc::new(SystemClock)).await
}

/// The same, by another clock.
///
/// # Errors
/// See [`RunError`].
pub async fn start_by(config: Config, clock: Arc<dyn Clock>) -> Result<Handle, RunError> {
    raise_descriptor_limit();
    // Bound first: an address that is taken is told before any saga goes on.
    let listener = bind(config.listen).await?;
    let (writer, reader) = banyan_store::sqlite::open(&config.data, Default::default())?;
    let token = Token::of(&config.data)?;
    serve(config, listener, token, (Box::new(writer), reader), clock).await
}

/// Starts a server over a store that is open already.
pub(crate) async fn serve(
    config: Config,
    listener: TcpListener,
    token: Token,
    (writer, reader): (Box<dyn Writer>, Arc<dyn Reader>),
    clock: Arc<dyn Clock>,
) -> Result<Handle, RunError> {
    let address = listener.local_addr().map_err(|source| RunError::Listen {
        address: config.listen,
        source,
    })?;
    let registry = Arc::new(Registry::new());
    let base = match &config.public_url {
        Some(url) => url.clone(),
        None => format!("http://{address}"),
    };
    let caller = Caller::new(registry.clone()).with_replies(reply_address(&*reader, base.clone()));
    let engine = Engine::open(
        writer,
        reader,
        registry.clone(),
        Arc::new(caller),
        clock,
        engine_config(&config),
    )
    .map_err(not_opened)?;
    let stop = CancellationToken::new();
    let notices = match &config.notify {
        None => Arc::default(),
        Some(notify) => {
            let (folder, low) = (config.data.clone(), config.disk_low);
            crate::notify::start(notify, &engine, folder, low, &stop)?
        }
    };
    let app = App {
        notices,
        disk: Arc::new((config.data.clone(), config.disk_low)),
        engine: engine.clone(),
        registry,
        intake: Intake::new(&config.limits),
        file_services: Arc::new(config.services.into_keys().collect()),
        stop: stop.clone(),
    };
    let routes = Routes::new();
    let guard = Guard::new(address, &base, token, routes.parameters());
    let router = routes.finish(app, guard);
    let limits = config.limits;
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        listener::serve(listener, router, limits, stopped).await;
        tracing::info!("stopping");
        engine.shutdown(limits.stop).await;
        tracing::info!("stopped");
    });
    tracing::info!(%address, "listening");
    Ok(Handle {
        address,
        stop,
        task,
    })
}

/// The addresses that calls carry whose outcome comes later.
fn reply_address(reader: &dyn Reader, base: String) -> ReplyAddress {
    let tokens = ReplyTokens::new(&reader.secret());
    Arc::new(move |request| {
        let round = request.reply_round?;
        let token = tokens.token(request.saga, &request.step, request.leg, round);
        Some(format!("{base}/v1/replies/{token}"))
    })
}

/// Listens on an address, when it is a loopback one.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    if !address.ip().is_loopback() {
        return Err(RunError::NotLoopback { address });
    }
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| RunError::Listen { address, source })
}

/// Connections of callers and calls to services need more descriptors than the usual 1,024.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(DESCRIPTORS);
    let raised = Rlimit {
        current: Some(most.min(DESCRIPTORS)),
        ..limit
    };
    if limit.current.is_none() || limit.current >= raised.current {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, current = limit.current, "few descriptors may be open");
    }
}

fn engine_config(config: &Config) -> banyan_engine::Config {
    banyan_engine::Config {
        park_limit: config.defaults.park_limit,
        stalled_after: config.defaults.stalled_after.to_std(),
        look_again: config.defaults.look_again,
        feed: config.limits.changes,
        listeners: config.limits.streams + usize::from(config.notify.is_some()),
        keep: config.defaults.keep,
        key_retention: config.defaults.key_retention,
        keep_audit: config.defaults.keep_audit,
        services: config.services.clone().into_iter().collect(),
        ..banyan_engine::Config::default()
    }
}

/// A service that cannot be used stands in the configuration file.
fn not_opened(error: OpenEngineError) -> RunError {
    match error {
        OpenEngineError::Described { name, source } => RunError::Service { name, source },
        error => RunError::Engine(error),
    }
}
