//! `banyan dev --once`: one saga, to its end, for pipelines.

use super::report;
use super::screen::Screen;
use super::session::Session;
use super::switches::{Switches, Trouble};
use super::{Arguments, file};
use crate::cli::{self, Context, Exit, Fail};
use banyan_core::Json;
use banyan_sdk::api::{Saga, WaitKind};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at the saga.
const LOOK: Duration = Duration::from_millis(50);

pub(super) async fn run(
    context: &Context,
    arguments: &Arguments,
    input: Option<&Json>,
    switches: Arc<Switches>,
) -> Result<Exit, Fail> {
    let path = &arguments.file;
    let text = cli::read_source(path)?;
    let (play, warnings) = match file::understand(path, text, input) {
        Ok(understood) => understood,
        Err(words) => {
            eprint!("{words}");
            return Ok(Exit::Error);
        }
    };
    eprint!("{warnings}");
    let mut session = Session::open(play, switches, arguments.port.unwrap_or(0)).await?;
    let ended = follow(context, &mut session).await;
    session.end().await;
    ended
}

async fn follow(context: &Context, session: &mut Session) -> Result<Exit, Fail> {
    session.name_steps()?;
    let mut screen = Screen::aside(context.style);
    let mut saga = session.start().await?;
    screen.follow(None, &saga);
    let mut sent = BTreeSet::new();
    let mut stopped = std::pin::pin!(crate::demo::stopped(false));
    while Exit::of(&saga.status) == Exit::Running {
        tokio::select! {
            () = crate::demo::pause(LOOK) => {}
            () = &mut stopped => return Ok(Exit::Running),
        }
        answer_waits(session, &saga, &mut sent).await?;
        if only_time_is_missing(&saga)
            && let Some(until) = session.skip(&saga)
        {
            eprintln!("  time skipped to {until}");
        }
        let now = session.look(&saga).await?;
        screen.follow(Some(&saga), &now);
        saga = now;
    }
    tell(context, session, &saga)?;
    Ok(Exit::of(&saga.status))
}

/// Nothing is under way but timers and pauses, which nobody here waits out.
fn only_time_is_missing(saga: &Saga) -> bool {
    let mut waits = saga.waiting_on.iter();
    waits.all(|waiting| matches!(waiting.kind, WaitKind::Timer | WaitKind::Retry))
}

/// Sends the signals that it waits for, each once: nobody is there who would.
async fn answer_waits(
    session: &Session,
    saga: &Saga,
    sent: &mut BTreeSet<String>,
) -> Result<(), Fail> {
    for waiting in &saga.waiting_on {
        let Some(path) = waiting.step.as_ref() else {
            continue;
        };
        if waiting.kind != WaitKind::Signal || sent.contains(path) {
            continue;
        }
        sent.insert(path.clone());
        let Some(part) = session.backstage.plan.wait(path) else {
            continue;
        };
        let on = session.backstage.switches.of(&part.path);
        let refused = on.iter().any(|switch| switch.trouble == Trouble::Refuse);
        let body = part.signal(refused).map_err(Fail::Usage)?;
        eprintln!("  signal {} {body} sent in somebody's stead", part.signal);
        let key = format!("dev-{path}");
        let id = saga.id.to_string();
        session
            .client
            .signal(&id, &part.signal, &body, &key)
            .await?;
    }
    Ok(())
}

fn tell(context: &Context, session: &Session, saga: &Saga) -> Result<(), Fail> {
    let effects = session.effects(saga);
    if context.json() {
        return cli::print_json(&json!({
            "saga": saga,
            "left": report::left(&effects),
        }));
    }
    cli::print(&cli::draw(saga, context.style));
    cli::print(&report::ledger(&effects, &saga.status, context.style));
    Ok(())
}
