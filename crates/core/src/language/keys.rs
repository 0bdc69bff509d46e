//! The one table of the language's keys. The reader, the JSON Schema, "did you mean" and
//! `not_supported_yet` all work from it, so none of them can know a key that another does not.

/// What a map in a saga file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Within {
    /// The file itself.
    Document,
    /// A step.
    Step,
    /// A check in long form.
    Check,
    /// An undo in long form.
    Undo,
    /// A confirm in long form.
    Confirm,
    /// The call at a saga's end in long form.
    OnEnd,
    /// A `retry`.
    Retry,
    /// A `wait` in long form.
    Wait,
}

impl Within {
    /// All of them.
    pub(crate) const ALL: [Within; 8] = [
        Within::Document,
        Within::Step,
        Within::Check,
        Within::Undo,
        Within::Confirm,
        Within::OnEnd,
        Within::Retry,
        Within::Wait,
    ];

    /// What it is called in a message.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Within::Document => "the file",
            Within::Step => "a step",
            Within::Check => "a check",
            Within::Undo => "an undo",
            Within::Confirm => "a confirm",
            Within::OnEnd => "an `on_end`",
            Within::Retry => "a retry",
            Within::Wait => "a wait",
        }
    }
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StepKind {
    /// `do`
    Call,
    /// `wait`
    Wait,
    /// `sleep`, `until`
    Sleep,
    /// `set`
    Set,
    /// `refuse`
    Refuse,
    /// `run`
    Run,
    /// `together`, `steps`
    Group,
}

impl StepKind {
    /// All of them.
    pub(crate) const ALL: [StepKind; 7] = [
        StepKind::Call,
        StepKind::Wait,
        StepKind::Sleep,
        StepKind::Set,
        StepKind::Refuse,
        StepKind::Run,
        StepKind::Group,
    ];

    /// What it is called in a message.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            StepKind::Call => "a call (`do`)",
            StepKind::Wait => "a wait",
            StepKind::Sleep => "a sleep",
            StepKind::Set => "a set",
            StepKind::Refuse => "a refuse",
            StepKind::Run => "a child (`run`)",
            StepKind::Group => "a group",
        }
    }
}

/// What may stand behind a key; each has its JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// The number of the language's version.
    LanguageVersion,
    /// A name of the language's alphabet.
    Name,
    /// A whole number from 1.
    Count,
    /// A number from 1.
    Factor,
    /// Text for people.
    Words,
    /// A JSON Schema.
    JsonSchema,
    /// Names and expressions.
    Labels,
    /// A length of time.
    Time,
    /// A length of time, or `never`.
    TimeOrNever,
    /// An expression.
    Expression,
    /// Any value, with expressions in it.
    Template,
    /// A list of paths.
    Secrets,
    /// A list of steps.
    Steps,
    /// A saga's name, with a version or without.
    Child,
    /// `METHOD service path`.
    Target,
    /// Names and texts.
    Texts,
    /// Call in short or long form, or `none`.
    UndoForm,
    /// Call in short or long form.
    CheckForm,
    /// Call in short or long form.
    ConfirmForm,
    /// Call in short or long form.
    EndForm,
    /// `forever`, or a map.
    RetryForm,
    /// True or false.
    Truth,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// One key of the language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// As written.
    pub(crate) name: &'static str,
    /// Where it stands.
    pub(crate) within: Within,
    /// What stands behind it; none when this build does not have it yet.
    pub(crate) shape: Option<Shape>,
    /// On which kinds of steps it may stand; empty outside steps.
    pub(crate) on: &'static [StepKind],
    /// It makes the step's kind.
    pub(crate) makes: Option<StepKind>,
    /// For editors, in one sentence.
    pub(crate) about: &'static str,
}

const fn key(within: Within, name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        within,
        shape: Some(shape),
        on: &[],
        makes: None,
        about,
    }
}

