//! The page of the settings says what the reader of `banyan.toml` takes.

use crate::config::{Config, Flags};
use banyan_core::time::Duration;

fn load(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("banyan.toml");
    std::fs::write(&file, text).unwrap();
    let flags = Flags {
        file: Some(file),
        ..Flags::default()
    };
    Config::load(flags, |_| None).map_err(|error| error.to_string())
}

const PAGE: &str = include_str!("../../../../docs/reference/settings.md");

/// The keys of a section, as the reader itself names them to whoever misspells one.
fn keys(section: &str) -> Vec<String> {
    let error = load(&format!("{section}\nnone_such = 1")).unwrap_err();
    let known = error.split_once("expected").unwrap().1;
    let words = known.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

#[test]
fn every_key_that_is_read_stands_on_the_page_of_the_settings() {
    let misspelled = serde_json::json!({ "instances": ["http://h"], "none_such": 1 });
    let refused = banyan_outbound::Settings::read(&misspelled).unwrap_err();
    let help = refused.problems[0].help.clone().unwrap();
    let services = help.trim_start_matches("known are ").split(", ");
    let mut all: Vec<String> = services.map(str::to_owned).collect();
    let sections = ["defaults", "services", "notify", "disk"];
    all.extend(
        keys("")
            .into_iter()
            .filter(|key| !sections.contains(&key.as_str())),
    );
    for section in ["defaults", "notify", "disk"] {
        let own = keys(&format!("[{section}]")).into_iter();
        all.extend(own.map(|key| format!("{section}.{key}")));
    }
    assert!(all.len() > 15, "{all:?}");
    for key in all {
        let row = format!("| `{key}` |");
        assert!(
            PAGE.contains(&row),
            "docs/reference/settings.md lacks {row}"
        );
    }
}

#[test]
fn the_example_of_the_page_of_the_settings_can_be_used() {
    let example = PAGE.split("```toml").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let config = load(example).unwrap();
    assert_eq!(
        config.defaults.keep.completed,
        Duration::from_secs(7 * 86_400)
    );
    assert!(config.notify.is_some() && config.public_url.is_some());
    for settings in config.services.values() {
        banyan_outbound::Settings::read(settings).unwrap();
    }
}
