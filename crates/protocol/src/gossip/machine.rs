use std::collections::BTreeMap;
use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use foca::{Config, Foca, NoCustomBroadcast, OwnedNotification, PostcardCodec, Runtime};
use tenure_types::{Entropy, Incarnation, Instant, NUMBER_MAX, ViewNumber};

use super::Peer;
use super::draws::Draws;
use super::roll::Roll;
use crate::view::View;

/// The most bytes of a datagram: what an ordinary network carries in one piece.
pub const DATAGRAM_BYTES_MAX: usize = 1_400;

/// The most peers, living and gone, of which it keeps track, but for those that one datagram adds. Past it
/// nobody is met and no datagram is taken.
pub const PEERS_MAX: usize = 4_096;

/// How long it remembers that a run of a node is gone.
const GONE_KEPT: Duration = Duration::from_secs(3_600);

/// How often each piece of news is passed on, at least. What foca takes for a small cluster, once or twice,
/// loses refutations where one datagram in ten is lost, and the living are taken for dead.
const TRANSMISSIONS_MIN: NonZeroU8 = NonZeroU8::new(10).unwrap();

/// View number and digest of the sender, little-endian, before what foca writes.
const PREFIX_BYTES: usize = 16;

/// What the driver of a [`Gossip`] is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GossipEffect {
    /// Send a datagram, of at most [`DATAGRAM_BYTES_MAX`] bytes. It may be lost.
    Send {
        /// To whom.
        to: Peer,
        /// What.
        datagram: Vec<u8>,
    },
    /// Call `handle_timer` at `at` or later. It replaces the timer before.
    SetTimer {
        /// What to give back.
        timer: GossipTimer,
        /// When.
        at: Instant,
    },
    /// A member seems to be well, or not. Nothing is decided by it with `consensus`.
    Hint(Hint),
    /// There is a newer view of the gossip: the cluster's with `gossip`, nobody's with `consensus`.
    View(Arc<View>),
    /// The others took it for dead and hear it no longer: with `gossip`, discard everything and come back
    /// as a new incarnation; with `consensus`, look at one's own row.
    Defunct,
}

/// What gossip says of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hint {
    /// It answers.
    Up(Incarnation),
    /// It did not answer a probe of this node, nor one of others on its behalf.
    Suspected(Incarnation),
    /// It did not refute a suspicion in time, or went.
    Down(Incarnation),
}

/// Names one arming of the timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GossipTimer {
    number: u64,
}

/// Why a datagram was dropped. What it said has no effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GossipError {
    /// It is longer than [`DATAGRAM_BYTES_MAX`] or shorter than any is.
    #[error("a gossip datagram has {bytes} bytes; at most {DATAGRAM_BYTES_MAX} are taken")]
    Size {
        /// How long it is.
        bytes: usize,
    },
    /// There are too many peers already.
    #[error("gossip knows {PEERS_MAX} peers; those that are gone leave it after {GONE_KEPT:?}")]
    Full,
    /// Its view number is none.
    #[error("a gossip datagram names view {number}, which is beyond all numbers")]
    Number {
        /// What it names.
        number: u64,
    },
    /// It is not of this protocol, or of a peer that calls itself what we are called.
    #[error("a gossip datagram could not be read: {reason}")]
    Unreadable {
        /// What foca says.
        reason: String,
    },
}

/// One member's gossip. See the module's documentation.
pub struct Gossip {
    me: Peer,
    foca: Foca<Peer, PostcardCodec, Draws, NoCustomBroadcast>,
    roll: Roll,
    timers: BTreeMap<(Instant, u64), foca::Timer<Peer>>,
    timers_set: u64,
    armed: Option<Instant>,
    armings: u64,
    /// How many members foca is configured for, a power of two.
    sized_for: u32,
    effects: Vec<GossipEffect>,
}

/// What one call of foca brings about.
#[derive(Default)]
struct Collected {
    sends: Vec<(Peer, Vec<u8>)>,
    timers: Vec<(Duration, foca::Timer<Peer>)>,
    notes: Vec<OwnedNotification<Peer>>,
}

impl Runtime<Peer> for &mut Collected {
    fn notify(&mut self, note: foca::Notification<'_, Peer>) {
        self.notes.push(note.to_owned());
    }

