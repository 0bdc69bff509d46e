//! A definition drawn as a Mermaid flowchart: the way forward in solid edges, each undo as a
//! dotted edge back to where its step began.
//!
//! Whatever a file says reaches the drawing only through [`words`], which leaves nothing in it
//! that Mermaid could read as its own syntax.

use crate::Json;
use crate::definition::{Call, Definition, Each, Group, Kind, Sleep, Step, Undo};
use crate::expr::Template;
use std::fmt::Write;

/// How much of one text is drawn, in characters.
const MOST: usize = 72;

/// The definition as a Mermaid flowchart.
pub fn mermaid(definition: &Definition) -> String {
    let mut drawing = Drawing::default();
    let title = format!("{}@{}", definition.name, definition.version);
    let start = drawing.node(Shape::Stadium, &[&title], false);
    let place = drawing.steps(&definition.steps, Place::after(start));
    let place = drawing.confirms(definition, place);
    let end = drawing.node(Shape::Stadium, &["completed"], false);
    drawing.enter(&place, &end);
    drawing.on_end(definition, &end);
    drawing.text()
}

/// The outline of a node.
#[derive(Clone, Copy)]
enum Shape {
    Box,
    Pivot,
    Round,
    Stadium,
    Hexagon,
    Diamond,
    Slanted,
    Circle,
}

impl Shape {
    const fn brackets(self) -> (&'static str, &'static str) {
        match self {
            Shape::Box => ("[", "]"),
            Shape::Pivot => ("[[", "]]"),
            Shape::Round => ("(", ")"),
            Shape::Stadium => ("([", "])"),
            Shape::Hexagon => ("{{", "}}"),
            Shape::Diamond => ("{", "}"),
            Shape::Slanted => ("[/", "/]"),
            Shape::Circle => ("((", "))"),
        }
    }
}

/// Where the drawing stands: the open ends that lead on, and where an undo leads back to.
#[derive(Clone)]
struct Place {
    ends: Vec<(String, Option<&'static str>)>,
    back: String,
}

impl Place {
    fn after(node: String) -> Place {
        Place {
            ends: vec![(node.clone(), None)],
            back: node,
        }
    }
}

/// Nodes and subgraphs in order, and the edges, which stand after all of them: an edge inside
/// a subgraph would draw the nodes that it names into it.
#[derive(Default)]
struct Drawing {
    nodes: String,
    edges: String,
    count: usize,
    depth: usize,
    pivots: Vec<String>,
}

impl Drawing {
    fn text(self) -> String {
        let mut text = format!("flowchart TD\n{}{}", self.nodes, self.edges);
        if !self.pivots.is_empty() {
            let pivots = self.pivots.join(",");
            let _ = write!(
                text,
                "  classDef pivot stroke-width:3px\n  class {pivots} pivot\n"
            );
        }
        text
    }

    fn line(&mut self, line: &str) {
        let indent = "  ".repeat(self.depth + 1);
        let _ = writeln!(self.nodes, "{indent}{line}");
    }

    fn next(&mut self) -> String {
        self.count += 1;
        format!("n{}", self.count)
    }

    fn node(&mut self, shape: Shape, lines: &[&str], pivot: bool) -> String {
        let id = self.next();
        let shape = if pivot { Shape::Pivot } else { shape };
        let (open, close) = shape.brackets();
        let label: Vec<String> = lines.iter().map(|line| words(line)).collect();
        self.line(&format!("{id}{open}\"{}\"{close}", label.join("<br/>")));
        if pivot {
            self.pivots.push(id.clone());
        }
        id
    }

    /// The way from the open ends into a node.
    fn enter(&mut self, place: &Place, node: &str) {
        for (from, label) in &place.ends {
            let _ = match label {
                Some(label) => writeln!(self.edges, "  {from} -->|{label}| {node}"),
                None => writeln!(self.edges, "  {from} --> {node}"),
            };
        }
    }

    fn steps(&mut self, steps: &[Step], place: Place) -> Place {
        steps
            .iter()
            .fold(place, |place, step| self.step(step, place))
    }

    fn step(&mut self, step: &Step, place: Place) -> Place {
        let Some(when) = &step.when else {
            return self.body(step, place);
        };
        let asked = format!("{}?", step.name);
        let decision = self.node(Shape::Diamond, &[&asked, when.source()], false);
        self.enter(&place, &decision);
        let inside = Place {
            ends: vec![(decision.clone(), Some("yes"))],
            back: decision.clone(),
        };
        let mut after = self.body(step, inside);
        after.ends.push((decision.clone(), Some("no")));
        after.back = decision;
        after
    }

    fn body(&mut self, step: &Step, place: Place) -> Place {
        match &step.kind {
            Kind::Call(action) => {
                let call = called(&action.call);
                self.leaf(step, Shape::Box, &call, place)
            }
            Kind::Wait(wait) => {
                let what = format!("wait: {}, for {}", wait.signal, wait.within);
                self.leaf(step, Shape::Hexagon, &what, place)
            }
            Kind::Sleep(Sleep::For(time)) => {
                self.leaf(step, Shape::Round, &format!("sleep: {time}"), place)
            }
            Kind::Sleep(Sleep::Until(moment)) => {
                let what = format!("until: {}", moment.source());
                self.leaf(step, Shape::Round, &what, place)
            }
            Kind::Set(value) => {
                let what = format!("set: {}", written(value));
                self.leaf(step, Shape::Round, &what, place)
            }
            Kind::Refuse(message) => {
                let what = format!("refuse: {}", written(message));
                let mut after = self.leaf(step, Shape::Slanted, &what, place);
                after.ends.clear();
                after
            }
            Kind::Run(run) => {
                let what = format!("run: {}", run.name());
                self.leaf(step, Shape::Box, &what, place)
            }
            Kind::Group(group) => self.group(step, group, place),
            Kind::Each(each) => self.each(step, each, place),
        }
    }

