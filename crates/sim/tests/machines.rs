//! Machines: clocks that drift and stand, processes that are stopped, go on, and end.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_sim::{ClockSpec, Machine, SimTasks, Simulation, Standstill};
use tenure_types::{Clock, Instant, Tasks};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// The true times, in milliseconds, at which a process of `machine` came to itself: it sleeps for a
/// second of its own time again and again.
type Ticks = Arc<Mutex<Vec<u64>>>;

fn tick(machine: &Machine) -> (Arc<SimTasks>, Ticks) {
    let (process, ticks) = (machine.start(), Ticks::default());
    let (own, clock, seen) = (Arc::clone(&process), machine.clock(), Arc::clone(&ticks));
    process.spawn(
        "ticker",
        Box::pin(async move {
            loop {
                own.sleep_until(clock.now() + SECOND).await;
                seen.lock().push(clock.true_now().as_millis());
            }
        }),
    );
    (process, ticks)
}

fn take(ticks: &Ticks) -> Vec<u64> {
    std::mem::take(&mut ticks.lock())
}

#[test]
fn timers_are_due_by_their_own_machines_clock() {
    let sim = Simulation::new(1);
    let fast = sim.machine(ClockSpec { reading: 5 * SECOND, rate_ppb: 100_000_000 });
    let slow = sim.machine(ClockSpec { reading: SECOND, rate_ppb: -100_000_000 });
    let ((_fast, quick), (_slow, late)) = (tick(&fast), tick(&slow));
    sim.advance(10 * SECOND);
    assert_eq!(take(&quick)[..4], [909, 1818, 2727, 3636]);
    assert_eq!(take(&late)[..4], [1111, 2222, 3333, 4444]);
    assert_eq!((fast.clock().now().as_millis(), slow.clock().now().as_millis()), (16_000, 10_000));
    // A timer that is set already follows its clock's new rate.
    sim.advance(MS);
    take(&late);
    slow.set_rate_ppb(0);
    sim.advance(2 * SECOND);
    assert_eq!(slow.rate_ppb(), 0);
    let ticks = take(&late);
    assert_eq!((ticks.len(), ticks[1] - ticks[0]), (2, 1000));
}

#[test]
fn a_stopped_process_does_nothing_and_finds_its_clock_gone_on() {
    let sim = Simulation::new(1);
    let machine = sim.machine(ClockSpec::default());
    let (process, ticks) = tick(&machine);
    sim.advance(1_500 * MS);
    let stand = machine.stand(Standstill::Processes);
    assert!(process.is_paused() && machine.is_running());
    sim.advance(4 * SECOND);
    assert_eq!(take(&ticks), [1_000]);
    drop(stand);
    sim.advance(1_600 * MS);
    // The timer was long over, and it goes on from where it stands.
    assert_eq!(take(&ticks), [5_500, 6_500]);
    assert_eq!(machine.clock().now().as_millis(), 7_100);
}

#[test]
fn a_clock_that_stands_with_its_machine_has_seen_nothing() {
    for (how, expected) in
        [(Standstill::Machine, [5_500, 6_500]), (Standstill::MachineAndClock, [6_000, 7_000])]
    {
        let sim = Simulation::new(1);
        let machine = sim.machine(ClockSpec::default());
        let (_process, ticks) = tick(&machine);
        sim.advance(1_500 * MS);
        let stand = machine.stand(how);
        assert!(!machine.is_running());
        sim.advance(4 * SECOND);
        drop(stand);
        assert!(machine.is_running());
        sim.advance(1_600 * MS);
        assert_eq!(take(&ticks)[1..], expected, "{how:?}");
    }
}

#[test]
fn standstills_overlap_and_the_last_to_end_lets_go() {
    let sim = Simulation::new(1);
    let machine = sim.machine(ClockSpec::default());
    let (_first, ticks) = tick(&machine);
    let whole = machine.stand(Standstill::MachineAndClock);
    let (_second, later) = tick(&machine);
    let process = machine.stand(Standstill::Processes);
    sim.advance(3 * SECOND);
    drop(whole);
    sim.advance(3 * SECOND);
    assert!(take(&ticks).is_empty() && take(&later).is_empty());
    drop(process);
    sim.advance(500 * MS);
    // The first was set off before anything stood; the second begins only now.
    assert_eq!((take(&ticks), take(&later)), (vec![], vec![]));
    sim.advance(3 * SECOND);
    assert_eq!((take(&ticks).len(), take(&later).len()), (3, 3));
}

#[test]
fn a_killed_process_is_gone_and_the_next_one_runs() {
    let sim = Simulation::new(1);
    let machine = sim.machine(ClockSpec::default());
    let (process, ticks) = tick(&machine);
    let stand = machine.stand(Standstill::Processes);
    process.kill();
    let (_next, later) = tick(&machine);
    sim.advance(2 * SECOND);
    drop(stand);
    sim.advance(2 * SECOND);
    assert_eq!((take(&ticks), take(&later)), (vec![], vec![1_000, 2_000, 3_000, 4_000]));
    assert_eq!((sim.live(), process.is_dead()), (1, true));
    assert_eq!(sim.now(), Instant::ZERO + 4 * SECOND);
}

#[test]
fn a_wall_clock_that_jumps_moves_no_timer() {
    let sim = Simulation::new(1);
    let machine = sim.machine(ClockSpec::default());
    let (_process, ticks) = tick(&machine);
    let before = machine.clock().unix_ms();
    machine.jump_wall(-3_600_000);
    sim.advance(2 * SECOND);
    assert_eq!(machine.clock().unix_ms(), before - 3_600_000 + 2_000);
    assert_eq!(take(&ticks), [1_000, 2_000]);
}
