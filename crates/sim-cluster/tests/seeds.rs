//! A short slice of `cargo xtask sim`: every seed that ever failed, and a few more; and one run twice.

use tenure_sim::campaign::{Settings, run_guarded, run_twice};
use tenure_sim_cluster::run::run;

/// Seeds in hexadecimal, one a line; what stands behind `#` says what they found.
const SEEDS: &str = include_str!("seeds.txt");

#[test]
fn seeds_that_failed_once_and_a_few_more_break_no_rule() {
    let seeds: Vec<u64> = SEEDS
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(|line| u64::from_str_radix(line.trim_start_matches("0x"), 16).expect("a seed"))
        .collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        let report = run_guarded(&run, seed, &Settings::default());
        assert!(report.violations.is_empty(), "seed {seed:#x}: {:#?}", report.violations);
        assert!(report.acknowledged > 100, "seed {seed:#x}: {} calls", report.acknowledged);
    }
}

#[test]
fn a_seed_decides_all_of_a_run() {
    let (report, difference) = run_twice(&run, 11, &Settings::default());
    assert_eq!(difference, None);
    assert!(report.events > 10_000, "{}", report.events);
}
