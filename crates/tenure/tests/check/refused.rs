//! Against the file.

use crate::world::{FILE, World};

#[test]
fn the_file_is_asked_for_written_and_compared_with() {
    let world = World::new();
    world.expect("first", "check", 2, &["there is no tenure.schemas.json", "check --update"]);
    assert!(!world.path(FILE).exists());
    world.expect("first", "check --update", 0, &["tenure.schemas.json is written"]);
    let written = world.file();
    world.expect("first", "check --update", 0, &["tenure.schemas.json is as it was"]);
    assert_eq!(world.file(), written, "the same program gives the same bytes");
    let text = String::from_utf8(written).expect("text");
    assert!(text.ends_with("}\n") && text.contains("\"qty\""), "{text}");
    let left: Vec<_> = std::fs::read_dir(world.path(".")).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing else was left: {left:?}");
    let ended = world.expect("first", "check", 0, &["store: none in .tenure", "1 type"]);
    assert!(!ended.said.contains("\ncompatible with"), "not all was checked: {}", ended.said);
    assert!(!world.store().exists(), "no store was made");
    world.expect("first", "check --schemas other.json", 2, &["there is no other.json"]);
}

#[test]
fn what_has_no_schema_is_named_and_never_called_compatible() {
    let world = World::new();
    let said = ["not checked", "cart.owner: `check::program::Foreign` has no schema"];
    world.expect("first", "check --update", 0, &said);
    let ended = world.expect("first", "check", 0, &said);
    assert!(ended.said.contains("nothing incompatible with"), "{}", ended.said);
    assert!(ended.said.contains("1 not checked"), "{}", ended.said);
    let ledger = World::new();
    let ended = ledger.expect("ledger", "check --update", 0, &["is written"]);
    assert!(!ended.said.contains("compatible"), "nothing was compared: {}", ended.said);
    ledger.expect("ledger", "check", 0, &["\ncompatible with tenure.schemas.json: 1 type\n"]);
}

#[test]
fn an_incompatible_change_is_refused_with_the_field_named() {
    let world = World::new();
    world.expect("first", "check --update", 0, &[]);
    let before = world.file();
    let refused = [
        "incompatible  cart.lines[].note: is new and has no default: stored records do not have it",
        "add #[serde(default)], or raise the type's schema and add an #[upgrade(from = ..)]",
        "Error: one incompatible change",
    ];
    world.expect("noted", "check", 1, &refused);
    world.expect("noted", "check --update", 1, &["nothing was written"]);
    assert_eq!(world.file(), before);
    world.expect("renamed", "check", 1, &["cart.lines[].count", "#[serde(alias = \"qty\")]"]);
    let ended = world.expect("noted", "check -o json", 1, &[]);
    let json =
        &ended.said[ended.said.find('{').expect("an object")..=ended.said.rfind('}').unwrap()];
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(json["compatible"], false);
    assert_eq!(json["findings"][0]["level"], "incompatible");
    assert_eq!(json["findings"][0]["place"], "cart.lines[].note");
    assert_eq!(json["findings"][1]["level"], "not_checked");
    world.expect("noted", "check --update --force", 0, &["tenure.schemas.json is written"]);
    world.expect("noted", "check", 0, &[]);
}

#[test]
fn defaults_and_upgrades_are_accepted() {
    let world = World::new();
    world.expect("first", "check --update", 0, &[]);
    world.expect("noted_well", "check", 0, &["not the one of the file any more", "check --update"]);
    world.expect("first", "check --strict", 0, &[]);
    let lags = "Error: tenure.schemas.json lags behind the program; write it with `check --update`";
    world.expect("noted_well", "check --strict", 1, &[lags]);
    world.expect("noted_well", "check --strict --update", 2, &["cannot be used with"]);
    world.expect("raised", "check --update", 0, &["tenure.schemas.json is written"]);
    world.expect("raised", "check", 0, &[]);
    let back = ["cart: its schema was 2 and is 1: records of 2 are newer than the program"];
    world.expect("first", "check", 1, &back);
}

#[test]
fn calls_that_break_are_refused_unless_they_are_allowed() {
    let world = World::new();
    world.expect("first", "check --update", 0, &[]);
    world.expect("without_count", "check", 1, &["breaks calls  cart.count: the method is gone"]);
    let allowed = ["warning       cart.count: the method is gone"];
    world.expect("without_count", "check --allow-breaking-calls", 0, &allowed);
    world.expect("without_count", "check --update --allow-breaking-calls", 0, &["is written"]);
    world.expect("without_count", "check", 0, &[]);
    let added = ["cart.put: its schema", "method is gone"];
    let ended = world.expect("first", "check", 0, &[]);
    assert!(added.iter().all(|it| !ended.said.contains(it)), "new methods break nobody");
    world.expect("ledger", "check", 1, &["cart: the program has this type no more"]);
}

#[test]
fn a_file_that_is_damaged_or_newer_is_told() {
    let world = World::new();
    for (text, says) in [
        ("{\"format\": 1, \"types\": {", "tenure.schemas.json is damaged: EOF"),
        ("not at all", "is damaged"),
        ("{\"format\": 7, \"types\": {}}", "has format 7, this program knows format 1"),
        ("{\"types\": {}}", "it does not say its format"),
    ] {
        std::fs::write(world.path(FILE), text).expect("a file");
        for arguments in ["check", "check --update"] {
            world.expect("first", arguments, 2, &[says]);
            assert_eq!(world.file(), text.as_bytes(), "it is left as it was");
        }
    }
    world.expect("first", "check --update --force", 0, &["is written"]);
    world.expect("first", "check", 0, &[]);
    std::fs::remove_file(world.path(FILE)).expect("it is there");
    std::fs::create_dir(world.path(FILE)).expect("a folder in its place");
    world.expect("first", "check", 2, &[FILE]);
    world.expect("first", "check --force", 2, &["--update"]);
    world.expect("first", "check --set calls.deadlin=1s", 2, &["perhaps `calls.deadline`"]);
}
