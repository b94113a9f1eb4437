//! The real runtime on real threads: totals are exact, and nobody waits for ever.
#![expect(missing_docs, reason = "what a test's actors do is said by their names")]

mod cast;

use std::collections::BTreeSet;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use cast::threads::{on_four_threads, start};
use tenure::prelude::*;
use tenure_actor::{ActorRef, ActorType};
use tenure_runtime::Runtime;
use tenure_sim::Dice;
use tenure_store::MemoryDisk;
use tenure_store::memory::UnitFault;

const TASKS: u64 = 64;
const CALLS: u64 = 1_000;

/// Adds in a way that loses an addition if another turn runs beside.
fn add_carelessly(value: &mut u64) -> u64 {
    let before = std::hint::black_box(*value);
    for _ in 0..20 {
        std::hint::spin_loop();
    }
    *value = before + 1;
    *value
}

macro_rules! tally {
    ($tally:ident, $persist:ident) => {
        #[tenure::data]
        #[derive(Default)]
        pub struct $tally {
            value: u64,
        }

        #[actor(persist = $persist)]
        impl $tally {
            pub fn add(&mut self) -> u64 {
                add_carelessly(&mut self.value)
            }

            pub async fn add_yielding(&mut self, cx: &mut Context<Self>) -> u64 {
                let before = self.value;
                let _ = cx.key();
                tokio::task::yield_now().await;
                assert_eq!(self.value, before, "another turn ran beside an exclusive one");
                add_carelessly(&mut self.value)
            }

            pub fn get(&self) -> u64 {
                self.value
            }

            pub async fn get_yielding(&self) -> u64 {
                let before = self.value;
                tokio::task::yield_now().await;
                assert_eq!(self.value, before, "a turn changed what a shared one was reading");
                before
            }

            pub fn leave(&mut self, cx: &mut Context<Self>) {
                cx.deactivate();
            }

            /// Adds here, and in the next tally.
            pub async fn add_two(&mut self, cx: &mut Context<Self>, next: u64) -> u64 {
                let sum = add_carelessly(&mut self.value);
                cx.actor::<Volatile>(next).add().await.expect("the next one adds");
                sum
            }
        }
    };
}
tally!(Durable, write_through);
tally!(Volatile, volatile);

fn types() -> [ActorType; 2] {
    [ActorType::of::<Durable>(), ActorType::of::<Volatile>()].map(|it| it.expect("a good name"))
}

fn durable(node: &Arc<Runtime>, key: u64) -> DurableRef {
    ActorRef::<Durable>::new(&node.handle(), key).into()
}

fn volatile(node: &Arc<Runtime>, key: u64) -> VolatileRef {
    ActorRef::<Volatile>::new(&node.handle(), key).into()
}

#[derive(Default)]
struct Totals {
    durable: [AtomicU64; 4],
    volatile: [AtomicU64; 8],
}