    fn send_to(&mut self, to: Peer, data: &[u8]) {
        self.sends.push((to, data.to_vec()));
    }

    fn submit_after(&mut self, timer: foca::Timer<Peer>, after: Duration) {
        self.timers.push((after, timer));
    }
}

fn config(members: u32) -> Config {
    let members = NonZeroU32::new(members).unwrap_or(NonZeroU32::MIN);
    let mut config = Config::new_lan(members);
    const BYTES: NonZeroUsize = NonZeroUsize::new(DATAGRAM_BYTES_MAX - PREFIX_BYTES).unwrap();
    config.max_packet_size = BYTES;
    config.remove_down_after = Some(GONE_KEPT);
    config.max_transmissions = config.max_transmissions.max(TRANSMISSIONS_MIN);
    config
}

impl Gossip {
    /// A member that knows nobody yet; its first view has itself alone. `entropy` is drawn from by every call.
    #[must_use]
    pub fn new(me: Peer, entropy: Arc<dyn Entropy>) -> Self {
        let sized_for = 1;
        let foca = Foca::new(me.clone(), config(sized_for), Draws(entropy), PostcardCodec);
        let mut roll = Roll::new();
        let first = roll.handle_living(&[&me]);
        Self {
            me,
            foca,
            roll,
            timers: BTreeMap::new(),
            timers_set: 0,
            armed: None,
            armings: 0,
            sized_for,
            effects: first.map(GossipEffect::View).into_iter().collect(),
        }
    }

    /// These are there, as the member table, the configuration or a handshake says: it speaks to them from
    /// now on. Those that it takes for dead, and older runs of ones it knows, stay what they are. Say it again
    /// from time to time to those that should be there: a member that lost everybody finds nobody by itself.
    pub fn meet(&mut self, now: Instant, peers: impl IntoIterator<Item = Peer>) {
        let room = PEERS_MAX.saturating_sub(self.foca.iter_membership_state().len());
        let others = peers.into_iter().filter(|peer| peer.node() != self.me.node());
        let others: Vec<_> = others.take(room).collect();
        let mut collected = Collected::default();
        let updates = others.iter().cloned().map(foca::Member::alive);
        // Both fail where an update is of no use (an older incarnation, too long to send): then nothing
        // changes, and the next round of announcements tries again.
        let _ = self.foca.apply_many(updates, true, &mut collected);
        for peer in others {
            let _ = self.foca.announce(peer, &mut collected);
        }
        self.carry_out(now, collected);
    }

    /// This one is gone, as the member table says: it speaks to it no more and tells the others.
    pub fn bury(&mut self, now: Instant, peer: Peer) {
        let mut collected = Collected::default();
        if peer.node() != self.me.node() {
            let update = std::iter::once(foca::Member::down(peer));
            // It fails only where the peer is known to be gone already.
            let _ = self.foca.apply_many(update, true, &mut collected);
        }
        self.carry_out(now, collected);
    }

    /// It goes: the others take it for gone at once. Nothing but sends follows.
    pub fn leave(&mut self, now: Instant) {
        let mut collected = Collected::default();
        // Without others nobody is told.
        let _ = self.foca.leave_cluster(&mut collected);
        collected.notes.clear();
        collected.timers.clear();
        self.timers.clear();
        self.carry_out(now, collected);
    }