const fn kind(name: &'static str, makes: StepKind, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        within: Within::Step,
        shape: Some(shape),
        on: &[],
        makes: Some(makes),
        about,
    }
}

const fn on(
    kinds: &'static [StepKind],
    name: &'static str,
    shape: Shape,
    about: &'static str,
) -> Key {
    Key {
        name,
        within: Within::Step,
        shape: Some(shape),
        on: kinds,
        makes: None,
        about,
    }
}

const fn later(within: Within, name: &'static str) -> Key {
    Key {
        name,
        within,
        shape: None,
        on: &[],
        makes: None,
        about: "",
    }
}

use StepKind::{Call, Group, Refuse, Run, Set, Sleep, Wait};
use Within::{Check, Confirm, Document, OnEnd, Retry, Step, Undo};

const CALL: &[StepKind] = &[Call];
const RESULT: &[StepKind] = &[Call, Wait, Set, Run];
const WAIT: &[StepKind] = &[Wait];
const CALL_OR_WAIT: &[StepKind] = &[Call, Wait];
const RUN: &[StepKind] = &[Run];
const CALL_OR_RUN: &[StepKind] = &[Call, Run];
const ANSWERED: &[StepKind] = &[Call, Wait, Run];
const EACH: &[StepKind] = &[Call, Run, Group];
const LEAF: &[StepKind] = &[Call, Wait, Sleep, Set, Run];

