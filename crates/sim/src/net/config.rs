use std::time::Duration;

use crate::entropy::Dice;

/// How the network behaves when nothing is wrong. All times are true times.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// The shortest way from kernel to kernel.
    pub base: Duration,
    /// What is added at random, below this.
    pub jitter: Duration,
    /// One message in so many takes much longer; zero: none.
    pub tail_one_in: u64,
    /// How much longer those take at most.
    pub tail: Duration,
    /// So many of a million are lost.
    pub loses: u32,
    /// So many of a million datagrams arrive twice.
    pub doubles: u32,
    /// How long it takes at most from the decision to send until the kernel has the message.
    pub hold: Duration,
    /// One message in so many takes a hundred times as long for that; zero: none.
    pub hold_one_in: u64,
    /// After how long a lost segment of a connection is sent again; the pause doubles.
    pub resend: Duration,
    /// The longest such pause.
    pub resend_max: Duration,
    /// After how long without an acknowledgement a connection is given up.
    pub patience: Duration,
    /// How long after the end of a process its sockets close, for each GiB it had in memory
    /// (measured: 80 to 130 ms).
    pub close_per_gib: Duration,
    /// The bytes of messages that a kernel keeps for one process.
    pub kernel_bytes_max: u64,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            base: Duration::from_micros(100),
            jitter: Duration::from_micros(400),
            tail_one_in: 2_000,
            tail: Duration::from_millis(60),
            loses: 100,
            doubles: 200,
            hold: Duration::from_micros(20),
            hold_one_in: 200,
            resend: Duration::from_millis(200),
            resend_max: Duration::from_secs(5),
            patience: Duration::from_secs(15),
            close_per_gib: Duration::from_millis(130),
            kernel_bytes_max: 4 << 20,
        }
    }
}

impl NetConfig {
    /// How long it takes from the decision to send until the kernel has the message.
    pub(crate) fn draw_hold(&self, dice: &mut Dice) -> Duration {
        let most = if dice.one_in(self.hold_one_in) { 100 * self.hold } else { self.hold };
        below(dice, most)
    }

    /// How long a message is on its way.
    pub(crate) fn draw_way(&self, dice: &mut Dice, slower: Duration) -> Duration {
        let tail = if dice.one_in(self.tail_one_in) { self.tail } else { Duration::ZERO };
        self.base + below(dice, self.jitter) + below(dice, tail + slower)
    }
}

/// A time below `most`, zero where that is.
pub(crate) fn below(dice: &mut Dice, most: Duration) -> Duration {
    if most.is_zero() {
        return most;
    }
    let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(dice.below(most))
}
