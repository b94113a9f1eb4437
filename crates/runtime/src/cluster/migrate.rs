//! Moves: an activation is sealed at a turn boundary, packed, and goes on elsewhere or here.

use std::future::poll_fn;
use std::sync::Arc;

use tenure_actor::{CODEC_NAMED, State, Target, WaitSlot};
use tenure_store::Encoded;
use tenure_types::{CallError, Planted, Tenure};

use super::grant::unavailable;
use super::packed::{Contents, Moving, Packed, PackedState, PackedTimer};
use super::right;
use super::seat::LostBy;
use super::state::{Aside, Cluster, place_of};
use crate::activation::opening::Opening;
use crate::activation::record::decode;
use crate::activation::{Activation, Hold, Owned};
use crate::runtime::Runtime;
use crate::sync::Mutex;
use crate::turn::word::{MOVING, SEALED, UNSAVED};

impl Runtime {
    /// Seals an activation at the next end of a turn, waits until its last unit is resolved, and
    /// packs what it takes along. No turn starts on it until [`Runtime::unseal`]; calls wait until
    /// then, or until [`Runtime::moved`]. What was written behind is flushed before.
    ///
    /// What comes of an actor for which [`Runtime::can_move`] is `false` goes on in this process only:
    /// [`Packed::encode`] refuses it. Whoever moves between processes asks that first, so that nothing
    /// is sealed in vain.
    ///
    /// # Errors
    /// `Unavailable` where there is no activation under that tenure, it leaves or moves already, or
    /// its state is lost meanwhile; it is then not sealed.
    ///
    /// # Cancel safety
    /// Dropping the future takes the seal back, as [`Runtime::unseal`] does.
    pub async fn seal_for_move(
        self: &Arc<Self>,
        target: &Target,
        tenure: Tenure,
    ) -> Result<Packed, CallError> {
        let activation = self.sealable(target, tenure)?;
        let moving = Moving::default();
        let Moving { ended, packed } = moving.clone();
        begin_move(&activation, moving)?;
        let mut unseal = UnsealOnDrop { runtime: Some(Arc::clone(self)), target, tenure };
        if !activation.word.read().is_held() {
            self.hand_over(&activation);
        }
        let mut slot = WaitSlot::default();
        let ended = poll_fn(|cx| ended.poll(&mut slot, cx)).await;
        unseal.runtime = None;
        ended?;
        let packed = packed.lock().take();
        packed.ok_or_else(|| unavailable(format!("{} was not packed", activation.id())))
    }

    /// Whether what this actor has in memory can leave the process: whether its type has a stored form.
    /// Volatile types have none, so their actors stay where they are until they end, and begin anew
    /// elsewhere; types that this node does not run do not move from it.
    #[must_use]
    pub fn can_move(&self, target: &Target) -> bool {
        let kind = self.kinds.get(target.slot as usize).and_then(Option::as_ref);
        kind.is_some_and(|kind| kind.stored)
    }

    /// The activation that is here under this tenure.
    fn sealable(&self, target: &Target, tenure: Tenure) -> Result<Arc<Activation>, CallError> {
        let is_it = |it: &Arc<Activation>| {
            self.cluster.is_some() && it.is_live() && Some(it.right()) == right::pack(tenure)
        };
        self.catalog.find(target).filter(is_it).ok_or_else(|| {
            unavailable(format!("{}/{} is not here as {tenure}", target.type_name, target.key))
        })
    }

    /// The move was taken back: the activation goes on here, and who waits with it. Also where it is
    /// not packed yet. Anything but an activation under that tenure which moves is left as it is.
    pub fn unseal(self: &Arc<Self>, target: &Target, tenure: Tenure) {
        let Some(cluster) = &self.cluster else { return };
        match take_sealed(cluster, target, tenure) {
            Some((mut hold, packed)) => {
                let activation = Arc::clone(hold.activation());
                if let PackedState::Itself(state) = &packed.0.state {
                    let state = state.lock().take();
                    if state.is_none() {
                        // Somebody has it already, which the slot owner's decision excludes.
                        tracing::error!(actor = %activation.id(), "its state has moved");
                        let (target, tenure) = (activation.target(), packed.tenure());
                        cluster.seat.lost(&target, tenure, LostBy::Conflict);
                        return self.drop_departed(cluster, hold);
                    }
                    hold.replace(state);
                }
                activation.word.clear(MOVING);
                hold.release();
                self.hand_over(&activation);
            }
            None => {
                let moves = |it: &Arc<Activation>| Some(it.right()) == right::pack(tenure);
                let Some(activation) = self.catalog.find(target).filter(moves) else { return };
                self.stay(&activation, "the move was taken back");
                self.hand_over(&activation);
            }
        }
    }

