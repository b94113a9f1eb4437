//! The sentinel itself.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::notice::Notice;
use crate::page::Page;
use crate::slot::Fate;

/// Is set for the process that is to be a sentinel. Its standard input is the memory it shares.
pub(crate) const VARIABLE: &str = "TENURE_SENTINEL";
/// After how many milliseconds the notice is sent again: datagrams are lost.
const AGAIN_MS: [u64; 9] = [0, 2, 10, 30, 60, 100, 300, 500, 1_000];

/// Is the sentinel of the process that started this one, where that is what was started; must be called before anything
/// else in `main`, which then returns what it gives. `None` in every other process.
#[must_use]
pub fn run_if_asked() -> Option<ExitCode> {
    std::env::var_os(VARIABLE)?;
    let page = io::stdin().as_fd().try_clone_to_owned().and_then(Page::open);
    let Ok(page) = page else { return Some(ExitCode::FAILURE) };
    outlive_the_parent();
    if is_dead(&page) {
        tell(&page);
    }
    Some(ExitCode::SUCCESS)
}

/// A process that is alone when its parent dies is sent SIGHUP by the kernel, and SIGCONT if it was stopped (POSIX,
/// `_exit`): the first must not end this one, and the second is welcome.
fn outlive_the_parent() {
    #[expect(unsafe_code, reason = "the disposition of a signal has no safe interface")]
    // SAFETY: ignoring a signal installs no handler.
    unsafe {
        libc::signal(libc::SIGHUP, libc::SIG_IGN);
    }
}

/// Waits until every thread that held a slot has given it back or died; whether that proves a death.
fn is_dead(page: &Page) -> bool {
    let mut seen = 0;
    loop {
        let mut dead = 0;
        for slot in &page.slots {
            match slot.wait() {
                Fate::Free => {}
                Fate::Dead => dead += 1,
                Fate::Unknown => return false,
            }
        }
        if page.has_ended() || page.is_short() {
            return false;
        }
        // Whoever took a slot behind this look is seen by the next one.
        if dead == seen {
            return dead > 0;
        }
        seen = dead;
    }
}

fn tell(page: &Page) {
    let notice = Notice::new(page.secret()).to_bytes();
    let peers = page.peers();
    let any = |ip: std::net::IpAddr| UdpSocket::bind((ip, 0)).ok();
    let sockets = [any(Ipv4Addr::UNSPECIFIED.into()), any(Ipv6Addr::UNSPECIFIED.into())];
    for pause in AGAIN_MS {
        thread::sleep(Duration::from_millis(pause));
        for peer in &peers {
            if let Some(socket) = &sockets[usize::from(peer.is_ipv6())] {
                send(socket, &notice, *peer);
            }
        }
    }
}

/// What is not sent now is sent again.
fn send(socket: &UdpSocket, notice: &[u8], peer: SocketAddr) {
    let _ = socket.send_to(notice, peer);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A thread has taken this slot and has ended with it, as one that was killed does.
    fn dies_with(page: &Arc<Page>, at: usize) {
        let page = Arc::clone(page);
        let took = thread::spawn(move || page.slots[at].try_hold()).join();
        assert!(took.expect("it ends"));
    }

    fn page() -> Arc<Page> {
        Arc::new(Page::create([1; 32]).expect("shared memory"))
    }

    #[test]
    fn only_the_end_of_all_who_held_a_place_is_a_death() {
        assert!(!is_dead(&page()), "nobody held one");
        let page = page();
        dies_with(&page, 0);
        dies_with(&page, 2);
        assert!(page.slots[1].try_hold(), "this thread lives");
        let watched = Arc::clone(&page);
        let waits = thread::spawn(move || is_dead(&watched));
        page.slots[1].give_back();
        assert!(waits.join().expect("it ends"));
        assert!(page.slots[2].was_seen_dead(), "it did not stop at the first one");
    }

    #[test]
    fn what_is_let_go_in_good_order_or_beside_others_without_a_place_proves_nothing() {
        for disturb in [Page::end, Page::run_short] {
            let page = page();
            dies_with(&page, 0);
            disturb(&page);
            assert!(!is_dead(&page));
        }
    }
}