async fn work(node: Arc<Runtime>, totals: Arc<Totals>, seed: u64) {
    let mut dice = Dice::new(seed);
    for _ in 0..CALLS {
        let key = dice.below(4) as usize;
        let (saved, kept) = (durable(&node, key as u64), volatile(&node, key as u64));
        let added = match dice.below(12) {
            0..3 => saved.add().await.map(|_| &totals.durable[key]),
            3 => saved.add_yielding().await.map(|_| &totals.durable[key]),
            4..7 => kept.add().await.map(|_| &totals.volatile[key]),
            7 => kept.add_yielding().await.map(|_| &totals.volatile[key]),
            8 => {
                // One after the other, upwards: no two of these wait for each other.
                let next = 4 + dice.below(4);
                totals.volatile[next as usize].fetch_add(1, Ordering::Relaxed);
                kept.add_two(next).await.map(|_| &totals.volatile[key])
            }
            9 => kept.add().send().await.map(|()| &totals.volatile[key]),
            10 => match saved.get_yielding().await.and(kept.get_yielding().await) {
                Ok(_) => continue,
                Err(error) => Err(error),
            },
            _ => match saved.get().await.and(kept.get().await) {
                Ok(_) => continue,
                Err(error) => Err(error),
            },
        };
        added.expect("every call succeeds").fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn totals_are_exact() {
    on_four_threads(|| async {
        let disk = MemoryDisk::new();
        let (node, totals) = (start(&disk, &types()).await, Arc::new(Totals::default()));
        let tasks: Vec<_> = (0..TASKS)
            .map(|seed| tokio::spawn(work(Arc::clone(&node), Arc::clone(&totals), seed)))
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
        for (key, total) in totals.durable.iter().enumerate() {
            let value = durable(&node, key as u64).get().await;
            assert_eq!(value, Ok(total.load(Ordering::Relaxed)), "durable {key}");
        }
        // A send is answered before its turn: a later call of the same caller comes after it.
        for (key, total) in totals.volatile.iter().enumerate() {
            let value = volatile(&node, key as u64).get().await;
            assert_eq!(value, Ok(total.load(Ordering::Relaxed)), "volatile {key}");
        }
        assert_eq!(node.stop(Duration::from_secs(10)).await, Ok(0));
    });
}

/// Polls a call a few times and goes away, unless it is ready by then.
async fn impatient<T>(future: impl Future<Output = T>, polls: u64) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// What callers were told of one durable tally.
#[derive(Default)]
struct Told {
    sums: Mutex<BTreeSet<u64>>,
    most: AtomicU64,
}

async fn upset(node: Arc<Runtime>, told: Arc<[Told; 4]>, seed: u64) {
    let mut dice = Dice::new(seed);
    for _ in 0..CALLS {
        let key = dice.below(4);
        let (tally, told) = (durable(&node, key), &told[key as usize]);
        let least = told.most.load(Ordering::SeqCst);
        let sum = match dice.below(8) {
            0..3 => tally.add().await.ok(),
            3 => tally.add_yielding().await.ok(),
            4 => impatient(tally.add().into_future(), dice.below(4)).await.and_then(Result::ok),
            5 => {
                let polls = dice.below(4);
                impatient(tally.add_yielding().into_future(), polls).await.and_then(Result::ok)
            }
            6 => {
                let _ = tally.leave().await;
                None
            }
            _ => {
                if let Ok(value) = tally.get_yielding().await {
                    assert!(value >= least, "{least} was told before, and now {value}");
                    told.most.fetch_max(value, Ordering::SeqCst);
                }
                None
            }
        };
        if let Some(sum) = sum {
            assert!(sum > least, "{least} was told before, and now {sum}");
            assert!(told.sums.lock().unwrap().insert(sum), "{sum} was told twice: one was lost");
            told.most.fetch_max(sum, Ordering::SeqCst);
        }
    }
}

/// Callers who go away, actors that leave, and a store that fails again and again: whatever was
/// told stays.
#[test]
fn nothing_told_is_lost_under_faults() {
    on_four_threads(|| async {
        let disk = MemoryDisk::new();
        let node = start(&disk, &types()).await;
        let told: Arc<[Told; 4]> = Arc::default();
        let tasks: Vec<_> = (0..TASKS)
            .map(|seed| tokio::spawn(upset(Arc::clone(&node), Arc::clone(&told), seed)))
            .collect();
        let (mut dice, mut next_fault) = (Dice::new(99), 0);
        while tasks.iter().any(|task| !task.is_finished()) {
            // One fault for so many units: between faults there is progress.
            if disk.counts().commits < next_fault {
                tokio::task::yield_now().await;
                continue;
            }
            next_fault = disk.counts().commits + 50 + dice.below(100);
            match dice.below(5) {
                0 => disk.faults().fail("the disk is gone"),
                1 => disk.faults().fail_next_batch(dice.one_in(2)),
                2 => disk.faults().next_unit(UnitFault::UnknownCommitted),
                3 => disk.faults().next_unit(UnitFault::UnknownAbsent),
                _ => disk.faults().next_unit(UnitFault::Late(Duration::from_millis(1))),
            }
        }
        for task in tasks {
            task.await.expect("no task panics");
        }
        disk.faults().clear();
        assert_eq!(node.stop(Duration::from_secs(20)).await, Ok(0));
        let node = start(&disk, &types()).await;
        let mut additions = 0;
        for (key, told) in told.iter().enumerate() {
            let value = durable(&node, key as u64).get().await.expect("it is loaded");
            let most = told.most.load(Ordering::SeqCst);
            assert!(value >= most, "{key}: {value}, and {most} was told");
            additions += told.sums.lock().unwrap().len();
        }
        assert!(additions > 1_000, "only {additions} additions were told");
    });
}
