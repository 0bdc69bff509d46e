//! `banyan demo`: starts everything, keeps it alive, takes orders, and ends it in order.

use super::Arguments;
use super::child::{Kept, Plan, Restarted};
use super::clients::{Clients, PATIENCE};
use super::clock;
use super::folder::{Folder, SAGAS};
use super::log::{self, Log, Told};
use super::orders::{self, Draft};
use super::shop::Service;
use super::summary::{Books, Screen, Tally};
use crate::cli::{Context, Exit, Fail, print, read_token};
use banyan_sdk::Client;
use banyan_sdk::api::ServiceRequest;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// Orders placed and not at rest; past it the next one waits.
const AT_ONCE: usize = 512;
/// How long starting may take, a recovery included.
const START_TIME: Duration = Duration::from_secs(60);
/// How long sagas may take to come to rest after the last order.
const REST_TIME: Duration = Duration::from_secs(180);
/// Between two looks at the counts.
const LOOK: Duration = Duration::from_millis(250);
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7400);

/// How often the services misbehave: probabilities by service.
const TROUBLES: [(Service, &[(&str, &str)]); 5] = [
    (
        Service::Orders,
        &[("--unavailable", "0.02"), ("--lost", "0.02")],
    ),
    (
        Service::Stock,
        &[
            ("--unavailable", "0.02"),
            ("--lost", "0.03"),
            ("--lost-always", "0.03"),
        ],
    ),
    (
        Service::Payments,
        &[
            ("--lost", "0.03"),
            ("--lost-always", "0.03"),
            ("--declined", "0.06"),
        ],
    ),
    (
        Service::Shipping,
        &[
            ("--slow", "0.08"),
            ("--unavailable", "0.06"),
            ("--lost", "0.02"),
            ("--unavailable-always", "0.04"),
        ],
    ),
    (
        Service::Notifications,
        &[("--unavailable", "0.05"), ("--lost", "0.03")],
    ),
];

/// Everything that runs.
struct Shop {
    server: SocketAddr,
    children: Vec<Kept>,
    news: mpsc::Receiver<Restarted>,
}

pub(super) async fn run(
    context: &Context,
    folder: &Folder,
    arguments: &Arguments,
) -> Result<Exit, Fail> {
    folder.prepare()?;
    let (mut shop, addresses) = open(folder, arguments)?;
    let outcome = work(context, folder, arguments, &mut shop, &addresses).await;
    for child in shop.children.drain(..) {
        child.end().await;
    }
    let verifies = outcome?;
    if verifies {
        return super::verify::run(context, folder).await;
    }
    Ok(Exit::Well)
}

/// Starts the server and the services.
fn open(
    folder: &Folder,
    arguments: &Arguments,
) -> Result<(Shop, Vec<(Service, SocketAddr)>), Fail> {
    let server = match arguments.listen {
        Some(address) => address,
        None => free(Some(USUAL))?,
    };
    let (sender, news) = mpsc::channel(16);
    let mut plans = vec![server_plan(folder, server)];
    let mut addresses = Vec::new();
    for (service, troubles) in TROUBLES {
        let address = free(None)?;
        plans.push(service_plan(
            folder,
            service,
            address,
            arguments.seed,
            troubles,
        ));
        addresses.push((service, address));
    }
    let mut children = Vec::new();
    for plan in plans {
        let name = plan.name;
        let child = Kept::start(plan, sender.clone())
            .map_err(|error| Fail::Here(format!("{name} cannot be started: {error}")))?;
        children.push(child);
    }
    let shop = Shop {
        server,
        children,
        news,
    };
    Ok((shop, addresses))
}

fn server_plan(folder: &Folder, address: SocketAddr) -> Plan {
    Plan {
        name: "server",
        arguments: vec![
            "serve".into(),
            "--data".into(),
            folder.server().into(),
            "--listen".into(),
            address.to_string().into(),
            "--end-with-stdin".into(),
        ],
        output: folder.output("server"),
    }
}

fn service_plan(
    folder: &Folder,
    service: Service,
    address: SocketAddr,
    seed: u64,
    troubles: &[(&str, &str)],
) -> Plan {
    let mut arguments: Vec<OsString> = vec![
        "demo-service".into(),
        service.name().into(),
        "--data".into(),
        folder.services().into(),
        "--listen".into(),
        address.to_string().into(),
        "--seed".into(),
        seed.to_string().into(),
        "--end-with-stdin".into(),
    ];
    for (knob, probability) in troubles {
        arguments.extend([OsString::from(knob), OsString::from(probability)]);
    }
    Plan {
        name: service.name(),
        arguments,
        output: folder.output(service.name()),
    }
}

