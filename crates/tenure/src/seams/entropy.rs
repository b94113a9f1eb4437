use std::cell::Cell;

use rustix::rand::{GetRandomFlags, getrandom};
use tenure_types::Entropy;

/// Random numbers from a small generator of each thread, seeded by the operating system.
///
/// They name calls, spread retries and seed hashes; they are no secrets to anyone but the outside.
pub(crate) struct SystemEntropy;

thread_local! {
    static STATE: Cell<u64> = Cell::new(seed());
}

impl Entropy for SystemEntropy {
    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn next_u64(&self) -> u64 {
        let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        STATE.set(state);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn seed() -> u64 {
    let mut bytes = [0_u8; 8];
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(8) => u64::from_ne_bytes(bytes),
        other => panic!("the operating system gave no random numbers: {other:?}"),
    }
}
