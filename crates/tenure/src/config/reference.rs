//! docs/configuration.md says what there is.

use std::path::Path;

use super::read::Configuration;
use super::settings::SETTINGS;

const PAGE: &str = include_str!("../../../../docs/configuration.md");

/// The tables of the page, one for each section.
fn tables() -> String {
    let (mut text, mut section) = (String::new(), "");
    for setting in SETTINGS {
        let (of, _) = setting.key.split_once('.').expect("a section and a name");
        if of != section {
            text.push_str(&format!("\n## {of}\n\n| setting | default | |\n|---|---|---|\n"));
            section = of;
        }
        let default = match setting.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        text.push_str(&format!("| `{}` | {default} | {} |\n", setting.key, setting.help));
    }
    text
}

#[test]
fn the_page_lists_every_setting_as_it_is() {
    let tables = tables();
    let (_, written) = PAGE.split_at(PAGE.find("\n## ").expect("a section"));
    assert!(
        written == tables,
        "docs/configuration.md is not what the settings are; write\n{tables}"
    );
}

#[test]
fn the_file_of_the_page_is_read() {
    let (_, after) = PAGE.split_once("```toml\n").expect("a file");
    let (file, _) = after.split_once("```").expect("its end");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenure.toml");
    std::fs::write(&path, file).expect("a file");
    let read = Configuration::read(Some(Path::new(&path)), [], &[]).expect("it is read");
    assert_eq!(read.settings().drain_budget.as_secs(), 60);
}
