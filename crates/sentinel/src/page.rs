//! The memory that a node and its sentinel share.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::slot::Slot;
use crate::{PEERS_MAX, THREADS_MAX};

/// Says what the memory is, and of which form.
const MARK: u64 = 0x5445_4e55_5245_0001;

/// What is in it. The same program is on both sides, so its form is the compiler's.
#[repr(C)]
pub(crate) struct Layout {
    mark: AtomicU64,
    /// The process ends in good order: whatever is let go from now on proves nothing.
    has_ended: AtomicU32,
    /// Some thread got no slot.
    is_short: AtomicU32,
    secret: [AtomicU64; 4],
    /// Which of the two rosters holds; the other one is written.
    current: AtomicUsize,
    rosters: [Roster; 2],
    pub(crate) slots: [Slot; THREADS_MAX],
}

/// Whom to tell.
#[repr(C)]
struct Roster {
    len: AtomicUsize,
    peers: [Place; PEERS_MAX],
}

/// An address: the two halves of its IPv6 form, and its port.
#[repr(C)]
struct Place([AtomicU64; 3]);

/// Maps the memory as long as it lives.
pub(crate) struct Page {
    layout: NonNull<Layout>,
    file: OwnedFd,
}

#[expect(
    unsafe_code,
    reason = "what it points to is shared between threads and processes by atomics and mutexes alone"
)]
// SAFETY: the memory is mapped until the last reference is gone, whichever thread that is of.
unsafe impl Send for Page {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: everything in the layout may be used by several threads at a time.
unsafe impl Sync for Page {}

impl Page {
    /// New memory, with the secret that proves the death of who holds its slots.
    pub(crate) fn create(secret: [u8; 32]) -> io::Result<Self> {
        let file = memfd_create("tenure-sentinel", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, size_of::<Layout>() as u64)?;
        let page = Self::map(file)?;
        for (word, bytes) in page.secret.iter().zip(secret.chunks_exact(8)) {
            let bytes = bytes.try_into().expect("eight at a time");
            word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
        }
        for slot in &page.slots {
            #[expect(unsafe_code, reason = "nobody else knows of the memory yet")]
            // SAFETY: the file is new, so this is the only mapping of it, and it is zeroed.
            unsafe {
                slot.initialise()?;
            }
        }
        page.mark.store(MARK, Ordering::Release);
        Ok(page)
    }

    /// The memory that another process made.
    pub(crate) fn open(file: OwnedFd) -> io::Result<Self> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "this is no sentinel's memory");
        if rustix::fs::fstat(&file)?.st_size != size_of::<Layout>() as i64 {
            return Err(wrong());
        }
        let page = Self::map(file)?;
        if page.mark.load(Ordering::Acquire) == MARK { Ok(page) } else { Err(wrong()) }
    }

    fn map(file: OwnedFd) -> io::Result<Self> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        #[expect(unsafe_code, reason = "a mapping has no safe interface")]
        // SAFETY: a new mapping, where the kernel likes, of as many bytes as the file has.
        let at = unsafe {
            mmap(std::ptr::null_mut(), size_of::<Layout>(), access, MapFlags::SHARED, &file, 0)
        }?;
        let layout = NonNull::new(at.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { layout, file })
    }

    /// Its file, for another process.
    pub(crate) fn file(&self) -> io::Result<File> {
        Ok(File::from(self.file.as_fd().try_clone_to_owned()?))
    }

    pub(crate) fn secret(&self) -> [u8; 32] {
        let mut secret = [0; 32];
        for (bytes, word) in secret.chunks_exact_mut(8).zip(&self.secret) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        secret
    }

    /// From now on nothing that is let go proves anything.
    pub(crate) fn end(&self) {
        self.has_ended.store(1, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire) != 0
    }

    /// Some thread has no slot: what became of the others proves nothing.
    pub(crate) fn run_short(&self) {
        self.is_short.store(1, Ordering::Release);
    }

    pub(crate) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Acquire) != 0
    }

    /// Whom to tell: the first [`PEERS_MAX`] of them. One caller at a time. A reader sees these or those of before, also where the writer dies in
    /// between.
    pub(crate) fn set_peers(&self, peers: &[SocketAddr]) {
        let next = 1 - self.current.load(Ordering::Acquire).min(1);
        let roster = &self.rosters[next];
        let peers = &peers[..peers.len().min(PEERS_MAX)];
        for (place, peer) in roster.peers.iter().zip(peers) {
            place.set(*peer);
        }
        roster.len.store(peers.len(), Ordering::Release);
        self.current.store(next, Ordering::Release);
    }

    pub(crate) fn peers(&self) -> Vec<SocketAddr> {
        let roster = &self.rosters[self.current.load(Ordering::Acquire).min(1)];
        let len = roster.len.load(Ordering::Acquire);
        roster.peers.iter().take(len).map(Place::get).collect()
    }
}

