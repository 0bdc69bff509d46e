//! `banyan demo`: starts everything, keeps it alive, takes orders, and ends it in order.

use super::Arguments;
use super::child::{Kept, Restarted};
use super::clients::{Clients, PATIENCE};
use super::clock;
use super::folder::{Folder, SAGAS};
use super::log::{self, Log};
use super::plans;
use super::shop::Service;
use super::special;
use super::stream::take_orders;
use super::summary::{Screen, Tally};
use super::watching::{REST_TIME, Watching};
use crate::cli::{Context, Exit, Fail, read_token};
use banyan_sdk::api::ServiceRequest;
use banyan_sdk::{Client, SagaFilter};
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long starting may take, a recovery included.
const START_TIME: Duration = Duration::from_secs(60);
/// How long notifications keeps the keys of its letters: a day elsewhere, but nobody who looks on
/// waits for that. All that it is usually asked is a PUT, which needs no key.
const LETTER_KEYS: banyan_core::time::Duration = banyan_core::time::Duration::from_secs(15);
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7400);

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
    if !arguments.broken.is_empty() {
        folder.set_broken(&arguments.broken)?;
    }
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
        Some(address) if address.port() != 0 => address,
        Some(_) => free(None)?,
        None => free(Some(USUAL))?,
    };
    let (sender, news) = mpsc::channel(16);
    let mut plans = vec![plans::server(folder, server)];
    let mut addresses = Vec::new();
    for (service, troubles) in plans::TROUBLES {
        let address = free(None)?;
        plans.push(plans::service(
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
    let client = ready(folder, shop).await?;
    register(&client, addresses).await?;
    let screen = Screen::new(context.style);
    screen.say(&welcome(context, folder, shop, arguments.seed));
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
    let (seed, rate) = (arguments.seed, arguments.rate);
    let usual = take_orders(
        Arc::clone(&clients),
        known.clone(),
        seed,
        rate,
        stopping.clone(),
    );
    let special = special::take_orders(Arc::clone(&clients), known, seed, folder.clone(), stopping);
    let orders = tokio::spawn(async {
        tokio::join!(usual, special);
    });
    let mut watching = Watching::new(folder, &mut shop.news, &tally, screen);
    let time = arguments.duration.map(banyan_core::time::Duration::to_std);
    watching.until_stopped(time).await;
    let _ = stop.send(true);
    // Sagas of a former run, too, that nobody follows any more.
    let rested = watching.until_rest(orders).await && all_at_rest(&clients.client).await;
    let _ = end.send(true);
    watching.farewell(rested, arguments.duration.is_some());
    Ok(rested && arguments.duration.is_some())
}

/// A client of the server, once it can accept.
async fn ready(folder: &Folder, shop: &Shop) -> Result<Client, Fail> {
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
            return Err(no_server(&folder.output("server")));
        }
        clock::pause(Duration::from_millis(50)).await;
    }
}

/// The server's own last word says most.
fn no_server(output: &std::path::Path) -> Fail {
    let said = std::fs::read_to_string(output).unwrap_or_default();
    let last = said.lines().last().unwrap_or("it said nothing");
    let output = output.display();
    Fail::Here(format!(
        "the server did not start within {START_TIME:?}: {last} (see {output})"
    ))
}

/// Waits until no saga moves any more; false when that takes too long.
async fn all_at_rest(client: &Client) -> bool {
    let moving = SagaFilter::default()
        .with("status", "running")
        .with("status", "compensating");
    let end = clock::now() + REST_TIME;
    while clock::now() < end {
        let page = client.sagas(&moving, 1, None).await;
        if page.is_ok_and(|page| page.items.is_empty()) {
            return true;
        }
        clock::pause(Duration::from_millis(200)).await;
    }
    false
}

async fn register(client: &Client, addresses: &[(Service, SocketAddr)]) -> Result<(), Fail> {
    for (service, address) in addresses {
        let short = *service == Service::Notifications;
        let request = ServiceRequest {
            instances: vec![format!("http://{address}")],
            keys_kept: short.then_some(LETTER_KEYS),
            ..ServiceRequest::default()
        };
        client.put_service(service.name(), &request).await?;
    }
    for (name, version, source) in SAGAS {
        client.register(name, version, source, true).await?;
    }
    Ok(())
}

fn welcome(context: &Context, folder: &Folder, shop: &Shop, seed: u64) -> String {
    let style = context.style;
    let pids: Vec<String> = shop
        .children
        .iter()
        .map(|child| format!("{} {}", child.name, child.pid()))
        .collect();
    let banyan = prefix(folder, shop);
    let kill = format!("kill -9 {}", shop.children.first().map_or(0, Kept::pid));
    let mut text = String::new();
    // Writing into a String cannot fail.
    let broken = folder.broken().unwrap_or_default();
    let _ = write!(
        text,
        "{}
  the server at http://{}, its data, the services' and the saga files in {}
  processes: {}
  look, from another terminal: {banyan} list, {banyan} show place_order/order-{seed}-1
  kill any of them, the server for one: {}\n\n",
        style.strong("A shop of five services, and Banyan between them."),
        shop.server,
        folder.root().display(),
        pids.join(", "),
        style.strong(&kill),
    );
    if !broken.is_empty() {
        text.push_str(&super::breaking::told(&broken, &banyan, folder, style));
    }
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
