//! The runbook, tried as somebody on call would: one demo is broken in every way in which it can
//! be, and the commands of each page's "Try it" run as they are written, on a saga that got stuck
//! of it. What a page shows is printed, each saga ends as the page says, and in the end the demo
//! proves its books.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::guide::{bash, fits, path_with};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");
/// Looks at a condition before it is given up; each takes [`STEP`].
const LOOKS: u32 = 1_500;
const STEP: Duration = Duration::from_millis(200);

/// A page, and what is to be seen of it on the demo.
struct Case {
    code: &'static str,
    what: &'static str,
    definition: &'static str,
    step: &'static str,
    ends: &'static str,
}

const fn case(
    code: &'static str,
    what: &'static str,
    (definition, step): (&'static str, &'static str),
    ends: &'static str,
) -> Case {
    Case {
        code,
        what,
        definition,
        step,
        ends,
    }
}

/// Breaks that hide one another are set one after the other.
const ROUNDS: [&[Case]; 4] = [
    &[
        case(
            "undo_refused",
            "payments-undo",
            ("express_order", "payment"),
            "compensated",
        ),
        case(
            "undo_exhausted",
            "shipping-undo",
            ("place_order", "prepare.shipment"),
            "compensated",
        ),
        case(
            "undo_unclear",
            "payments-lost",
            ("pickup_order", "payment"),
            "compensated",
        ),
        case(
            "late_effect",
            "shipping-reply",
            ("freight_order", "courier"),
            "compensated",
        ),
        case(
            "key_expired",
            "notifications-letters",
            ("letter_order", "letter"),
            "completed",
        ),
        case(
            "expression_failed",
            "gift-card",
            ("gift_order", "tell"),
            "completed",
        ),
        case(
            "child_stuck",
            "goods-return",
            ("picked_order", "goods"),
            "compensated",
        ),
    ],
    &[
        case(
            "undo_not_found",
            "stock-forgets",
            ("place_order", "prepare.stock"),
            "compensated",
        ),
        case(
            "outcome_unknown",
            "shipping-dispatch",
            ("express_order", "dispatch"),
            "completed",
        ),
    ],
    &[case(
        "forward_refused",
        "stock-ship",
        ("express_order", "ship"),
        "completed",
    )],
    &[case(
        "unreachable",
        "notifications-login",
        ("place_order", "tell"),
        "completed",
    )],
];

/// Waits until the condition gives something; panics with `what` when it never does.
fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let never = std::sync::Mutex::new(());
    let bell = std::sync::Condvar::new();
    for _ in 0..LOOKS {
        if let Some(found) = condition() {
            return found;
        }
        let held = never.lock().unwrap();
        drop(bell.wait_timeout(held, STEP).unwrap());
    }
    panic!("never came: {what}");
}

/// A page's sections under `## Try it`: commands, and what they print.
struct Block {
    commands: Vec<String>,
    shows: Vec<String>,
}

/// The blocks of commands that follow the one which starts the demo; each is for a saga of its
/// own. What is shown belongs to the commands before it.
fn blocks(code: &str, what: &str) -> Vec<Block> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runbook");
    let page = std::fs::read_to_string(format!("{folder}/{code}.md")).unwrap();
    let (_, tried) = page
        .split_once("\n## Try it\n")
        .unwrap_or_else(|| panic!("{code}.md says nowhere how to try it"));
    let tried = tried.split("\n## ").next().unwrap();
    let mut found: Vec<Block> = Vec::new();
    let mut lines = tried.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            continue;
        };
        let block = lines.by_ref().take_while(|line| *line != "```");
        let block: Vec<String> = block.map(str::to_owned).collect();
        match (fence, found.last_mut()) {
            ("sh", _) => found.push(Block {
                commands: block,
                shows: Vec::new(),
            }),
            ("console", Some(last)) => last.shows.extend(block),
            _ => panic!("{code}.md: ```{fence}"),
        }
    }
    let first = found.remove(0);
    assert_eq!(first.commands, [format!("banyan demo --break {what}")]);
    assert!(!found.is_empty(), "{code}.md shows nothing to try");
    found
}

/// A demo that is broken, and the people in front of it.
struct Demo {
    child: Child,
    address: String,
    data: tempfile::TempDir,
}

impl Demo {
    fn start(broken: &[Case]) -> Demo {
        let data = tempfile::tempdir().unwrap();
        let bin = data.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(BANYAN, bin.join("banyan")).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let mut command = Command::new(BANYAN);
        command.args(["demo", "--rate", "15", "--listen", &address]);
        for case in broken {
            command.args(["--break", case.what]);
        }
        let said = std::fs::File::create(data.path().join("said")).unwrap();
        let child = command
            .current_dir(data.path())
            .env_remove("BANYAN_TOKEN")
            .env_remove("BANYAN_DATA")
            .env_remove("BANYAN_SERVER")
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        let demo = Demo {
            child,
            address,
            data,
        };
        until("the server is ready", || {
            let listed = demo.run("banyan list -n 1");
            listed.status.success().then_some(())
        });
        demo
    }