impl std::ops::Deref for Page {
    type Target = Layout;

    fn deref(&self) -> &Layout {
        #[expect(unsafe_code, reason = "reaches into the mapping")]
        // SAFETY: it is mapped as long as this lives; every pattern of bits is a valid layout, and all of it
        // may change under a shared reference.
        unsafe {
            self.layout.as_ref()
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "a mapping has no safe interface")]
        // SAFETY: nobody has a reference to it any more, and it is unmapped once.
        let unmapped = unsafe { munmap(self.layout.as_ptr().cast(), size_of::<Layout>()) };
        debug_assert!(unmapped.is_ok(), "it was mapped");
    }
}

impl Place {
    fn set(&self, address: SocketAddr) {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let bits = ip.to_bits();
        let words = [(bits >> 64) as u64, bits as u64, address.port().into()];
        for (word, value) in self.0.iter().zip(words) {
            word.store(value, Ordering::Relaxed);
        }
    }

    fn get(&self) -> SocketAddr {
        let [high, low, port] = [0, 1, 2].map(|at| self.0[at].load(Ordering::Relaxed));
        let ip = Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low));
        SocketAddr::new(ip.to_canonical(), port as u16)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;
    use crate::slot::Fate;

    fn addresses(count: usize) -> Vec<SocketAddr> {
        let port = |at| 7_000 + at as u16;
        let address = |at: usize| match at % 2 {
            0 => SocketAddr::new([10, 0, 0, 1].into(), port(at)),
            _ => SocketAddr::new([0xfd00, 0, 0, 0, 0, 0, 0, 1].into(), port(at)),
        };
        (0..count).map(address).collect()
    }

    #[test]
    fn the_other_side_sees_the_secret_and_the_latest_peers() {
        let page = Page::create([9; 32]).unwrap();
        let other = Page::open(page.file().unwrap().into()).unwrap();
        assert_eq!(other.secret(), [9; 32]);
        for count in [3, 0, PEERS_MAX, 1] {
            page.set_peers(&addresses(count));
            assert_eq!(other.peers(), addresses(count));
        }
        page.set_peers(&addresses(PEERS_MAX + 5));
        assert_eq!(other.peers(), addresses(PEERS_MAX));
    }

    #[test]
    fn other_memory_is_refused() {
        let file = memfd_create("other", MemfdFlags::CLOEXEC).unwrap();
        assert!(Page::open(file.try_clone().unwrap()).is_err(), "too short");
        ftruncate(&file, size_of::<Layout>() as u64).unwrap();
        assert!(Page::open(file).is_err(), "without the mark");
    }

    #[test]
    fn a_slot_is_held_by_one_thread_until_it_gives_it_back_or_dies() {
        let page = Arc::new(Page::create([1; 32]).unwrap());
        let slot = &page.slots[0];
        assert_eq!(slot.wait(), Fate::Free);
        assert!(slot.try_hold());
        let held = Arc::clone(&page);
        let other = thread::spawn(move || held.slots[0].try_hold());
        assert!(!other.join().unwrap());
        slot.give_back();
        assert_eq!(slot.wait(), Fate::Free);
        // A thread that ends with it, as one that was killed does.
        let held = Arc::clone(&page);
        assert!(thread::spawn(move || held.slots[0].try_hold()).join().unwrap());
        assert_eq!(slot.wait(), Fate::Dead);
        assert_eq!(slot.wait(), Fate::Dead, "also for the next sentinel");
        assert!(!slot.try_hold());
    }
}
