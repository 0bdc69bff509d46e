//! What can be typed while `banyan dev` runs: one command per line.

use super::switches::{Switch, Trouble};
use banyan_core::Json;

/// What `help` prints.
pub(super) const HELP: &str = "\
  refuse STEP               its service says no, and nothing happens
  lose STEP                 it happens, and the answer is lost
  slow STEP 3s              it happens, and the answer takes so long
  fail STEP                 its service answers 503, and nothing happens
  late STEP                 with `reply: later`: the reply comes when it was given up already
  pend STEP                 with `pending_when`: it is not decided, however often it is asked about
      … STEP undo           the same for its undo; so for check and confirm
      … CHILD/STEP          the same for a step of a saga that it runs
      … STEP once           for the next call only; x3 for the next three
  ok [STEP]                 switches it off; without a step, everything
  run, or Enter alone       starts a saga
  signal NAME [JSON]        sends a signal; without JSON, one made from the definition
  skip                      lets the time pass for which the saga waits
  cancel                    turns the saga back
  input JSON                what the next sagas start with; `input` alone shows it
  show                      the saga and its children, and the steps with their switches
  ledger                    what the services hold of them
  wait                      takes no further command until the saga rests or wants a signal
  quit                      ends; nothing stays behind
";

/// A line, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    /// A switch goes on.
    Switch(Switch),
    /// Switches go off: one step's, or all.
    Ok(Option<String>),
    /// A signal is sent.
    Signal(String, Option<Json>),
    /// A saga is started.
    Run,
    /// The time for which the saga waits has passed.
    Skip,
    /// The saga is turned back.
    Cancel,
    /// The saga is shown, with the steps and their switches.
    Show,
    /// What the services hold.
    Ledger,
    /// The input of the next sagas; none shows it.
    Input(Option<Json>),
    /// No command is taken until the saga has come to rest or wants a signal.
    Wait,
    /// What can be typed.
    Help,
    /// The end.
    Quit,
}

impl Command {
    /// Reads a line.
    ///
    /// # Errors
    /// What cannot be meant, and what can.
    pub(super) fn parse(line: &str) -> Result<Command, String> {
        let line = line.trim();
        let (verb, rest) = line
            .split_once(char::is_whitespace)
            .map_or((line, ""), |(verb, rest)| (verb, rest.trim()));
        if let Some(trouble) = Trouble::from_verb(verb) {
            return Ok(Command::Switch(Switch::parse(trouble, rest)?));
        }
        Ok(match verb {
            "ok" => Command::Ok(Some(rest.to_owned()).filter(|step| !step.is_empty())),
            "signal" => signal(rest)?,
            "" | "run" => Command::Run,
            "skip" => Command::Skip,
            "cancel" => Command::Cancel,
            "show" | "steps" => Command::Show,
            "ledger" => Command::Ledger,
            "input" if rest.is_empty() => Command::Input(None),
            "input" => Command::Input(Some(json(rest, "the input")?)),
            "wait" => Command::Wait,
            "help" | "?" => Command::Help,
            "quit" | "exit" | "q" => Command::Quit,
            other => return Err(format!("`{other}` is no command; `help` lists them")),
        })
    }
}

fn signal(words: &str) -> Result<Command, String> {
    let (name, body) = words
        .split_once(char::is_whitespace)
        .map_or((words, ""), |(name, body)| (name, body.trim()));
    if name.is_empty() {
        return Err("name the signal, as in `signal approved {\"approved\": true}`".to_owned());
    }
    let body = if body.is_empty() {
        None
    } else {
        Some(json(body, "the signal's body")?)
    };
    Ok(Command::Signal(name.to_owned(), body))
}

fn json(text: &str, what: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|error| format!("{what} is no JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::leg::Leg;
    use super::{Command, Trouble};
    use banyan_core::time::Duration;

    fn switch(line: &str) -> (String, Leg, Trouble, Option<u32>) {
        match Command::parse(line).unwrap() {
            Command::Switch(switch) => (switch.step, switch.leg, switch.trouble, switch.left),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn switches_take_a_leg_a_time_and_a_number() {
        let payment = || "payment".to_owned();
        for (line, expected) in [
            (
                "refuse payment",
                (payment(), Leg::Do, Trouble::Refuse, None),
            ),
            (
                "lose payment undo once",
                (payment(), Leg::Undo, Trouble::Lose, Some(1)),
            ),
            (
                "fail payment x3",
                (payment(), Leg::Do, Trouble::Fail, Some(3)),
            ),
            (
                "fail payment:check",
                (payment(), Leg::Check, Trouble::Fail, None),
            ),
            (
                "late charge/payment",
                ("charge/payment".to_owned(), Leg::Do, Trouble::Late, None),
            ),
            (
                "pend payment confirm x2",
                (payment(), Leg::Confirm, Trouble::Pend, Some(2)),
            ),
            (
                "slow payment=250ms",
                (
                    payment(),
                    Leg::Do,
                    Trouble::Slow(Duration::from_millis(250)),
                    None,
                ),
            ),
        ] {
            assert_eq!(switch(line), expected, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        for (line, told) in [
            ("refuse", "name a step"),
            ("refuse payment maybe", "`maybe` is none of"),
            ("signal", "name the signal"),
            ("signal approved {", "no JSON"),
            ("input {a: 1}", "no JSON"),
            ("dance", "`help` lists them"),
        ] {
            let error = Command::parse(line).unwrap_err();
            assert!(error.contains(told), "{line}: {error}");
        }
        assert_eq!(Command::parse("  ").unwrap(), Command::Run);
    }
}
