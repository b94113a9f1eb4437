//! The actors that are called the most.
//!
//! Space-Saving (Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and top-k elements in data
//! streams", 2005) over a sample of the calls. Counts fade: a call counts half as much after [`HALF_LIFE`], by
//! growing weights instead of shrinking counts (Cormode and others, "Forward decay", 2009).
//!
//! A call pays for a number of its thread; one of 64 pays for the list, unless another thread has it just then. It decides
//! nothing, so its lock and its thread local are none of the model checker's.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};
use std::thread_local;
use std::time::Duration;

use tenure_types::{ActorId, Instant};

use crate::activation::Activation;

/// How many actors are kept account of.
const ACTORS_MAX: usize = 64;
/// How many of them are told of.
const TOLD_MAX: usize = 10;
/// One of so many calls is looked at, on average: gaps are from 1 to 128.
const SAMPLED: f64 = 64.5;
const HALF_LIFE: Duration = Duration::from_secs(10);
/// Fewer recent samples than this say nothing about an actor.
const SAMPLES_MIN: f64 = 4.0;
/// After so many half-lives weights begin at one again.
const DOUBLINGS_MAX: f64 = 64.0;

/// An actor that is called often.
#[derive(Clone, Debug, PartialEq)]
pub struct Busy {
    /// Which one.
    pub actor: ActorId,
    /// At least so many calls came in a second lately, as far as a sample tells.
    pub calls_per_second: f64,
}

/// What is known of the busiest actors of a node.
#[derive(Default)]
pub(crate) struct Busiest(Mutex<Sketch>);

#[derive(Default)]
struct Sketch {
    entries: Vec<Entry>,
    /// When a sample had the weight one.
    landmark: Instant,
}

struct Entry {
    hash: u64,
    actor: ActorId,
    /// The weights of its samples, and at most `error` of others'.
    count: f64,
    error: f64,
}

impl Busiest {
    /// A call has come to this activation.
    #[inline]
    pub(crate) fn note(&self, activation: &Activation, now: Instant) {
        if is_sampled() {
            self.look(activation, now);
        }
    }

    #[cold]
    fn look(&self, activation: &Activation, now: Instant) {
        if let Ok(mut sketch) = self.0.try_lock() {
            sketch.add(activation.hash, now, || activation.id());
        }
    }

    /// The busiest actors, the busiest first.
    pub(crate) fn told(&self, now: Instant) -> Vec<Busy> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).told(now)
    }
}

impl Sketch {
    fn add(&mut self, hash: u64, now: Instant, actor: impl FnOnce() -> ActorId) {
        let mut doublings = self.doublings(now);
        if doublings > DOUBLINGS_MAX {
            self.entries.iter_mut().for_each(|entry| {
                entry.count /= doublings.exp2();
                entry.error /= doublings.exp2();
            });
            (self.landmark, doublings) = (now, 0.0);
        }
        let weight = doublings.exp2();
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.hash == hash) {
            entry.count += weight;
            return;
        }
        let (mut count, mut error) = (weight, 0.0);
        if self.entries.len() >= ACTORS_MAX {
            let counts = self.entries.iter().map(|entry| entry.count).enumerate();
            let least = counts.min_by(|a, b| a.1.total_cmp(&b.1));
            let Some((place, least)) = least else { return };
            self.entries.swap_remove(place);
            // Whose place it takes may have been this one all along.
            (count, error) = (least + weight, least);
        }
        self.entries.push(Entry { hash, actor: actor(), count, error });
    }

    fn doublings(&self, now: Instant) -> f64 {
        now.saturating_since(self.landmark).as_secs_f64() / HALF_LIFE.as_secs_f64()
    }

    fn told(&self, now: Instant) -> Vec<Busy> {
        let weight = self.doublings(now).exp2();
        let samples = |entry: &Entry| (entry.count - entry.error) / weight;
        let mut told: Vec<&Entry> =
            self.entries.iter().filter(|entry| samples(entry) >= SAMPLES_MIN).collect();
        told.sort_by(|a, b| samples(b).total_cmp(&samples(a)));
        // Of a steady rate so many seconds are in the count.
        let seconds = HALF_LIFE.as_secs_f64() / std::f64::consts::LN_2;
        let busy = |entry: &Entry| Busy {
            actor: entry.actor.clone(),
            calls_per_second: samples(entry) * SAMPLED / seconds,
        };
        told.into_iter().take(TOLD_MAX).map(busy).collect()
    }
}