    /// The activation runs elsewhere by now: it is dropped here, and the calls that wait go to
    /// [`Seat::absent`](super::Seat::absent). Anything but one that is sealed under that tenure is left as it is.
    pub fn moved(self: &Arc<Self>, target: &Target, tenure: Tenure) {
        let Some(cluster) = &self.cluster else { return };
        let Some((hold, _)) = take_sealed(cluster, target, tenure) else { return };
        if Planted::Forwarding.is_planted() && hold.activation().kind.stored {
            let activation = Arc::clone(hold.activation());
            activation.word.clear(MOVING);
            hold.release();
            return self.hand_over(&activation);
        }
        self.drop_departed(cluster, hold);
    }

    /// As [`Runtime::activate`], from the memory that a move has brought and not from the store.
    ///
    /// # Errors
    /// As [`Runtime::activate`]; also where the actor was packed under no lower tenure.
    pub fn activate_moved(
        self: &Arc<Self>,
        target: &Target,
        tenure: Tenure,
        packed: &Packed,
    ) -> Result<(), CallError> {
        let is_of = packed.actor().actor_type.as_str() == target.type_name
            && packed.actor().key == target.key;
        if !is_of || packed.tenure() >= tenure {
            return Err(unavailable(format!("{packed:?} is not what {tenure} continues")));
        }
        let activation = self.make_granted(target, tenure)?;
        let hold = Hold::adopt(Owned(Arc::clone(&activation)));
        match unpack_state(&activation, packed) {
            Ok(state) => {
                self.unpack(&activation, packed);
                activation.kind.meters.moved.increment();
                self.go_live(hold, state);
                self.restart_timers(&activation, packed);
                self.hand_over(&activation);
            }
            // What is stored is the same.
            Err(error) if activation.kind.stored => {
                tracing::warn!(actor = %activation.id(), %error, "what moved cannot be read");
                self.begin_load(hold);
            }
            Err(error) => self.load_failed(hold, &error),
        }
        Ok(())
    }

    /// Packs an activation that is to move, if it is quiet and saved; else whoever is in the way
    /// does this when it ends.
    pub(crate) fn try_seal(self: &Arc<Self>, activation: &Arc<Activation>) {
        let Some(cluster) = &self.cluster else { return };
        while !cluster.is_suspended() && activation.word.enter_moving() {
            let mut hold = Hold::adopt(Owned(Arc::clone(activation)));
            if activation.with_cold(|cold| cold.dirty.is_some())
                && let Err(error) = self.encode_behind(activation, &hold.state())
            {
                tracing::error!(actor = %activation.id(), %error, "a flush before a move failed");
            }
            if !activation.word.read().has(UNSAVED) {
                return self.seal(cluster, hold);
            }
            // Its unit may have been settled before the hold ended: then nobody else comes.
            if hold.release().has(UNSAVED) {
                return;
            }
        }
    }

    fn seal(self: &Arc<Self>, cluster: &Cluster, mut hold: Hold<Owned>) {
        let activation = Arc::clone(hold.activation());
        let moving = activation.with_cold(|cold| cold.moving.take());
        let packed = match &moving {
            Some(_) => self.pack(&mut hold),
            None => Err(unavailable("the move was taken back".to_owned())),
        };
        let (moving, packed) = match (moving, packed) {
            (Some(moving), Ok(packed)) => (moving, packed),
            (moving, packed) => {
                activation.word.clear(MOVING);
                hold.release();
                self.hand_over(&activation);
                if let (Some(moving), Err(error)) = (moving, packed) {
                    moving.ended.settle(Err(error));
                }
                return;
            }
        };
        let tenure = packed.tenure();
        *moving.packed.lock() = Some(packed.clone());
        let sealed = Aside::Sealed { hold, tenure, packed };
        let replaced = cluster.aside.lock().insert(place_of(&activation.target()), sealed);
        debug_assert!(replaced.is_none(), "an activation is held once");
        drop(replaced);
        moving.ended.settle(Ok(()));
    }