    /// A line as a person types it, in the folder in which the demo was started.
    fn run(&self, line: &str) -> Output {
        let bin: PathBuf = self.data.path().join("bin");
        Command::new(bash())
            .args(["-c", line])
            .current_dir(self.data.path())
            .env("PATH", path_with(&bin))
            .env("BANYAN_SERVER", format!("http://{}", self.address))
            .env_remove("BANYAN_TOKEN")
            .env_remove("BANYAN_DATA")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn well(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, line: &str) -> Json {
        serde_json::from_str(&self.well(&format!("{line} --json"))).unwrap()
    }

    /// The sagas that are stuck with this code; none where a busy machine did not answer in time.
    fn stuck(&self, code: &str) -> Vec<Json> {
        let line = format!("banyan list --status stuck --code {code} -n 500");
        let page = self.looked(&line).unwrap_or_default();
        page["items"].as_array().cloned().unwrap_or_default()
    }

    /// What is asked again and again may be late now and then.
    fn looked(&self, line: &str) -> Option<Json> {
        let output = self.run(&format!("{line} --json"));
        let said = output.status.success().then_some(output.stdout)?;
        serde_json::from_slice(&said).ok()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Its children end when their standard input does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A step of a saga by its name, wherever it stands.
fn step<'a>(steps: &'a Json, name: &str) -> Option<&'a Json> {
    let mut open: Vec<&Json> = steps.as_array()?.iter().collect();
    while let Some(step) = open.pop() {
        if step["name"] == name {
            return Some(step);
        }
        open.extend(step["steps"].as_array().into_iter().flatten());
    }
    None
}

/// What a page calls by a word, which differs from saga to saga, and what it is.
type Words = Vec<(String, String)>;

fn words(demo: &Demo, case: &Case, saga: &Json) -> Words {
    let key = saga["key"].as_str().unwrap();
    let prefix = key.rsplit_once('-').unwrap().0;
    let name = format!("{}/{key}", case.definition);
    let seen = demo.json(&format!("banyan show {name}"));
    let known_by = |saga: &Json| {
        let path = saga["stuck"]["step"].as_str().unwrap();
        let last = path.rsplit('.').next().unwrap();
        let known = &step(&saga["steps"], last).unwrap()["idempotency_key"];
        known.as_str().map(str::to_owned)
    };
    let mut words = vec![(format!("{prefix}-N"), key.to_owned())];
    if let Some(courier) = step(&seen["steps"], "courier") {
        let booked = courier["idempotency_key"].as_str().unwrap_or_default();
        words.push(("COURIER_KEY".to_owned(), booked.to_owned()));
    }
    match seen["children"][0]["id"].as_str() {
        Some(id) => {
            let child = demo.json(&format!("banyan show {id}"));
            words.push(("CHILD_KEY".to_owned(), known_by(&child).unwrap()));
            words.push(("CHILD".to_owned(), id.to_owned()));
        }
        None => words.push(("KEY".to_owned(), known_by(&seen).unwrap_or_default())),
    }
    words
}

/// Runs the commands of a block on one stuck saga, and waits until it has ended as it should;
/// what they print.
fn mended(demo: &Demo, case: &Case, block: &Block, saga: &Json, words: &Words) -> String {
    let code = case.code;
    let mut printed = String::new();
    for command in &block.commands {
        let command = meant(words, command);
        let output = demo.run(&command);
        let waits = command.contains(" --wait");
        let expected = if waits && case.ends == "compensated" {
            3
        } else {
            0
        };
        let said = text(&output);
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{code}: {command}\n{said}"
        );
        printed.push_str(&said);
    }
    let id = saga["id"].as_str().unwrap();
    until(&format!("{code}: {id} is {}", case.ends), || {
        let now = demo.looked(&format!("banyan show {id}"))?;
        (now["status"] == case.ends).then_some(())
    });
    printed
}

/// The commands of a block on one stuck saga print what the page shows.
fn tried(demo: &Demo, case: &Case, block: &Block, saga: &Json) {
    let words = words(demo, case, saga);
    let printed = mended(demo, case, block, saga, &words);
    let mut lines = printed.lines();
    for line in &block.shows {
        let shown = meant(&words, line);
        assert!(
            shown == "…" || lines.any(|line| fits(line, &shown)),
            "{}: {shown:?} is not where its page has it\n{printed}",
            case.code
        );
    }
}

