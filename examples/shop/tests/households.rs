//! Pairs of devices that edit carts of the real program while it is killed, and the proof that a shop
//! without one of its mechanisms is noticed: a slice of `cargo xtask campaign shop`.

use tenure_campaigns::shop::{Options, Report, run};
use tenure_campaigns::stage::{Break, Stage};

fn campaign(broken: Option<Break>, pairs: u32, kills: u32, patience: u64) -> Report {
    let server = match broken {
        None | Some(Break::NoKeys) => env!("CARGO_BIN_EXE_shop"),
        Some(_) => env!("CARGO_BIN_EXE_shop-careless"),
    };
    let stage = Stage { seed: None, broken, server: Some(server.into()) };
    let options = Options { pairs, edits: 40, kills, connections: 16, cuts: 10, patience, stage };
    run(&options).expect("the campaign can be carried out")
}

#[test]
fn carts_orders_stock_and_money_add_up_in_spite_of_a_kill() {
    let report = campaign(None, 10, 1, 60);
    assert!(!report.is_bad(), "{report}");
    let (paid, refused) = report.orders();
    assert!(paid > 0 && refused > 0 && report.again() > 0, "{report}");
}

#[test]
fn edits_without_keys_are_noticed() {
    let report = campaign(Some(Break::NoKeys), 10, 1, 60);
    assert!(report.is_bad(), "{report}");
}

#[test]
fn refused_orders_that_give_nothing_back_are_noticed() {
    let report = campaign(Some(Break::NoCompensation), 10, 0, 60);
    assert!(report.is_bad(), "{report}");
}

#[test]
fn orders_that_end_with_their_process_are_noticed() {
    let report = campaign(Some(Break::NoReminders), 20, 10, 2);
    assert!(report.is_bad(), "{report}");
}
