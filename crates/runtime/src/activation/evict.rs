//! Making room: idle activations leave when memory is short.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tenure_types::{CallError, Instant};

use super::Activation;
use crate::runtime::Runtime;
use crate::turn::word::{UNSAVED, Word};

/// How often the account is looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// From this part of the budget on idle activations leave, down to the second part.
const HIGH_PERCENT: u64 = 95;
const LOW_PERCENT: u64 = 90;
/// How many activations are sampled to find out who was idle the longest.
const SAMPLE_MAX: usize = 1_024;
impl Runtime {
    /// Refuses a new activation where the budget is used up and nobody can leave.
    pub(crate) fn check_memory(&self) -> Result<(), CallError> {
        let used = self.memory.used();
        if used <= self.config.memory_bytes_max {
            return Ok(());
        }
        Err(CallError::Overloaded {
            detail: format!(
                "activations take {used} bytes, the budget is {}",
                self.config.memory_bytes_max
            )
            .into(),
            retry_after_ms: 200,
            actor: false,
        })
    }

    /// Lets idle activations leave whenever the budget is nearly used up.
    pub(crate) async fn mind_memory(self: Arc<Self>) {
        let weak = Arc::downgrade(&self);
        let (tasks, clock) = (Arc::clone(&self.tasks), Arc::clone(&self.clock));
        drop(self);
        loop {
            tasks.sleep_until(clock.now() + LOOK_PERIOD).await;
            let Some(runtime) = weak.upgrade().filter(|runtime| !runtime.is_stopped()) else {
                return;
            };
            runtime.memory.observe((runtime.resident)());
            let budget = runtime.config.memory_bytes_max;
            let used = runtime.memory.used();
            if used > budget / 100 * HIGH_PERCENT {
                runtime.evict(used - budget / 100 * LOW_PERCENT, used);
            }
        }
    }

    /// Lets the longest idle stored activations leave, about `wanted` bytes of `used`.
    fn evict(self: &Arc<Self>, wanted: u64, used: u64) {
        let now = self.clock.coarse();
        let age = self.age_of(wanted, used, now);
        let (mut left, mut bytes) = (0_usize, 0_u64);
        let ratio_wanted = self.memory.accounted().saturating_mul(wanted) / used.max(1);
        for part in 0..self.catalog.parts() {
            let part = self.next_part(part);
            let old = self
                .catalog
                .select(part, |it| it.kind.stored && it.idle_seconds(now) >= age && may_leave(it));
            for activation in old {
                if activation.word.read().has(UNSAVED) {
                    // Dirty: it is flushed first, and leaves at a later look.
                    self.flush(&activation);
                } else if self.leave_if_idle(&activation) {
                    left += 1;
                    bytes += (activation.fixed_bytes() + activation.encoded_bytes()) as u64;
                }
            }
            if bytes >= ratio_wanted {
                break;
            }
        }
        self.meters.evicted.add(left as u64);
        tracing::debug!(left, bytes, age, "activations left memory to make room");
    }

    /// How long those were idle who make up the wanted part, by a sample.
    fn age_of(&self, wanted: u64, used: u64, now: Instant) -> u32 {
        let mut ages = Vec::with_capacity(SAMPLE_MAX);
        for part in 0..self.catalog.parts() {
            let part = self.next_part(part);
            self.catalog.sample(part, SAMPLE_MAX / 16, |it| {
                if it.kind.stored {
                    ages.push(it.idle_seconds(now));
                }
            });
            if ages.len() >= SAMPLE_MAX {
                break;
            }
        }
        ages.sort_unstable_by(|a, b| b.cmp(a));
        let place = (ages.len() as u64).saturating_mul(wanted) / used.max(1);
        ages.get(place as usize).copied().unwrap_or(0)
    }

    /// Another order of the catalog's parts each time, so that all of them have their turn.
    fn next_part(&self, part: usize) -> usize {
        let start = self.memory_hand.load(Ordering::Relaxed);
        if part == 0 {
            self.memory_hand.fetch_add(1, Ordering::Relaxed);
        }
        (start + part) % self.catalog.parts()
    }
}

/// Whether nothing but what is unsaved keeps it.
fn may_leave(activation: &Activation) -> bool {
    let word = activation.word.read();
    word == Word::IDLE || (word.has(UNSAVED) && !word.is_held())
}