/// Whether this call of the thread is one to look at. Gaps vary, so that calls which come in turns are all seen.
#[inline]
fn is_sampled() -> bool {
    thread_local! {
        /// The calls to come until the next one is looked at, in its low byte; above, where gaps come from.
        static GAP: Cell<u64> = const { Cell::new(1 << 8) };
    }
    GAP.with(|gap| {
        let state = gap.get();
        if state & 0xff != 0 {
            gap.set(state - 1);
            return false;
        }
        // Knuth's generator (MMIX), of which the upper bits are good.
        let drawn = (state >> 8)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        gap.set(drawn << 8 | drawn >> 57);
        true
    })
}

#[cfg(test)]
mod tests {
    use tenure_types::{ActorTypeName, Key};

    use super::*;

    fn id(number: u64) -> ActorId {
        let actor_type = ActorTypeName::new("counter").unwrap();
        ActorId { actor_type, key: Key::new(&number.to_string()).unwrap() }
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn keys(told: &[Busy]) -> Vec<String> {
        told.iter().map(|busy| busy.actor.key.to_string()).collect()
    }

    #[test]
    fn the_busiest_are_found_among_many_and_their_rate_is_no_more_than_it_is() {
        let mut sketch = Sketch::default();
        // Each ms a sample: every second one of actor 7, every fourth of 8, the others each of another one.
        for ms in 0..60_000_u64 {
            let number = match ms % 4 {
                0 | 2 => 7,
                1 => 8,
                _ => 1_000 + ms,
            };
            sketch.add(number, at(ms), || id(number));
            assert!(sketch.entries.len() <= ACTORS_MAX);
        }
        let told = sketch.told(at(60_000));
        assert_eq!(keys(&told), ["7", "8"]);
        for (busy, samples) in told.iter().zip([500.0, 250.0]) {
            let share = busy.calls_per_second / (samples * SAMPLED);
            assert!((0.9..1.01).contains(&share), "{busy:?}");
        }
    }

    #[test]
    fn who_was_busy_is_forgotten_by_and_by() {
        let mut sketch = Sketch::default();
        for ms in 0..20_000 {
            sketch.add(1, at(ms), || id(1));
        }
        let rate = |sketch: &Sketch, s: u64| {
            sketch.told(at(s * 1_000)).first().map(|it| it.calls_per_second)
        };
        let (now, later) = (rate(&sketch, 20).unwrap(), rate(&sketch, 30).unwrap());
        assert!((later / now - 0.5).abs() < 0.01, "{now} {later}");
        assert_eq!(rate(&sketch, 300), None);
        // So much later that weights begin anew.
        for ms in 2_000_000..2_020_000 {
            sketch.add(2, at(ms), || id(2));
        }
        assert_eq!(keys(&sketch.told(at(2_020_000))), ["2"]);
        let again = rate(&sketch, 2_020).unwrap();
        assert!((again / now - 1.0).abs() < 0.01, "{now} {again}");
    }

    #[test]
    fn one_of_sixty_four_calls_is_looked_at_in_no_fixed_step() {
        const CALLS: u32 = 100_000;
        let sampled: Vec<u32> = (0..CALLS).filter(|_| is_sampled()).collect();
        let mean = f64::from(CALLS) / sampled.len() as f64;
        assert!((mean - SAMPLED).abs() < 4.0, "{mean}");
        let odd = sampled.iter().filter(|at| **at % 2 == 1).count();
        let share = odd as f64 / sampled.len() as f64;
        assert!((0.4..0.6).contains(&share), "{share}");
    }
}
