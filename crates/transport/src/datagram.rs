//! Datagrams between members that have the cluster's key: authenticated, encrypted, and each heard once.
//!
//! ```text
//! mark  sender's run  counter  sealed bytes   tag
//!  1         8           8      1 to 1,400     16
//! ```
//!
//! Each run seals with a key of its own, which follows from the cluster's key, its name and the run's number; the counter is
//! the nonce. Runs are drawn at random, so no two share a key. A receiver keeps, for each run that it has heard, which counters
//! came: one that came before, or is too old to tell, is refused. What it has forgotten, or a receiver that has just
//! started never knew, can be replayed: whoever reads datagrams must not be harmed by old ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use crate::identity::ClusterName;
use crate::key::ClusterKey;

/// The first byte of each datagram.
pub const DATAGRAM_MARK: u8 = 0xd7;
/// The most bytes that one datagram carries.
pub const DATAGRAM_PLAIN_MAX: usize = 1_400;
/// How many bytes a datagram has besides.
pub const DATAGRAM_EXTRA_BYTES: usize = HEAD_BYTES + TAG_BYTES;
/// Of how many runs a receiver keeps the counters; past it those of the one that was silent longest are forgotten.
pub const SENDERS_MAX: usize = 4_096;

const HEAD_BYTES: usize = 17;
const TAG_BYTES: usize = 16;
/// How many counters before the highest one may still come, in any order.
const WINDOW: u64 = 64;

/// Why a datagram is dropped. Nothing of it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// It is too long or too short, or begins otherwise.
    #[error("it is none of Tenure")]
    Form,
    /// It was sealed with another key, for another cluster, or was altered.
    #[error("it was sealed with another key, or altered")]
    Altered,
    /// It came before, or is too old to tell.
    #[error("it came before")]
    Replayed,
}

/// Seals what one run sends.
#[derive(Debug)]
pub struct DatagramSealer {
    run: u64,
    key: LessSafeKey,
    sent: AtomicU64,
}

/// Opens what other runs have sealed.
#[derive(Debug)]
pub struct DatagramOpener {
    key: ClusterKey,
    cluster: ClusterName,
    own: u64,
    senders: BTreeMap<u64, Sender>,
    heard: u64,
}

#[derive(Debug)]
struct Sender {
    key: Arc<LessSafeKey>,
    seen: Seen,
    /// When it was heard last, in datagrams of all.
    heard: u64,
}

/// Which counters of one run came.
#[derive(Debug, Default)]
struct Seen {
    /// One above the highest.
    next: u64,
    /// Bit `n`: the one `n + 1` below `next`.
    before: u64,
}

impl Seen {
    fn has(&self, counter: u64) -> bool {
        if counter >= self.next {
            return false;
        }
        let below = self.next - 1 - counter;
        below >= WINDOW || self.before >> below & 1 == 1
    }

    fn put(&mut self, counter: u64) {
        if counter >= self.next {
            let up = counter + 1 - self.next;
            self.before = if up >= WINDOW { 0 } else { self.before << up };
            self.next = counter + 1;
        }
        self.before |= 1 << (self.next - 1 - counter);
    }
}

impl DatagramSealer {
    /// For this run, whose number no other run of the cluster has.
    #[must_use]
    pub fn new(key: &ClusterKey, cluster: &ClusterName, run: u64) -> Self {
        Self { run, key: key.of_datagrams(cluster, run), sent: AtomicU64::new(0) }
    }

    /// Seals what one datagram carries; `None` where that is nothing, or more than [`DATAGRAM_PLAIN_MAX`].
    #[must_use]
    pub fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        if plain.is_empty() || plain.len() > DATAGRAM_PLAIN_MAX {
            return None;
        }
        let counter = self.sent.fetch_add(1, Ordering::Relaxed);
        let mut datagram = Vec::with_capacity(plain.len() + DATAGRAM_EXTRA_BYTES);
        datagram.push(DATAGRAM_MARK);
        datagram.extend_from_slice(&self.run.to_be_bytes());
        datagram.extend_from_slice(&counter.to_be_bytes());
        let head = Aad::from(<[u8; HEAD_BYTES]>::try_from(&datagram[..]).ok()?);
        let mut sealed = plain.to_vec();
        let tag = self.key.seal_in_place_separate_tag(nonce(counter), head, &mut sealed).ok()?;
        datagram.extend_from_slice(&sealed);
        datagram.extend_from_slice(tag.as_ref());
        Some(datagram)
    }
}

impl DatagramOpener {
    /// For a run that does not hear itself.
    #[must_use]
    pub fn new(key: ClusterKey, cluster: ClusterName, own: u64) -> Self {
        Self { key, cluster, own, senders: BTreeMap::new(), heard: 0 }
    }

