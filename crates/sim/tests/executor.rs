//! The executor itself: one seed is one schedule, time is virtual, and whoever hangs is named.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use tenure_sim::{Happening, Simulation, Trace};
use tenure_types::{Clock, Instant, Tasks};

const MS: Duration = Duration::from_millis(1);

/// Tasks that sleep, yield and spawn further ones.
fn run(seed: u64) -> (Trace, Vec<u32>) {
    let sim = Simulation::new(seed);
    let tasks = sim.tasks();
    let clock = sim.clock();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    for n in 0..10_u32 {
        let (tasks_too, clock, order) =
            (Arc::clone(&tasks), Arc::clone(&clock), Arc::clone(&order));
        tasks.spawn(
            "first",
            Box::pin(async move {
                tasks_too.sleep_until(clock.now() + MS * (n % 3)).await;
                let order_too = Arc::clone(&order);
                tasks_too
                    .spawn("second", Box::pin(async move { order_too.lock().unwrap().push(n) }));
                order.lock().unwrap().push(n + 100);
            }),
        );
    }
    sim.run_until(tasks.sleep_until(Instant::ZERO + MS * 5));
    assert_eq!(sim.now(), Instant::ZERO + MS * 5);
    let order = order.lock().unwrap().clone();
    (sim.trace(), order)
}

#[test]
fn one_seed_is_one_schedule() {
    let mut orders = Vec::new();
    for seed in 1..20 {
        let (first, order) = run(seed);
        let (again, same_order) = run(seed);
        assert_eq!(first.difference(&again), None, "seed {seed}");
        assert_eq!((first.hash(), &order), (again.hash(), &same_order), "seed {seed}");
        assert_eq!(order.len(), 20);
        orders.push(order);
    }
    orders.sort();
    orders.dedup();
    assert!(orders.len() > 15, "only {} of 19 seeds differ", orders.len());
}

#[test]
fn a_hanging_future_is_reported_with_who_lives() {
    let sim = Simulation::new(1);
    let tasks = sim.tasks();
    tasks.spawn("fisher", Box::pin(pending()));
    tasks.spawn("fisher", Box::pin(pending()));
    tasks.spawn("baker", Box::pin(pending()));
    let stuck = sim.try_run_until(pending::<()>()).unwrap_err();
    assert_eq!(stuck.live, "baker fisher*2 main");
    assert_eq!(
        stuck.to_string(),
        "nothing is ready, nobody sleeps at 0.000000000s; live tasks: baker fisher*2 main"
    );
}

#[test]
fn a_task_that_never_rests_is_reported() {
    let options = tenure_sim::Options { polls_per_instant_max: 1_000, ..Default::default() };
    let sim = Simulation::with(1, options);
    sim.tasks().spawn(
        "spinner",
        Box::pin(std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        })),
    );
    let stuck = sim.try_run_until(pending::<()>()).unwrap_err();
    assert!(stuck.to_string().starts_with("time stands still"), "{stuck}");
    assert!(stuck.live.contains("spinner"), "{stuck}");
}

#[test]
#[should_panic = "something goes round without end"]
fn tasks_that_go_round_while_time_hardly_moves_are_reported() {
    let options = tenure_sim::Options { polls_per_advance_max: 1_000, ..Default::default() };
    let sim = Simulation::with(1, options);
    let (tasks, clock) = (sim.tasks(), sim.clock());
    let round = Arc::clone(&tasks);
    tasks.spawn(
        "round",
        Box::pin(async move {
            loop {
                round.sleep_until(clock.now() + Duration::from_micros(1)).await;
            }
        }),
    );
    sim.advance(Duration::from_secs(1));
}

#[test]
fn patience_ends_where_timers_go_on_for_ever() {
    let sim = Simulation::new(1);
    let (tasks, clock) = (sim.tasks(), sim.clock());
    let ticking = Arc::clone(&tasks);
    tasks.spawn(
        "ticker",
        Box::pin(async move {
            loop {
                ticking.sleep_until(clock.now() + Duration::from_secs(60)).await;
            }
        }),
    );
    let stuck = sim.try_run_until(pending::<()>()).unwrap_err();
    assert_eq!((stuck.why, stuck.live.as_str()), ("patience has ended", "main ticker"));
    assert_eq!(stuck.at, Instant::ZERO + Duration::from_secs(3_600));
}

#[test]
fn a_forgotten_sleep_does_not_keep_time_moving() {
    let sim = Simulation::new(1);
    let tasks = sim.tasks();
    sim.run_until(async {
        let mut late = tasks.sleep_until(Instant::ZERO + MS * 1_000);
        let soon = tasks.sleep_until(Instant::ZERO + MS);
        std::future::poll_fn(|cx| {
            assert!(late.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(late);
        soon.await;
    });
    assert!(sim.try_run_until(pending::<()>()).is_err());
    assert_eq!(sim.now(), Instant::ZERO + MS);
}

/// Counts when it is dropped, and tries to go on then.
struct LastWords(Arc<AtomicU32>, Arc<tenure_sim::SimTasks>);

impl Drop for LastWords {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        let count = Arc::clone(&self.0);
        self.1.spawn("ghost", Box::pin(async move { count.store(1_000, Ordering::Relaxed) }));
    }
}

#[test]
fn a_killed_group_is_gone_and_starts_nothing_any_more() {
    let sim = Simulation::new(3);
    let dropped = Arc::new(AtomicU32::new(0));
    let node = tenure_sim::NodeSpec::new().start(&sim, &tenure_store::MemoryDisk::new());
    for _ in 0..3 {
        let words = LastWords(Arc::clone(&dropped), Arc::clone(node.tasks()));
        node.spawn("victim", async move {
            let _words = words;
            pending::<()>().await;
        });
    }
    sim.run_until_idle();
    assert!(sim.live() > 3);
    node.crash();
    assert_eq!((sim.live(), dropped.load(Ordering::Relaxed)), (0, 3));
    sim.advance(MS);
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
    assert_eq!(sim.trace().count(|what| matches!(what, Happening::Killed { .. })), 1);
}

#[test]
fn the_coarse_clock_lags_behind() {
    let sim = Simulation::new(1);
    sim.advance(Duration::from_micros(9_500));
    let clock = sim.clock();
    assert_eq!(clock.coarse(), Instant::ZERO + MS * 8);
    assert_eq!(clock.now(), Instant::ZERO + Duration::from_micros(9_500));
    assert_eq!(clock.unix_ms(), 1_700_000_000_009);
}