    /// A datagram came that an authenticated peer sent.
    ///
    /// # Errors
    /// [`GossipError`] when it cannot be read; it is dropped.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), GossipError> {
        let bytes = datagram.len();
        if bytes > DATAGRAM_BYTES_MAX {
            return Err(GossipError::Size { bytes });
        }
        if self.peers() >= PEERS_MAX {
            return Err(GossipError::Full);
        }
        let too_short = || GossipError::Size { bytes };
        let (number, rest) = datagram.split_first_chunk::<8>().ok_or_else(too_short)?;
        let (digest, rest) = rest.split_first_chunk::<8>().ok_or_else(too_short)?;
        let number = u64::from_le_bytes(*number);
        if number > NUMBER_MAX {
            return Err(GossipError::Number { number });
        }
        let mut collected = Collected::default();
        let result = self.foca.handle_data(rest, &mut collected);
        let is_taken = result.is_ok();
        self.carry_out(now, collected);
        result.map_err(|error| GossipError::Unreadable { reason: error.to_string() })?;
        if is_taken {
            let digest = u64::from_le_bytes(*digest);
            let view = self.roll.handle_number(ViewNumber(number), digest);
            self.effects.extend(view.map(GossipEffect::View));
        }
        Ok(())
    }

    /// The timer went off. One that was armed before another is ignored.
    pub fn handle_timer(&mut self, now: Instant, timer: GossipTimer) {
        if timer.number != self.armings {
            return;
        }
        self.armed = None;
        let later = self.timers.split_off(&(now + Duration::from_nanos(1), 0));
        let due = std::mem::replace(&mut self.timers, later);
        let mut collected = Collected::default();
        for (_, timer) in due {
            if self.is_refuted(&timer) {
                continue;
            }
            // It fails only where a late timer is of no use any more.
            let _ = self.foca.handle_timer(timer, &mut collected);
        }
        self.carry_out(now, collected);
    }

    /// Whether the timer would put down a member that has answered the suspicion. foca 2.0.0 leaves such a
    /// member up and tells it all the same that it is down (`Message::TurnUndead`), which it believes.
    fn is_refuted(&self, timer: &foca::Timer<Peer>) -> bool {
        let foca::Timer::ChangeSuspectToDown { member_id, incarnation, .. } = timer else {
            return false;
        };
        !self.foca.iter_members().any(|member| {
            let is_it = member.id() == member_id && member.incarnation() == *incarnation;
            is_it && member.state() == foca::State::Suspect
        })
    }

    /// What the driver is to do, in this order.
    pub fn take_effects(&mut self) -> Vec<GossipEffect> {
        std::mem::take(&mut self.effects)
    }

    /// How many peers it keeps track of, gone ones included.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.foca.iter_membership_state().len()
    }

    fn carry_out(&mut self, now: Instant, collected: Collected) {
        for (after, timer) in collected.timers {
            if let foca::Timer::ChangeSuspectToDown { member_id, .. } = &timer {
                let hint = Hint::Suspected(member_id.incarnation());
                self.effects.push(GossipEffect::Hint(hint));
            }
            self.timers_set += 1;
            self.timers.insert((now + after, self.timers_set), timer);
        }
        let is_changed = !collected.notes.is_empty();
        for note in collected.notes {
            self.effects.extend(match note {
                OwnedNotification::MemberUp(it) => {
                    Some(GossipEffect::Hint(Hint::Up(it.incarnation())))
                }
                OwnedNotification::MemberDown(it) => {
                    Some(GossipEffect::Hint(Hint::Down(it.incarnation())))
                }
                OwnedNotification::Rename(before, after)
                    if before.incarnation() < after.incarnation() =>
                {
                    Some(GossipEffect::Hint(Hint::Down(before.incarnation())))
                }
                OwnedNotification::Defunct => Some(GossipEffect::Defunct),
                _ => None,
            });
        }
        if is_changed {
            self.count();
        }
        let (number, digest) = (self.roll.number(), self.roll.digest());
        for (to, body) in collected.sends {
            let mut datagram = Vec::with_capacity(PREFIX_BYTES + body.len());
            datagram.extend_from_slice(&number.0.to_le_bytes());
            datagram.extend_from_slice(&digest.to_le_bytes());
            datagram.extend_from_slice(&body);
            self.effects.push(GossipEffect::Send { to, datagram });
        }
        self.arm();
    }

    /// Who is living has changed, perhaps.
    fn count(&mut self) {
        let mut living = vec![&self.me];
        living.extend(self.foca.iter_members().map(foca::Member::id));
        let size = u32::try_from(living.len()).unwrap_or(u32::MAX).next_power_of_two();
        let view = self.roll.handle_living(&living);
        self.effects.extend(view.map(GossipEffect::View));
        if size != self.sized_for {
            self.sized_for = size;
            // Only what may change while it runs depends on the size.
            let _ = self.foca.set_config(config(size));
        }
    }

    fn arm(&mut self) {
        let Some(((at, _), _)) = self.timers.first_key_value() else { return };
        if self.armed != Some(*at) {
            self.armed = Some(*at);
            self.armings += 1;
            let timer = GossipTimer { number: self.armings };
            self.effects.push(GossipEffect::SetTimer { timer, at: *at });
        }
    }
}
