//! What each command at the desk does.

use super::command::{Command, HELP};
use super::desk::{Desk, Next};
use super::family::Family;
use super::session::Session;
use super::switches::Switch;
use super::{report, sample};
use crate::cli::Fail;
use banyan_core::Json;

impl Desk {
    /// Does what was typed.
    pub(super) async fn hear(&mut self, line: &str) -> Result<Next, Fail> {
        self.screen.leave();
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(why) => {
                self.say(&why);
                return Ok(Next::Go);
            }
        };
        match command {
            Command::Quit => return Ok(Next::End),
            Command::Wait => return Ok(Next::Wait),
            Command::Help => self.say(HELP),
            Command::Run => self.start().await?,
            Command::Switch(switch) => self.switch(switch),
            Command::Ok(step) => self.ok(step.as_deref()),
            Command::Show => self.show(),
            Command::Ledger => self.show_ledger(),
            Command::Input(input) => self.take_input(input),
            Command::Signal(name, body) => self.signal(&name, body).await,
            Command::Skip => self.skip(),
            Command::Cancel => self.cancel().await,
        }
        Ok(Next::Go)
    }

    fn say(&mut self, text: &str) {
        let text = text.trim_end();
        self.screen.say(&format!("{text}\n"));
        self.screen.prompt();
    }

    fn switch(&mut self, switch: Switch) {
        let settled = match &self.session {
            Some(session) => session.backstage.plans.settle(switch),
            None => Err("no definition yet".to_owned()),
        };
        let text = match settled {
            Ok(switch) => {
                let text = format!("{}: {switch}; Enter runs it", switch.step);
                self.switches.put(switch);
                text
            }
            Err(why) => why,
        };
        self.say(&text);
    }

    fn ok(&mut self, step: Option<&str>) {
        let text = match step.map(|step| self.place_of(step)).transpose() {
            Ok(path) => {
                self.switches.clear(path.as_deref());
                let what = path.unwrap_or_else(|| "every step".to_owned());
                format!("{what}: ok; Enter runs it")
            }
            Err(why) => why,
        };
        self.say(&text);
    }

    fn place_of(&self, named: &str) -> Result<String, String> {
        let session = self.session.as_ref().ok_or("no definition yet")?;
        session.backstage.plans.place_of(named)
    }

    fn show(&mut self) {
        let style = self.screen.style();
        let drawn = self.family.as_ref().map(|family| family.draw(style));
        let steps = self.session.as_ref();
        let steps = steps.map(|session| report::steps(&session.backstage, style));
        let text = format!("{}{}", drawn.unwrap_or_default(), steps.unwrap_or_default());
        self.say(&text);
    }

    fn show_ledger(&mut self) {
        let text = match (&self.session, &self.family) {
            (Some(session), Some(family)) => {
                let effects = session.effects(family);
                report::ledger(&effects, &family.top.status, self.screen.style())
            }
            _ => "no saga yet".to_owned(),
        };
        self.say(&text);
    }

    fn take_input(&mut self, input: Option<Json>) {
        let Some(session) = &mut self.session else {
            return self.say("no definition yet");
        };
        let Some(input) = input else {
            let text = session.play.shown_input().to_string();
            return self.say(&text);
        };
        let definition = &session.play.definition;
        let (schema, discreet) = (definition.input.as_ref(), definition.has_secrets());
        let fits = schema.map_or(Ok(()), |schema| sample::verify(schema, &input, discreet));
        match fits {
            Ok(()) => {
                session.play.input = input.clone();
                self.input = Some(input);
                self.say("taken; Enter runs it");
            }
            Err(why) => self.say(&format!("it does not fit the definition:\n{why}")),
        }
    }

    async fn signal(&mut self, name: &str, body: Option<Json>) {
        self.signals += 1;
        let key = format!("dev-{}", self.signals);
        let text = match (&self.session, &self.family) {
            (Some(session), Some(family)) => send(session, family, name, body, &key).await,
            _ => Ok("no saga yet".to_owned()),
        };
        self.say(&text.unwrap_or_else(|why| why));
    }

    fn skip(&mut self) {
        let text = match (&self.session, &self.family) {
            (Some(session), Some(family)) => match session.skip(family) {
                Some(until) => format!("it is {until} now"),
                None => "it waits for nothing that time brings".to_owned(),
            },
            _ => "no saga yet".to_owned(),
        };
        self.say(&text);
    }

    async fn cancel(&mut self) {
        let (Some(session), Some(family)) = (&self.session, &self.family) else {
            return self.say("no saga yet");
        };
        let id = family.top.id.to_string();
        if let Err(error) = session.client.cancel(&id, "cancelled at the desk").await {
            self.say(&error.to_string());
        }
    }
}

/// Sends a signal to whoever waits for it; else to the saga itself, which may wait for it later.
async fn send(
    session: &Session,
    family: &Family,
    name: &str,
    body: Option<Json>,
    key: &str,
) -> Result<String, String> {
    let mut parts = family.waits().filter_map(|(saga, waiting)| {
        let (_, part) = session.wait_part(saga, waiting.step.as_deref()?)?;
        (part.signal == name).then_some((saga, part))
    });
    let (saga, part) = match parts.next() {
        Some((saga, part)) => (saga, Some(part)),
        None => (&family.top, session.backstage.plans.signal(name)),
    };
    let made = || part.map_or(Ok(Json::Null), |part| part.signal(false));
    let body = body.map_or_else(made, Ok)?;
    let id = saga.id.to_string();
    let sent = session.client.signal(&id, name, &body, key).await;
    let shown = part.map_or_else(|| body.clone(), |part| part.shown(&body));
    sent.map(|_| format!("signal {name} {shown} sent"))
        .map_err(|error| error.to_string())
}
