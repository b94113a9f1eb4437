//! Actors whose turns take long.

use std::time::Duration;

use tenure::prelude::*;

/// How often there was work.
#[tenure::data]
#[derive(Default)]
pub struct Mill {
    turns: u64,
}

#[actor]
impl Mill {
    /// Works for `ms` milliseconds, as a turn does that waits for something outside.
    pub async fn grind(&mut self, cx: &mut Context<Self>, ms: u64) -> u64 {
        cx.sleep(Duration::from_millis(ms)).await;
        self.turns += 1;
        self.turns
    }
}
