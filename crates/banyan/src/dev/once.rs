//! `banyan dev --once`: one saga with its children, to its end, for pipelines.

use super::family::Family;
use super::report;
use super::screen::Screen;
use super::session::Session;
use super::switches::{Switches, Trouble};
use super::{Arguments, file};
use crate::cli::{self, Context, Exit, Fail};
use banyan_core::Json;
use banyan_sdk::api::WaitKind;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at the saga.
const LOOK: Duration = Duration::from_millis(20);
/// Polls without any news after which time is skipped in longer and longer strides.
const PATIENT: u32 = 2;
/// Skips without any news after which no end is in sight: something is tried for ever.
const SKIPS: u32 = 24;

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
    let mut family = session.start().await?;
    screen.follow(None, &family);
    let mut sent = BTreeSet::new();
    // Skips since something happened.
    let mut skips = 0;
    // What the stand-ins had said before the last look; none when that look saw a movement.
    let mut still = None;
    let mut stopped = std::pin::pin!(crate::demo::stopped(false));
    while is_moving(session, &family) {
        tokio::select! {
            () = crate::demo::pause(LOOK) => {}
            () = &mut stopped => return Ok(Exit::Running),
        }
        answer_waits(session, &family, &mut sent).await?;
        let backstage = &session.backstage;
        let said = backstage.said();
        let is_idle = still == Some(said) && backstage.is_idle();
        if is_idle && only_time_is_missing(&family) && skip(session, &family, skips) {
            skips += 1;
        }
        let now = session.look(&family).await?;
        still = now.is_like(&family).then_some(said);
        screen.follow(Some(&family), &now);
        if steps(&now) != steps(&family) {
            skips = 0;
        }
        family = now;
        if skips > SKIPS {
            eprintln!("  no end in sight: it would go on like this for ever");
            break;
        }
    }
    tell(context, session, &family)?;
    Ok(Exit::of(&family.top.status))
}

/// It has not ended, or a reply that may still change it is on its way.
fn is_moving(session: &Session, family: &Family) -> bool {
    let is_running = Exit::of(&family.top.status) == Exit::Running;
    is_running || session.backstage.later.next_due().is_some()
}

/// Nothing is under way but what time brings, which nobody here waits out.
fn only_time_is_missing(family: &Family) -> bool {
    let mut waits = family.waits();
    waits.all(|(_, waiting)| {
        matches!(
            waiting.kind,
            WaitKind::Timer
                | WaitKind::Retry
                | WaitKind::Check
                | WaitKind::Reply
                | WaitKind::Person
        )
    })
}

/// Skips what is waited for; where polls have led to nothing again and again, more and more.
fn skip(session: &Session, family: &Family, skips: u32) -> bool {
    let Some(until) = session.skip(family) else {
        return false;
    };
    let mut waits = family.waits();
    let polls = waits.all(|(_, waiting)| waiting.kind == WaitKind::Check);
    let until = if skips < PATIENT || !polls {
        until
    } else {
        let minutes = 1_u64 << skips.saturating_sub(PATIENT).min(14);
        session.pass(banyan_core::time::Duration::from_secs(60 * minutes))
    };
    eprintln!("  time skipped to {until}");
    true
}

/// How the steps stand: what counts as something having happened.
fn steps(family: &Family) -> Vec<String> {
    let all = family.all();
    all.map(|(place, saga)| format!("{place} {} {:?}", saga.status.as_str(), report::stand(saga)))
        .collect()
}

/// Sends the signals that they wait for, each once: nobody is there who would.
async fn answer_waits(
    session: &Session,
    family: &Family,
    sent: &mut BTreeSet<String>,
) -> Result<(), Fail> {
    for (saga, waiting) in family.waits() {
        let Some(path) = waiting.step.as_ref() else {
            continue;
        };
        let id = saga.id.to_string();
        let key = format!("dev-{path}");
        if waiting.kind != WaitKind::Signal || !sent.insert(format!("{id} {key}")) {
            continue;
        }
        let Some((place, part)) = session.wait_part(saga, path) else {
            continue;
        };
        let on = session.backstage.switches.of(&place);
        let refused = on.iter().any(|switch| switch.trouble == Trouble::Refuse);
        let body = part.signal(refused).map_err(Fail::Usage)?;
        let shown = part.shown(&body);
        eprintln!("  signal {} {shown} sent in somebody's stead", part.signal);
        let client = &session.client;
        client.signal(&id, &part.signal, &body, &key).await?;
    }
    Ok(())
}

fn tell(context: &Context, session: &Session, family: &Family) -> Result<(), Fail> {
    let effects = session.effects(family);
    if context.json() {
        let children = family.children.iter();
        let children: Vec<_> = children.map(|child| &child.saga).collect();
        return cli::print_json(&json!({
            "saga": family.top,
            "children": children,
            "left": report::left(&effects),
        }));
    }
    cli::print(&family.draw(context.style));
    let status = &family.top.status;
    cli::print(&report::ledger(&effects, status, context.style));
    Ok(())
}