/// Every key of the language.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    key(Document, "banyan", Shape::LanguageVersion, "The version of the saga language."),
    key(Document, "saga", Shape::Name, "The definition's name."),
    key(Document, "version", Shape::Count, "The definition's version, from 1."),
    key(Document, "description", Shape::Words, "What the saga is for."),
    key(Document, "input", Shape::JsonSchema, "JSON Schema 2020-12 of the input, checked before a start is accepted."),
    key(Document, "labels", Shape::Labels, "What people search by: at most 8 names, each with an expression over $input."),
    key(Document, "deadline", Shape::Time, "From acceptance; past it, before the pivot, the saga is undone."),
    key(Document, "keep", Shape::Time, "How long an ended saga of it is kept; unless it is said, as long as the server is set to."),
    key(Document, "steps", Shape::Steps, "The steps, one after another."),
    key(Document, "output", Shape::Template, "The value that a completed saga gives."),
    key(Document, "lock", Shape::Expression, "Over $input: sagas of this definition with the same value run one at a time, in the order of acceptance."),
    key(Document, "secret", Shape::Secrets, "Paths into $input and $output that are masked wherever people look."),
    key(Document, "on_end", Shape::EndForm, "The call that is made whenever the saga was completed, compensated or abandoned."),
    later(Document, "start_on"),

    kind("do", Call, Shape::Target, "Call a service: METHOD service path."),
    kind("wait", Wait, Shape::Name, "Wait in the store for the signal of this name; its body is the result."),
    kind("sleep", Sleep, Shape::Time, "Wait for so long; a restart does not shorten or lengthen it."),
    kind("until", Sleep, Shape::Expression, "Wait until the moment that this expression gives: RFC 3339 text, or milliseconds since 1970, at most 9999-12-30T22:00:00Z."),
    kind("set", Set, Shape::Template, "Compute a value: it is the step's result."),
    kind("refuse", Refuse, Shape::Words, "Turn the saga back with this message, as if a service had said no."),
    kind("run", Run, Shape::Child, "Run a saga of its own: its name, or its name and version (charge@3)."),
    kind("together", Group, Shape::Steps, "Branches side by side; the result is an object of their results."),
    kind("steps", Group, Shape::Steps, "Steps one after another; the result is an object of their results."),

    on(&StepKind::ALL, "when", Shape::Expression, "Where it gives false or null the step is skipped, its result is null."),
    on(EACH, "each", Shape::Expression, "The list: what the step does is done once for each of its items."),
    on(EACH, "as", Shape::Name, "The variable that holds the item."),
    on(EACH, "limit", Shape::Count, "How many items at once, the undo too; 8 unless it is said."),
    on(CALL, "body", Shape::Template, "The JSON body that is sent."),
    on(CALL, "query", Shape::Texts, "Query parameters."),
    on(CALL, "headers", Shape::Texts, "Headers."),
    on(CALL_OR_WAIT, "undo", Shape::UndoForm, "How the step's effect is taken back: a call, or none. On a wait: how a signal is, one that came too late included."),
    on(CALL, "check", Shape::CheckForm, "The call that is asked what became of the do when its outcome is unknown."),
    on(CALL, "confirm", Shape::ConfirmForm, "The call that is made once every step is over; the first one is a point of no return."),
    on(CALL, "timeout", Shape::Time, "Of one attempt; 10s unless it is said."),
    on(CALL, "retry", Shape::RetryForm, "When, and how often, it is tried again."),
    on(CALL, "once", Shape::Truth, "The service cannot tell a repeat: tried again only while nothing was sent."),
    on(CALL_OR_RUN, "on_unknown", Shape::OneOf(&["undo", "stuck"]), "What an unknown outcome leads to: it is undone as one that may have happened, or held for a person."),
    on(ANSWERED, "on_refused", Shape::OneOf(&["continue"]), "A refusal is recorded, the result is null, the saga goes on."),
    on(ANSWERED, "refused_when", Shape::Expression, "This answer means no, whatever its status said; over $result and $http."),
    on(LEAF, "pivot", Shape::Truth, "The point of no return: once it is done nothing is undone, and what follows is tried until done."),
    on(RUN, "input", Shape::Template, "The child's input."),
    on(WAIT, "accepts", Shape::JsonSchema, "JSON Schema of the signal's body."),
    on(CALL, "reply", Shape::OneOf(&["later"]), "The service answers 202, and the outcome comes to the reply address that the call carried; none in time means unknown."),
    on(CALL, "pending_when", Shape::Expression, "This answer decides nothing yet: the check is asked until it does; over $result and $http."),
    on(CALL, "every", Shape::Time, "How long after an answer that decides nothing the check is asked again."),
    on(CALL_OR_WAIT, "for", Shape::Time, "How long to wait for what comes from outside: a signal (none in time means refused), a reply or a decision (none in time means unknown)."),
    on(CALL, "on_turn_back", Shape::OneOf(&["wait", "give_up"]), "When the saga turns back before the reply or the decision: wait for it, or undo at once as unknown."),
    later(Step, "task"),
    later(Step, "emit"),
    later(Step, "data"),
    later(Step, "topic"),
    later(Step, "key"),
    on(RESULT, "secret", Shape::Secrets, "Paths into $result, and of a call $body, that are masked wherever people look."),

    key(Check, "do", Shape::Target, "The call: METHOD service path."),
    key(Check, "body", Shape::Template, "The JSON body that is sent."),
    key(Check, "query", Shape::Texts, "Query parameters."),
    key(Check, "headers", Shape::Texts, "Headers."),
    key(Check, "timeout", Shape::Time, "Of one attempt; 10s unless it is said."),
    key(Check, "retry", Shape::RetryForm, "When, and how often, it is tried again."),
    key(Check, "refused_when", Shape::Expression, "This answer means that the do was refused."),
    key(Check, "pending_when", Shape::Expression, "This answer decides nothing yet: it is asked again, for as long as the step's `for` says."),
    key(Check, "every", Shape::Time, "How long after an answer that decides nothing it is asked again."),
    key(Check, "secret", Shape::Secrets, "Paths into $body and $result that are masked wherever people look."),

    key(Undo, "do", Shape::Target, "The call: METHOD service path."),
    key(Undo, "body", Shape::Template, "The JSON body that is sent."),
    key(Undo, "query", Shape::Texts, "Query parameters."),
    key(Undo, "headers", Shape::Texts, "Headers."),
    key(Undo, "timeout", Shape::Time, "Of one attempt; 10s unless it is said."),
    key(Undo, "retry", Shape::RetryForm, "When, and how often, it is tried again."),
    key(Undo, "refused_when", Shape::Expression, "This answer means that the undo was refused."),
    key(Undo, "reply", Shape::OneOf(&["later"]), "The service answers 202, and the outcome comes to the reply address; none in time counts as an attempt without an answer."),
    key(Undo, "pending_when", Shape::Expression, "This answer decides nothing yet: the undo is sent again, with the same key, until one does."),
    key(Undo, "every", Shape::Time, "How long after an answer that decides nothing it is sent again."),
    key(Undo, "for", Shape::Time, "How long to wait for the reply or the decision."),
    key(Undo, "missing", Shape::OneOf(&["ok"]), "Not found is final, whatever became of the do."),
    key(Undo, "missing_when", Shape::Expression, "Which answers mean not found."),
    key(Undo, "repeatable", Shape::Truth, "Undoing twice has the effect of one, whatever the undo's own key."),
    key(Undo, "look_again", Shape::TimeOrNever, "How long to wait before the second look at an unknown do; never when the service refuses a do that comes after its undo."),
    later(Undo, "emit"),
    later(Undo, "data"),
    later(Undo, "topic"),
    later(Undo, "key"),
    key(Undo, "secret", Shape::Secrets, "Paths into $body and $result that are masked wherever people look."),

    key(Confirm, "do", Shape::Target, "The call: METHOD service path."),
    key(Confirm, "body", Shape::Template, "The JSON body that is sent."),
    key(Confirm, "query", Shape::Texts, "Query parameters."),
    key(Confirm, "headers", Shape::Texts, "Headers."),
    key(Confirm, "timeout", Shape::Time, "Of one attempt; 10s unless it is said."),
    key(Confirm, "retry", Shape::RetryForm, "When to try again: a confirm is retried until it is done."),
    key(Confirm, "refused_when", Shape::Expression, "This answer means that the confirm was refused."),
    key(Confirm, "reply", Shape::OneOf(&["later"]), "The service answers 202, and the outcome comes to the reply address; none in time counts as an attempt without an answer."),
    key(Confirm, "pending_when", Shape::Expression, "This answer decides nothing yet: the confirm is sent again, with the same key, until one does."),
    key(Confirm, "every", Shape::Time, "How long after an answer that decides nothing it is sent again."),
    key(Confirm, "for", Shape::Time, "How long to wait for the reply or the decision."),
    key(Confirm, "secret", Shape::Secrets, "Paths into $body and $result that are masked wherever people look."),

    key(OnEnd, "do", Shape::Target, "The call: METHOD service path."),
    key(OnEnd, "body", Shape::Template, "The JSON body that is sent."),
    key(OnEnd, "query", Shape::Texts, "Query parameters."),
    key(OnEnd, "headers", Shape::Texts, "Headers."),
    key(OnEnd, "timeout", Shape::Time, "Of one attempt; 10s unless it is said."),
    key(OnEnd, "retry", Shape::RetryForm, "When and how often to try again; for ever unless it is said."),
    key(OnEnd, "refused_when", Shape::Expression, "This answer means no: it is noted, and the call is not tried again."),
    key(OnEnd, "secret", Shape::Secrets, "Paths into $body and $result that are masked wherever people look."),

    key(Retry, "attempts", Shape::Count, "Attempts of one round."),
    key(Retry, "first", Shape::Time, "The bound of the first pause."),
    key(Retry, "factor", Shape::Factor, "By how much the bound grows."),
    key(Retry, "max", Shape::Time, "Where the bound ends."),

    later(Within::Wait, "event"),
    later(Within::Wait, "where"),
];

