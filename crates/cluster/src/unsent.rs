//! Frames that were taken and never left: their lane ended before.

use std::sync::Arc;

use crate::driver::Driver;
use crate::life::name_of;
use crate::message::{Body, Frame};
use crate::way::Handed;
use crate::world::World;

impl<W: World> Driver<W> {
    /// A call has certainly not run, so it looks for its actor again; an answer goes by the next lane. What the
    /// machines and those who follow said they say again by themselves.
    pub(crate) fn handle_unsent(self: &Arc<Self>, frame: Frame) {
        if self.incarnation() != Some(frame.from) {
            return;
        }
        match frame.body {
            Body::Handed { number, .. } => {
                let now = self.clock.now();
                self.with_life(|life| {
                    let Some(handed) = life.way.take(number) else { return };
                    let Handed { seeking, .. } = handed;
                    let actor = name_of(&seeking.target);
                    seeking.call.come_back();
                    let wish = self.config.wish(seeking.target.type_name);
                    life.seeking.entry(actor.clone()).or_default().push(seeking);
                    life.cluster.look_up(now, &actor, wish);
                });
            }
            body @ (Body::NotHere { .. } | Body::Settled { .. }) => self.send(frame.to, body),
            Body::Directory(_)
            | Body::Hint(_)
            | Body::Presumed(_)
            | Body::Shipped { .. }
            | Body::Following(_)
            | Body::Levelling(_) => {}
        }
    }
}