/// A line of a page, for one saga.
fn meant(words: &Words, line: &str) -> String {
    let told = |line: String, (word, is): &(String, String)| line.replace(word, is);
    words.iter().fold(line.to_owned(), told)
}

fn is_meant(case: &Case, saga: &Json) -> bool {
    saga["definition"] == case.definition && saga["stuck"]["step"] == case.step
}

/// The shop loses answers by itself, too: where a page says what was done, it must have been.
fn is_certain(demo: &Demo, case: &Case, id: &str) -> bool {
    let last = case.step.rsplit('.').next().unwrap();
    let saga = demo.json(&format!("banyan show {id}"));
    let outcome = &step(&saga["steps"], last).unwrap()["outcome"];
    if case.code == "late_effect" {
        // Where the news came while the undo was under way, the undo may have cancelled it.
        let message = saga["stuck"]["message"].as_str().unwrap();
        return message.contains("after its undo had run");
    }
    let of_done = [
        "undo_refused",
        "undo_exhausted",
        "undo_not_found",
        "child_stuck",
    ];
    !of_done.contains(&case.code) || outcome == "done"
}

/// Tries every block of a page, each on a saga that nothing else is wrong with.
fn page(demo: &Demo, case: &Case) {
    println!("{}", case.code);
    let mut used = BTreeSet::new();
    for block in blocks(case.code, case.what) {
        let saga = until(&format!("a saga with {}", case.code), || {
            let mut stuck = demo.stuck(case.code).into_iter();
            stuck.find(|one| {
                let id = one["id"].as_str().unwrap();
                is_meant(case, one) && !used.contains(id) && is_certain(demo, case, id)
            })
        });
        used.insert(saga["id"].as_str().unwrap().to_owned());
        tried(demo, case, &block, &saga);
    }
}

/// Mends whatever is left: what only a person knows by its page, all else by trying it again.
fn mend_the_rest(demo: &Demo, cases: &[Case]) {
    demo.run("banyan demo mend");
    demo.run("banyan resume notifications --reason 'mended'");
    until("nothing is stuck", || {
        for case in cases {
            let by_hand = blocks(case.code, case.what).swap_remove(0);
            if case.definition.starts_with("place") || case.definition.starts_with("express") {
                continue;
            }
            for saga in demo.stuck(case.code) {
                if is_meant(case, &saga) {
                    let words = words(demo, case, &saga);
                    mended(demo, case, &by_hand, &saga, &words);
                }
            }
        }
        demo.run("banyan retry --where status=stuck --reason 'mended' --yes --rate 500");
        // A haulier who was about to say yes when it was mended has said it.
        let hauls = text(&demo.run("banyan demo ask shipping GET /freights"));
        hauls.contains("\"items\":[]").then_some(())?;
        let open = demo.looked("banyan list --status stuck -n 1")?;
        open["items"].as_array()?.is_empty().then_some(())
    });
}

#[test]
fn every_page_mends_what_the_demo_was_broken_with_and_the_books_hold() {
    let mut demo = Demo::start(ROUNDS[0]);
    for (number, round) in ROUNDS.iter().enumerate() {
        if number > 0 {
            for case in *round {
                demo.well(&format!("banyan demo break {}", case.what));
            }
        }
        for case in *round {
            page(&demo, case);
        }
        mend_the_rest(&demo, round);
    }
    let pid = demo.child.id().to_string();
    demo.well(&format!("kill -INT {pid}"));
    let ended = until("the end of the demo", || demo.child.try_wait().unwrap());
    let said = std::fs::read_to_string(demo.data.path().join("said")).unwrap();
    assert!(ended.success(), "{said}");
    let verified = demo.run("banyan demo verify");
    assert!(verified.status.success(), "{}\n{said}", text(&verified));
}

/// The table of the runbook's index names each break beside its code, and so does the guide.
#[test]
fn every_break_is_told_with_its_code_and_its_page() {
    let index = include_str!("../../../docs/runbook/README.md");
    let guide = include_str!("../../../docs/guide/first-repair.md");
    for case in ROUNDS.concat_cases() {
        let row = format!("| `{}` | [`{}`]", case.what, case.code);
        assert!(index.contains(&row), "the index has no {row}");
        assert!(guide.contains(&format!("`{}`", case.what)), "{}", case.what);
    }
}

/// All cases of all rounds.
trait Cases {
    fn concat_cases(&self) -> Vec<&Case>;
}

impl Cases for [&[Case]; 4] {
    fn concat_cases(&self) -> Vec<&Case> {
        self.iter().flat_map(|round| round.iter()).collect()
    }
}