impl Key {
    /// Whether it may stand on a step of this kind.
    pub(crate) fn stands_on(&self, kind: StepKind) -> bool {
        self.makes == Some(kind) || self.on.contains(&kind)
    }
}

/// The keys of one kind of map.
pub(crate) fn of(within: Within) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.within == within)
}

/// The key of this name in this kind of map.
pub(crate) fn find(within: Within, name: &str) -> Option<&'static Key> {
    of(within).find(|key| key.name == name)
}

/// The kinds of maps that have a key of this name.
pub(crate) fn homes(name: &str) -> Vec<Within> {
    Within::ALL
        .into_iter()
        .filter(|within| find(*within, name).is_some())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::{Surroundings, check};

    /// A step or a part of one with its `KEY` left out.
    fn frame(key: &Key) -> String {
        let call = "do: 'GET x /a'";
        let step = match key.within {
            Within::Document | Within::OnEnd => "set: 1".to_owned(),
            Within::Check => "do: 'GET x /a', check: { do: 'GET x /b', KEY }".to_owned(),
            Within::Confirm => "do: 'GET x /a', confirm: { do: 'PUT x /{$key}', KEY }".to_owned(),
            Within::Undo => "do: 'GET x /a', undo: { do: 'DELETE x /{$key}', KEY }".to_owned(),
            Within::Retry => "do: 'GET x /a', retry: { KEY }".to_owned(),
            Within::Wait => "wait: { KEY }".to_owned(),
            Within::Step if key.makes.is_some() => "KEY".to_owned(),
            Within::Step if matches!(key.name, "as" | "limit") => {
                format!("{call}, each: '$input', KEY")
            }
            Within::Step if matches!(key.name, "every" | "on_turn_back") => {
                format!("{call}, check: 'GET x /a', pending_when: '$result', for: 1d, KEY")
            }
            Within::Step if key.stands_on(StepKind::Call) && key.name != "for" => {
                format!("{call}, KEY")
            }
            Within::Step if key.stands_on(StepKind::Run) => "run: other, KEY".to_owned(),
            Within::Step => "wait: told, for: 1d, KEY".to_owned(),
        };
        if key.within == Within::OnEnd {
            return format!(
                "{{ saga: s, version: 1, steps: [ {{ a: {{ {step} }} }} ], on_end: {{ do: 'POST x /told', KEY }} }}"
            );
        }
        let own = if key.within == Within::Document {
            "KEY, "
        } else {
            ""
        };
        format!("{{ {own}saga: s, version: 1, steps: [ {{ a: {{ {step} }} }} ] }}")
    }

    #[test]
    fn the_reader_looks_at_what_stands_behind_every_key() {
        for key in KEYS.iter().filter(|key| key.shape.is_some()) {
            // No key takes a list of such a text, and no value may hold such an expression.
            let file = frame(key).replace(
                "KEY",
                &format!("{}: ['$input | nothing_like_it']", key.name),
            );
            let codes: Vec<&str> = check(&file, &Surroundings::default())
                .diagnostics
                .iter()
                .map(|problem| problem.code)
                .collect();
            let looked = [
                "wrong_type",
                "invalid_value",
                "invalid_duration",
                "out_of_range",
                "expression_invalid",
                "invalid_schema",
                "duplicate_key",
            ];
            assert!(
                codes.iter().any(|code| looked.contains(code)),
                "{}: {codes:?}\n{file}",
                key.name
            );
        }
    }

    #[test]
    fn every_key_that_is_not_built_is_told_at_its_place() {
        for key in KEYS.iter().filter(|key| key.shape.is_none()) {
            let file = frame(key).replace("KEY", &format!("{}: 1", key.name));
            let checked = check(&file, &Surroundings::default());
            let told = checked
                .diagnostics
                .iter()
                .find(|problem| problem.code == "not_supported_yet");
            let told = told.unwrap_or_else(|| panic!("{file}: {:#?}", checked.diagnostics));
            assert_eq!(&file[told.column - 1..][..told.length], key.name);
        }
    }
}