/// The wanted address if it is free, else any free port. Another process may take it before the
/// child does; the child then ends, and says so in its output.
fn free(wanted: Option<SocketAddr>) -> Result<SocketAddr, Fail> {
    let taken = wanted.and_then(|address| TcpListener::bind(address).ok());
    taken
        .map_or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), Ok)
        .and_then(|listener| listener.local_addr())
        .map_err(|error| Fail::Here(format!("no port is free: {error}")))
}

/// Registers, takes orders, waits for rest. True when the books are to be verified.
async fn work(
    context: &Context,
    folder: &Folder,
    arguments: &Arguments,
    shop: &mut Shop,
    addresses: &[(Service, SocketAddr)],
) -> Result<bool, Fail> {
    let client = ready(context, folder, shop).await?;
    register(&client, addresses).await?;
    let screen = Screen::new(context.style);
    screen.say(&welcome(context, folder, shop));
    let tally = Arc::new(Tally::default());
    let (end, ending) = watch::channel(false);
    let clients = Arc::new(Clients {
        client,
        log: Log::open(&folder.clients_log())
            .map_err(|error| Fail::file(&folder.clients_log(), &error))?,
        tally: Arc::clone(&tally),
        ending,
    });
    let known = log::read(&folder.clients_log()).map_err(Fail::Here)?;
    let (stop, stopping) = watch::channel(false);
    let orders = tokio::spawn(take_orders(
        Arc::clone(&clients),
        known,
        arguments.seed,
        arguments.rate,
        stopping,
    ));
    let mut watching = Watching {
        folder,
        shop,
        tally: &tally,
        screen,
        restarted: 0,
    };
    let time = arguments.duration.map(banyan_core::time::Duration::to_std);
    watching.until_stopped(time).await;
    let _ = stop.send(true);
    let rested = watching.until_rest(orders).await;
    let _ = end.send(true);
    watching.farewell(rested, arguments.duration.is_some());
    Ok(rested && arguments.duration.is_some())
}

/// A client of the server, once it can accept.
async fn ready(context: &Context, folder: &Folder, shop: &Shop) -> Result<Client, Fail> {
    let server = format!("http://{}", shop.server);
    let end = clock::now() + START_TIME;
    loop {
        if let Some(token) = read_token(&folder.server())? {
            let client = Client::new(&server, Some(token))?.with_patience(PATIENCE);
            if client.ready().await.is_ok() {
                return Ok(client);
            }
        }
        if clock::now() > end {
            let output = folder.output("server");
            let _ = context;
            return Err(Fail::Here(format!(
                "the server did not start within {START_TIME:?}: see {}",
                output.display()
            )));
        }
        clock::pause(Duration::from_millis(50)).await;
    }
}

async fn register(client: &Client, addresses: &[(Service, SocketAddr)]) -> Result<(), Fail> {
    for (service, address) in addresses {
        let request = ServiceRequest {
            instances: vec![format!("http://{address}")],
            ..ServiceRequest::default()
        };
        client.put_service(service.name(), &request).await?;
    }
    for (name, version, source) in SAGAS {
        client.register(name, version, source, true).await?;
    }
    Ok(())
}

fn welcome(context: &Context, folder: &Folder, shop: &Shop) -> String {
    let style = context.style;
    let mut text = format!(
        "{}\n  the server at http://{}, its data and the services' in {}\n",
        style.strong("A shop of five services, and Banyan between them."),
        shop.server,
        folder.root().display()
    );
    let pids: Vec<String> = shop
        .children
        .iter()
        .map(|child| format!("{} {}", child.name, child.pid()))
        .collect();
    text.push_str(&format!("  processes: {}\n", pids.join(", ")));
    let prefix = prefix(folder, shop);
    text.push_str(&format!(
        "  look from another terminal: {prefix} list, {prefix} show place_order/order-7-1\n"
    ));
    let server = shop.children.first().map_or(0, Kept::pid);
    text.push_str(&format!(
        "  kill any of them, the server for one: {}\n\n",
        style.strong(&format!("kill -9 {server}"))
    ));
    text
}

/// How to call the command line for this demo.
fn prefix(folder: &Folder, shop: &Shop) -> String {
    let mut text = "banyan".to_owned();
    let found_by_itself = folder.root() == std::path::Path::new(super::DEFAULT_DATA)
        && !std::path::Path::new("banyan-data").exists();
    if !found_by_itself {
        text.push_str(&format!(" --data {}", folder.server().display()));
    }
    if shop.server != USUAL {
        text.push_str(&format!(" --server http://{}", shop.server));
    }
    text
}

