//! What many runs are asked, and what becomes of one that fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_sim::campaign::{
    RunReport, Settings, Totals, Vacuity, run_guarded, run_twice, shrink_failure,
};
use tenure_sim::faults::{Fault, Kind, Shape};
use tenure_sim::{Options, each_seed};
use tenure_types::Tasks;

const SECOND: Duration = Duration::from_secs(1);

fn shape() -> Shape {
    Shape::new(3, 600 * SECOND)
}

/// A world in which a pause of node 1 together with a crash of anybody breaks a rule.
fn run(seed: u64, settings: &Settings) -> RunReport {
    let sim = settings.simulation(seed, &Options::default());
    let plan = settings.plan(seed, &shape());
    let (tasks, mut dice) = (sim.tasks(), sim.dice());
    let until = sim.now() + Duration::from_millis(dice.below(1_000));
    tasks.spawn("nobody", tasks.sleep_until(until));
    sim.advance(SECOND);
    let is_pause = |it: &Fault| it.kind == Kind::Pause && it.argument("node") == 1;
    let is_broken = plan.faults.iter().any(is_pause)
        && plan.faults.iter().any(|fault| fault.kind == Kind::Crash);
    let violations = if is_broken { vec!["two at a time".to_owned()] } else { Vec::new() };
    RunReport {
        seed,
        simulated: 600 * SECOND,
        trace_hash: sim.trace().hash(),
        events: sim.trace().len(),
        faults: [("pause", 1)].into(),
        rare: [("resume after suspend", 2)].into(),
        calls: 10,
        acknowledged: 9,
        plan,
        violations,
        tail: sim.trace().tail(10),
    }
}

#[test]
fn a_failure_is_shrunk_to_the_faults_that_it_takes() {
    let mut failed = 0;
    each_seed(10, |seed| {
        let report = run_guarded(&run, seed, &Settings::default());
        if report.violations.is_empty() {
            return;
        }
        failed += 1;
        assert!(report.tail.contains("spawn nobody #1"), "{}", report.tail);
        let small = shrink_failure(&run, &report, &Settings::default(), 500);
        let mut kinds: Vec<Kind> = small.faults.iter().map(|fault| fault.kind).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, [Kind::Pause, Kind::Crash]);
        let again = Settings { plan: Some(small), ..Settings::default() };
        assert_eq!(run(seed, &again).violations.len(), 1);
        let without = Settings { without: vec![0], ..again };
        assert_eq!(run(seed, &without).violations.len(), 0);
    });
    assert!(failed > 0, "no seed had both");
}

#[test]
fn a_panic_is_a_violation() {
    let panics = |_: u64, _: &Settings| -> RunReport { panic!("on purpose {}", 7) };
    let report = run_guarded(&panics, 9, &Settings::default());
    assert_eq!((report.seed, &report.violations[..]), (9, &["panic: on purpose 7".to_owned()][..]));
}

#[test]
fn what_is_not_the_same_twice_is_told() {
    assert_eq!(run_twice(&run, 3, &Settings::default()).1, None);
    let calls = AtomicU64::new(0);
    let wavering = |seed: u64, settings: &Settings| {
        run(seed + calls.fetch_add(1, Ordering::Relaxed), settings)
    };
    let difference = run_twice(&wavering, 3, &Settings::default()).1;
    assert!(difference.is_some_and(|text| text.starts_with("seed 0x3 ran twice: ")));
}

#[test]
fn excepted_faults_are_only_in_runs_that_ask_for_them() {
    for vacuity in Vacuity::ALL {
        assert_eq!(Vacuity::named(vacuity.name()), Some(*vacuity));
        let settings = Settings { vacuity: Some(*vacuity), ..Settings::default() };
        let excepted = |settings: &Settings| {
            let plans = (0..10).map(|seed| settings.plan(seed, &shape()));
            let faults = plans.flat_map(|plan| plan.faults);
            let mut kinds: Vec<Kind> =
                faults.map(|fault| fault.kind).filter(|kind| !kind.is_promised()).collect();
            kinds.dedup();
            kinds.first().copied()
        };
        assert_eq!(excepted(&settings), vacuity.kind(), "{vacuity:?}");
        assert_eq!(excepted(&Settings::default()), None);
    }
}

#[test]
fn totals_add_up() {
    let mut totals = Totals::default();
    for seed in 0..6 {
        totals.add(&run(seed, &Settings::default()));
    }
    assert_eq!((totals.seeds, totals.hours(), totals.acknowledged), (6, 1.0, 54));
    let line = totals.line(60 * SECOND);
    assert!(
        line.starts_with("6 seeds, 1.00 h simulated, 60 x real time, 6 faults, 54 of 60"),
        "{line}"
    );
    assert_eq!(totals.failed, totals.violations);
    let page = totals.to_string();
    assert!(page.contains("resume after suspend") && page.contains("          12\n"), "{page}");
}