    /// What a datagram carries, if somebody with the key sealed it and it comes for the first time.
    ///
    /// Cost, where nothing was heard of its sender yet: the sender's key is derived.
    ///
    /// # Errors
    /// [`DatagramError`]; it has no effect then.
    pub fn open(&mut self, datagram: &[u8]) -> Result<Vec<u8>, DatagramError> {
        let (head, sealed) =
            datagram.split_first_chunk::<HEAD_BYTES>().ok_or(DatagramError::Form)?;
        let [DATAGRAM_MARK, run @ .., _, _, _, _, _, _, _, _] = head else {
            return Err(DatagramError::Form);
        };
        let [.., a, b, c, d, e, f, g, h] = *head;
        let (run, counter) =
            (u64::from_be_bytes(*run), u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        let is_sized = (TAG_BYTES + 1..=TAG_BYTES + DATAGRAM_PLAIN_MAX).contains(&sealed.len());
        if !is_sized || run == self.own || counter == u64::MAX {
            return Err(DatagramError::Form);
        }
        let known = self.senders.get(&run);
        if known.is_some_and(|sender| sender.seen.has(counter)) {
            return Err(DatagramError::Replayed);
        }
        let key = known.map(|sender| Arc::clone(&sender.key));
        let key = key.unwrap_or_else(|| Arc::new(self.key.of_datagrams(&self.cluster, run)));
        let mut opening = sealed.to_vec();
        let opened = key.open_in_place(nonce(counter), Aad::from(*head), &mut opening);
        let plain = opened.map_err(|_| DatagramError::Altered)?.to_vec();
        self.keep(run, key, counter);
        Ok(plain)
    }

    /// Of how many runs it keeps the counters.
    #[must_use]
    pub fn senders(&self) -> usize {
        self.senders.len()
    }

    fn keep(&mut self, run: u64, key: Arc<LessSafeKey>, counter: u64) {
        self.heard += 1;
        if !self.senders.contains_key(&run) && self.senders.len() >= SENDERS_MAX {
            let oldest = self.senders.iter().min_by_key(|(_, sender)| sender.heard);
            if let Some(oldest) = oldest.map(|(run, _)| *run) {
                self.senders.remove(&oldest);
            }
        }
        let new = || Sender { key, seen: Seen::default(), heard: 0 };
        let sender = self.senders.entry(run).or_insert_with(new);
        sender.heard = self.heard;
        sender.seen.put(counter);
    }
}

fn nonce(counter: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ClusterName {
        ClusterName::new(text).unwrap()
    }

    fn key(byte: u8) -> ClusterKey {
        ClusterKey::new(&[byte; 32])
    }

    fn opener() -> DatagramOpener {
        DatagramOpener::new(key(1), name("shop"), 99)
    }

    #[test]
    fn a_datagram_is_heard_once_by_those_with_the_key() {
        let sealer = DatagramSealer::new(&key(1), &name("shop"), 7);
        let datagram = sealer.seal(b"hello").unwrap();
        assert!(!datagram.windows(5).any(|it| it == b"hello"), "it is readable");
        let mut here = opener();
        assert_eq!(here.open(&datagram), Ok(b"hello".to_vec()));
        assert_eq!(here.open(&datagram), Err(DatagramError::Replayed));
        let mut other_key = DatagramOpener::new(key(2), name("shop"), 99);
        assert_eq!(other_key.open(&datagram), Err(DatagramError::Altered));
        let mut other_name = DatagramOpener::new(key(1), name("other"), 99);
        assert_eq!(other_name.open(&datagram), Err(DatagramError::Altered));
        let mut own = DatagramOpener::new(key(1), name("shop"), 7);
        assert_eq!(own.open(&datagram), Err(DatagramError::Form));
        for at in 0..datagram.len() {
            let mut altered = datagram.clone();
            altered[at] ^= 1;
            assert!(opener().open(&altered).is_err(), "byte {at}");
            assert!(opener().open(&datagram[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(other_key.senders(), 0, "whoever is not authenticated leaves nothing");
        assert_eq!(sealer.seal(&[]), None);
        assert_eq!(sealer.seal(&[0; DATAGRAM_PLAIN_MAX + 1]), None);
        let long = sealer.seal(&[5; DATAGRAM_PLAIN_MAX]).unwrap();
        assert_eq!(long.len(), DATAGRAM_PLAIN_MAX + DATAGRAM_EXTRA_BYTES);
        assert_eq!(here.open(&long), Ok(vec![5; DATAGRAM_PLAIN_MAX]));
    }

    #[test]
    fn datagrams_may_come_in_another_order_within_a_window() {
        let sealer = DatagramSealer::new(&key(1), &name("shop"), 7);
        let all: Vec<Vec<u8>> = (0..200_u8).map(|n| sealer.seal(&[n]).unwrap()).collect();
        let mut opener = opener();
        for (n, expected) in [
            (3, Ok(vec![3])),
            (0, Ok(vec![0])),
            (3, Err(DatagramError::Replayed)),
            (70, Ok(vec![70])),
            (7, Ok(vec![7])),
            (6, Err(DatagramError::Replayed)), // too old to tell
            (7, Err(DatagramError::Replayed)),
            (199, Ok(vec![199])),
            (135, Err(DatagramError::Replayed)),
            (136, Ok(vec![136])),
            (198, Ok(vec![198])),
            (198, Err(DatagramError::Replayed)),
        ] {
            assert_eq!(opener.open(&all[n]), expected, "{n}");
        }
    }

    #[test]
    fn what_is_kept_of_senders_is_bounded() {
        let mut opener = opener();
        let from = |run| DatagramSealer::new(&key(1), &name("shop"), run);
        let first = from(0);
        assert!(opener.open(&first.seal(b"x").unwrap()).is_ok());
        for run in 1_000..1_000 + SENDERS_MAX as u64 + 10 {
            assert!(opener.open(&from(run).seal(b"x").unwrap()).is_ok());
            assert!(opener.open(&first.seal(b"x").unwrap()).is_ok(), "who speaks is kept");
        }
        assert_eq!(opener.senders(), SENDERS_MAX);
        assert!(opener.senders.contains_key(&0));
    }
}
