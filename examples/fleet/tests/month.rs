//! The first flights of the month through the real programs: the totals are those that awk computes
//! from the table, without kills and with two.

use std::path::Path;

use tenure_campaigns::fleet::{Options, run};

/// Lines of the table, the header among them.
const LINES: usize = 3_001;

#[test]
fn the_totals_are_those_of_awk_in_spite_of_kills() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder for the table");
    let file = folder.path().join("flights.csv");
    let month = std::fs::read_to_string(package.join("data/flights-2013-01.csv"));
    let month = month.expect("the table is in the package");
    let slice: String = month.split_inclusive('\n').take(LINES).collect();
    std::fs::write(&file, slice).expect("the slice is written");
    let report = run(&Options {
        kills: 2,
        connections: 64,
        seed: None,
        file,
        check: package.join("check/totals.awk"),
        server: Some(env!("CARGO_BIN_EXE_fleet").into()),
        loader: Some(env!("CARGO_BIN_EXE_fleet-load").into()),
    });
    let report = report.expect("the loads went well and the totals are equal");
    let [calm, hurt] = report.loads();
    assert!(
        calm.contains(" 0 repeated; made again: 0 not executed, 0 of unknown outcome"),
        "{calm}"
    );
    assert!(!hurt.contains("made again: 0 not executed"), "the kills met the load: {hurt}");
}