/// Places one order after the other at the rate, beginning with those that a former run sent
/// and never heard of, until it is stopped; then waits for all of them.
async fn take_orders(
    clients: Arc<Clients>,
    known: std::collections::BTreeMap<String, log::Order>,
    seed: u64,
    rate: u32,
    mut stopping: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut placed = JoinSet::new();
    let (open, next) = resume(&known, seed);
    for draft in open {
        let clients = Arc::clone(&clients);
        placed.spawn(async move { clients.place(draft, true).await });
    }
    let mut beat = tokio::time::interval(Duration::from_secs(1) / rate);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for number in next.. {
        tokio::select! {
            biased;
            _ = stopping.changed() => break,
            _ = beat.tick() => {}
        }
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let clients = Arc::clone(&clients);
        placed.spawn(async move {
            clients.place(orders::draw(seed, number), false).await;
            drop(place);
        });
        while placed.try_join_next().is_some() {}
    }
    while placed.join_next().await.is_some() {}
}

/// Orders of this seed that were sent and never heard of, and the next free number.
fn resume(known: &std::collections::BTreeMap<String, log::Order>, seed: u64) -> (Vec<Draft>, u64) {
    let number =
        |key: &str| -> Option<u64> { key.strip_prefix(&format!("order-{seed}-"))?.parse().ok() };
    let numbers = known.keys().filter_map(|key| number(key));
    let next = numbers.max().map_or(1, |last| last + 1);
    let open = known
        .iter()
        .filter(|(_, order)| !matches!(order.told, Some(Told::Refused(_))))
        .filter(|(_, order)| order.told.is_none())
        .filter_map(|(key, _)| number(key))
        .map(|number| orders::draw(seed, number))
        .collect();
    (open, next)
}

/// The eye on a running demo.
struct Watching<'a> {
    folder: &'a Folder,
    shop: &'a mut Shop,
    tally: &'a Tally,
    screen: Screen,
    restarted: u64,
}

impl Watching<'_> {
    /// Shows how things stand until the time is over, or somebody stops it.
    async fn until_stopped(&mut self, time: Option<Duration>) {
        let end = time.map(|time| clock::now() + time);
        let stopped = super::stopped(false);
        tokio::pin!(stopped);
        while end.is_none_or(|end| clock::now() < end) {
            tokio::select! {
                () = &mut stopped => return,
                Some(restarted) = self.shop.news.recv() => self.tell(&restarted),
                () = clock::pause(LOOK) => {}
            }
            self.look(false).await;
        }
    }

    /// Waits until every order is at rest; false when that takes too long, or is not wanted.
    async fn until_rest(&mut self, orders: tokio::task::JoinHandle<()>) -> bool {
        self.screen
            .say("no new orders; waiting for every saga to end (Ctrl-C to leave at once)\n");
        let end = clock::now() + REST_TIME;
        let stopped = super::stopped(false);
        tokio::pin!(stopped, orders);
        while clock::now() < end {
            tokio::select! {
                ended = &mut orders => {
                    self.look(true).await;
                    return ended.is_ok();
                }
                () = &mut stopped => break,
                Some(restarted) = self.shop.news.recv() => self.tell(&restarted),
                () = clock::pause(LOOK) => {}
            }
            self.look(false).await;
        }
        orders.abort();
        self.look(true).await;
        false
    }

    async fn look(&mut self, finished: bool) {
        let counts = self.tally.counts();
        let folder = self.folder.clone();
        let books = tokio::task::spawn_blocking(move || Books::read(&folder))
            .await
            .unwrap_or_default();
        if let Some(saga) = self.tally.example() {
            let tree = crate::cli::draw(&saga, crate::cli::Style::of_stdout());
            self.screen
                .say(&format!("\nOne that was undone:\n{tree}\n"));
        }
        self.screen.show(&counts, &books, finished);
    }

    fn tell(&mut self, restarted: &Restarted) {
        self.restarted += 1;
        let Restarted { name, ended, pid } = restarted;
        self.screen
            .say(&format!("{name} ended ({ended}); started again as {pid}\n"));
    }

    fn farewell(&self, rested: bool, verifies: bool) {
        let counts = self.tally.counts();
        if let Some(trouble) = &counts.trouble {
            self.screen.say(&format!("the last trouble: {trouble}\n"));
        }
        if self.restarted > 0 {
            self.screen
                .say(&format!("processes started again: {}\n", self.restarted));
        }
        if !rested {
            let moving = counts.moving();
            self.screen.say(&format!(
                "{moving} sagas are not at rest; they go on when the demo is started again\n"
            ));
        } else if !verifies {
            print("every saga is at rest; prove the books with: banyan demo verify\n");
        }
    }
}
