//! Bots on three nodes that are one cluster, one of which is killed: a slice of `cargo xtask campaign booth`.

use tenure_campaigns::booth::{Options, run};

#[test]
fn every_sample_adds_up_although_a_node_is_killed() {
    let options = Options {
        seconds: 5,
        every: 2,
        bots: 40,
        seats: 400,
        seed: None,
        server: Some(env!("CARGO_BIN_EXE_booth").into()),
        buyers: Some(env!("CARGO_BIN_EXE_booth-bots").into()),
    };
    let report = run(&options).expect("the campaign can be carried out");
    assert!(!report.is_bad(), "{report}");
    assert!(report.kills() > 0 && report.restarts() == 3 && report.samples() > 0, "{report}");
}