    /// The call at the end, which follows every end and not only this one.
    fn on_end(&mut self, definition: &Definition, end: &str) {
        for call in definition.on_end.iter().flat_map(|end| end.calls()) {
            let told = self.node(Shape::Box, &["on_end", &called(call)], false);
            let _ = writeln!(self.edges, "  {end} -. \"whatever the end\" .-> {told}");
        }
    }

    fn leaf(&mut self, step: &Step, shape: Shape, what: &str, place: Place) -> Place {
        let name = if step.pivot {
            format!("◆ {} (pivot)", step.name)
        } else {
            step.name.clone()
        };
        let node = self.node(shape, &[&name, what], step.pivot);
        self.enter(&place, &node);
        match &step.undo {
            Undo::Call(undo) => {
                let label = words(&format!("undo: {}", called(&undo.call)));
                let _ = writeln!(self.edges, "  {node} -. \"{label}\" .-> {}", place.back);
            }
            Undo::Child => {
                let _ = writeln!(
                    self.edges,
                    "  {node} -. \"undo the child\" .-> {}",
                    place.back
                );
            }
            Undo::Absent | Undo::None => {}
        }
        Place::after(node)
    }

    /// The confirms, one after another once every step is over. Those of steps side by side
    /// go side by side, which a chain of them leaves out.
    fn confirms(&mut self, definition: &Definition, mut place: Place) -> Place {
        definition.each_step(&mut |step| {
            let Some(confirm) = &step.confirm else { return };
            let title = format!("confirm: {}", step.name);
            let node = self.node(Shape::Box, &[&title, &called(confirm)], false);
            self.enter(&place, &node);
            place = Place::after(node);
        });
        place
    }

    fn each(&mut self, step: &Step, each: &Each, place: Place) -> Place {
        let items = each.items.source();
        let title = format!("{}: each of {items}, {} at once", step.name, each.limit);
        self.within(&title, |drawing| match &each.body.kind {
            Kind::Group(group) => drawing.steps(&group.steps, place),
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Each(_)
            | Kind::Run(_) => drawing.step(&each.body, place),
        })
    }

    fn group(&mut self, step: &Step, group: &Group, place: Place) -> Place {
        let way = if group.parallel {
            "side by side"
        } else {
            "one after another"
        };
        let title = format!("{}: {way}", step.name);
        self.within(&title, |drawing| {
            if group.parallel {
                drawing.branches(&group.steps, place)
            } else {
                drawing.steps(&group.steps, place)
            }
        })
    }

    /// What is drawn inside a frame.
    fn within(&mut self, title: &str, draw: impl FnOnce(&mut Drawing) -> Place) -> Place {
        let id = self.next();
        self.line(&format!("subgraph {id}[\"{}\"]", words(title)));
        self.depth += 1;
        let after = draw(self);
        self.depth -= 1;
        self.line("end");
        after
    }

    fn branches(&mut self, steps: &[Step], place: Place) -> Place {
        let fork = self.node(Shape::Circle, &["+"], false);
        self.enter(&place, &fork);
        let ends: Vec<Place> = steps
            .iter()
            .map(|step| self.step(step, Place::after(fork.clone())))
            .collect();
        let join = self.node(Shape::Circle, &["+"], false);
        for end in &ends {
            self.enter(end, &join);
        }
        Place::after(join)
    }
}

fn called(call: &Call) -> String {
    format!(
        "{} {} {}",
        call.method.as_str(),
        call.service,
        call.path.source()
    )
}

fn written(template: &Template) -> String {
    match Json::from(template.clone()) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

/// A text as a label: cut to a bearable length, and every character that Mermaid, Markdown or
/// HTML could take for something else as its number.
fn words(text: &str) -> String {
    let mut label = String::new();
    for (position, character) in text.chars().enumerate() {
        if position >= MOST {
            label.push('…');
            break;
        }
        match character {
            _ if character.is_alphanumeric() => label.push(character),
            ' ' | '.' | ',' | ':' | '/' | '-' | '_' | '?' | '+' | '$' | '@' | '(' | ')' | '◆'
            | '=' | '\'' => label.push(character),
            _ if character.is_whitespace() || character.is_control() => label.push(' '),
            _ => {
                let _ = write!(label, "#{};", u32::from(character));
            }
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn nothing_in_a_label_is_syntax() {
        assert_eq!(words("a\"] --> b"), "a#34;#93; --#62; b");
        assert_eq!(
            words("%%{init}%%\n`x`*"),
            "#37;#37;#123;init#125;#37;#37; #96;x#96;#42;"
        );
        assert_eq!(words("<b>&amp;#"), "#60;b#62;#38;amp#59;#35;");
        assert_eq!(words(&"x".repeat(80)).chars().count(), 73);
    }
}
