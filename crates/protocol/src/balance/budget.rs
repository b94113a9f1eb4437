use std::time::Duration;

use tenure_types::Instant;

use super::config::BalanceConfig;

/// How many moves began in the second that runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget {
    second_began: Instant,
    began: u32,
}

impl Budget {
    /// Whether one more may begin. A second begins with the first question after the last one ended, so
    /// no second that a caller looks at holds more than twice the bound.
    pub(super) fn has_room(
        &mut self,
        config: &BalanceConfig,
        under_way: usize,
        now: Instant,
    ) -> bool {
        if now.saturating_since(self.second_began) >= Duration::from_secs(1) {
            (self.second_began, self.began) = (now, 0);
        }
        self.began < config.a_second_max && under_way < config.at_once_max as usize
    }

    pub(super) fn take(&mut self) {
        self.began += 1;
    }
}