    fn pack(&self, hold: &mut Hold<Owned>) -> Result<Packed, CallError> {
        let activation = Arc::clone(hold.activation());
        let state = if activation.kind.stored {
            let bytes = self.encode(&activation, &hold.state())?;
            let schema = activation.kind.actor_type.schema;
            PackedState::Encoded(Encoded { schema, codec: CODEC_NAMED, bytes })
        } else {
            PackedState::Itself(Mutex::new(hold.replace(None)))
        };
        let now = self.clock.now();
        let (kept, timers) = activation.with_cold(|cold| {
            let timers = cold.timers.iter().map(|(id, timer)| PackedTimer {
                id: *id,
                period: timer.period,
                once: timer.once,
                delivery: timer.delivery.clone(),
                left: timer.due.saturating_since(now),
            });
            let mut kept = cold.kept.as_deref().cloned();
            if let Some(kept) = &mut kept {
                // Its last unit is durable, and so is the record that opens its log: events wait for it no
                // more. Its ticket may be settled a little later, and not where the activation goes.
                kept.opening = Opening::Over;
            }
            (kept, timers.collect())
        });
        let tenure = right::unpack(activation.right());
        let (actor, tag) = (activation.id(), activation.tag());
        Ok(Packed(Arc::new(Contents { actor, tenure, tag, state, kept, timers, at: now })))
    }

    fn unpack(&self, activation: &Activation, packed: &Packed) {
        activation.set_tag(packed.tag());
        if let PackedState::Encoded(state) = &packed.0.state {
            activation.note_encoded(self.hash_state(&state.bytes), state.bytes.len());
        }
        if let Some(kept) = &packed.0.kept {
            let mut kept = kept.clone();
            kept.window.move_clock(packed.0.at, self.clock.now());
            activation.with_kept(|place| *place = kept);
        }
    }

    fn restart_timers(&self, activation: &Arc<Activation>, packed: &Packed) {
        for timer in &packed.0.timers {
            self.timer_ids_from(timer.id);
            let PackedTimer { id, period, once, left, .. } = *timer;
            self.run_timer(activation, id, (period, once), timer.delivery.clone(), left);
        }
    }

    /// The activation does not move, or not now; says why to who waits for it.
    pub(crate) fn stay(&self, activation: &Activation, why: &str) {
        let moving = activation.with_cold(|cold| {
            activation.word.clear(MOVING);
            cold.moving.take()
        });
        if let Some(moving) = moving {
            moving.ended.settle(Err(unavailable(format!("{}: {why}", activation.id()))));
        }
    }
}

fn begin_move(activation: &Activation, moving: Moving) -> Result<(), CallError> {
    activation.with_cold(|cold| {
        if activation.word.read().has(SEALED) || cold.leaving || cold.moving.is_some() {
            return Err(unavailable(format!("{} leaves or moves already", activation.id())));
        }
        cold.moving = Some(Box::new(moving));
        activation.word.set(MOVING);
        Ok(())
    })
}

/// The state that was packed.
fn unpack_state(activation: &Activation, packed: &Packed) -> Result<Box<dyn State>, CallError> {
    match &packed.0.state {
        PackedState::Encoded(state) => decode(activation, state),
        PackedState::Itself(state) => state.lock().take().ok_or_else(|| {
            unavailable(format!("the state of {} was taken already", activation.id()))
        }),
    }
}

fn take_sealed(
    cluster: &Cluster,
    target: &Target,
    tenure: Tenure,
) -> Option<(Hold<Owned>, Packed)> {
    let mut aside = cluster.aside.lock();
    let place = place_of(target);
    let is_it =
        matches!(aside.get(&place), Some(Aside::Sealed { tenure: it, .. }) if *it == tenure);
    match is_it.then(|| aside.remove(&place)).flatten() {
        Some(Aside::Sealed { hold, packed, .. }) => Some((hold, packed)),
        _ => None,
    }
}

/// Takes a seal back whose asker went away.
struct UnsealOnDrop<'a> {
    runtime: Option<Arc<Runtime>>,
    target: &'a Target,
    tenure: Tenure,
}

impl Drop for UnsealOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.unseal(self.target, self.tenure);
        }
    }
}
