//! `banyan dev` as a person sits at it: commands line by line, the saga as it moves, and the
//! files again whenever one of them changes.

use super::Arguments;
use super::family::Family;
use super::file::{Files, understand};
use super::report;
use super::screen::Screen;
use super::session::{Play, Session};
use super::switches::Switches;
use crate::cli::{Context, Exit, Fail};
use banyan_core::Json;
use banyan_sdk::api::WaitKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Between two looks at the saga and the file: soon enough for an eye.
const LOOK: Duration = Duration::from_millis(100);
/// Lines that may wait to be heard.
const LINES: usize = 16;
const HINT: &str =
    "Enter runs it again; refuse, lose, slow or fail a STEP first; `help` tells more";

/// What goes on at the desk.
pub(super) struct Desk {
    pub(super) screen: Screen,
    path: PathBuf,
    files: Files,
    port: u16,
    pub(super) switches: Arc<Switches>,
    /// The input that was given; without one it is made.
    pub(super) input: Option<Json>,
    pub(super) session: Option<Session>,
    pub(super) family: Option<Family>,
    /// Signals sent, for their keys.
    pub(super) signals: u32,
}

/// Whether the desk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It takes the next command.
    Go,
    /// It takes none until the saga has come to rest.
    Wait,
    /// It is done.
    End,
}

pub(super) async fn run(
    context: &Context,
    arguments: &Arguments,
    input: Option<Json>,
    switches: Arc<Switches>,
) -> Result<Exit, Fail> {
    let mut desk = Desk {
        screen: Screen::open(context.style),
        path: arguments.file.clone(),
        files: Files::new(&arguments.file),
        port: arguments.port.unwrap_or(0),
        switches,
        input,
        session: None,
        family: None,
        signals: 0,
    };
    let worked = desk.work().await;
    let is_open = desk.session.is_some();
    desk.screen.still();
    if let Some(session) = desk.session.take() {
        session.end().await;
    }
    worked?;
    Ok(if is_open { Exit::Well } else { Exit::Error })
}

/// Standard input, line by line, read on a thread of its own: a read that hangs must not keep
/// the process from ending.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

impl Desk {
    async fn work(&mut self) -> Result<(), Fail> {
        self.load().await?;
        let mut lines = lines();
        let mut stopped = std::pin::pin!(crate::demo::stopped(false));
        let (mut waits, mut ended) = (false, false);
        loop {
            if (waits || ended) && self.is_at_rest() {
                if ended {
                    return Ok(());
                }
                waits = false;
            }
            tokio::select! {
                line = lines.recv(), if !waits && !ended => match line {
                    None => ended = true,
                    Some(line) => match self.hear(&line).await? {
                        Next::Go => {}
                        Next::Wait => waits = true,
                        Next::End => return Ok(()),
                    },
                },
                () = crate::demo::pause(LOOK) => self.look().await?,
                () = &mut stopped => return Ok(()),
            }
        }
    }

    /// Nothing more will happen by itself: it has ended, is stuck, or waits for signals alone,
    /// and no reply is on its way.
    fn is_at_rest(&self) -> bool {
        let (Some(session), Some(family)) = (&self.session, &self.family) else {
            return true;
        };
        let mut on_people = family.waits().peekable();
        let waits_for_people =
            on_people.peek().is_some() && on_people.all(|(_, one)| one.kind == WaitKind::Signal);
        let is_moving = Exit::of(&family.top.status) == Exit::Running;
        let replies = session.backstage.later.next_due();
        replies.is_none() && (!is_moving || waits_for_people)
    }

    /// Looks whether a file changed and the saga moved.
    async fn look(&mut self) -> Result<(), Fail> {
        if self.files.is_touched() {
            self.load().await?;
        }
        let (Some(session), Some(before)) = (&self.session, &self.family) else {
            return Ok(());
        };
        let now = session.look(before).await?;
        if now.is_like(before) {
            return Ok(());
        }
        self.screen.follow(Some(before), &now);
        let status = &now.top.status;
        let came_to_rest = *status != before.top.status && Exit::of(status) != Exit::Running;
        let offers: Vec<String> = session
            .offers(&now)
            .into_iter()
            .filter(|offer| !session.offers(before).contains(offer))
            .collect();
        self.family = Some(now);
        if came_to_rest {
            self.show_end();
        }
        for offer in offers {
            self.screen.leave();
            self.screen.say(&format!("to go on: {offer}\n"));
            self.screen.prompt();
        }
        Ok(())
    }

    fn show_end(&mut self) {
        let (Some(session), Some(family)) = (&self.session, &self.family) else {
            return;
        };
        let style = self.screen.style();
        let effects = session.effects(family);
        let text = format!(
            "{}{}{}\n",
            family.draw(style),
            report::ledger(&effects, &family.top.status, style),
            style.faint(HINT)
        );
        self.screen.say(&text);
        self.screen.prompt();
    }

    /// Reads the files, when they hold something new, and runs what they say. A faulty one is
    /// told, and what ran before stays.
    async fn load(&mut self) -> Result<(), Fail> {
        let (text, changed) = match self.files.read() {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(()),
            // The first read must work; later an editor may be at it.
            Err(error) if self.session.is_none() && self.family.is_none() => return Err(error),
            Err(_) => return Ok(()),
        };
        let name = self.path.display();
        match understand(&self.path, text, self.input.as_ref()) {
            Ok((play, warnings)) => {
                self.files.count(Some(&play));
                let again = self.session.is_some();
                self.screen.say(&warnings);
                if again {
                    self.screen.say(&format!("{changed} changed: read again\n"));
                }
                self.open(play).await
            }
            Err(words) => {
                self.files.count(None);
                let stays = match &self.session {
                    Some(_) => "what ran before stays",
                    None => "it runs as soon as that is mended",
                };
                let bad = self.screen.style().bad(&format!("{name} cannot run"));
                self.screen.say(&format!("{words}{bad}: {stays}\n"));
                self.screen.prompt();
                Ok(())
            }
        }
    }

    async fn open(&mut self, play: Play) -> Result<(), Fail> {
        if let Some(before) = self.session.take() {
            before.end().await;
        }
        self.family = None;
        let session = Session::open(play, Arc::clone(&self.switches), self.port).await?;
        let style = self.screen.style();
        let definition = &session.play.definition;
        let text = format!(
            "{}@{} against stand-ins; input {}\n{}{}\n",
            style.strong(&definition.name),
            definition.version,
            session.play.shown_input(),
            report::steps(&session.backstage, style),
            style.faint(&session.whereabouts()),
        );
        self.session = Some(session);
        self.screen.say(&text);
        self.start().await
    }

    /// Starts a saga.
    pub(super) async fn start(&mut self) -> Result<(), Fail> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let family = session.start().await?;
        self.screen.still();
        self.screen.follow(None, &family);
        self.family = Some(family);
        Ok(())
    }
}
