//! Where names of hosts lead.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{BoxFuture, Instant};
use tokio::net::lookup_host;

/// After how long a name that was found is looked up again.
const NAME_KEPT: Duration = Duration::from_secs(10);
/// After how long one that was not found is.
const AGAIN: Duration = Duration::from_secs(1);
/// Of how many names the addresses are known. Others are not reached until one is forgotten that nobody uses.
const NAMES_MAX: usize = 4_096;

/// Asks for the addresses of a host and port.
pub(super) type Resolve =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Asks the operating system.
pub(super) fn system() -> Resolve {
    Arc::new(|name| Box::pin(async move { Ok(lookup_host(name).await?.collect()) }))
}

/// The addresses of names as they were known last. One that is old is better than none: while no name is found, whoever was
/// reached is reached still.
#[derive(Default)]
pub(super) struct Names(Mutex<BTreeMap<Box<str>, Named>>);

struct Named {
    at: Option<SocketAddr>,
    /// When it is looked up again.
    until: Instant,
    /// Somebody looks it up now.
    is_asked: bool,
}

impl Names {
    /// Where it led last, and whether the caller is to look it up now, and to say [`Names::looked_up`] then.
    pub(super) fn look(&self, name: &str, now: Instant) -> (Option<SocketAddr>, bool) {
        let mut names = self.0.lock();
        if let Some(named) = names.get_mut(name) {
            let is_due = !named.is_asked && named.until <= now;
            named.is_asked |= is_due;
            return (named.at, is_due);
        }
        if names.len() >= NAMES_MAX {
            // What is in use is looked up when it is time.
            names.retain(|_, named| named.is_asked || now < named.until);
        }
        let has_room = names.len() < NAMES_MAX;
        if has_room {
            names.insert(name.into(), Named { at: None, until: now, is_asked: true });
        }
        (None, has_room)
    }

    /// It leads there; `None`: nobody knows where.
    pub(super) fn looked_up(&self, name: &str, found: Option<SocketAddr>, now: Instant) {
        if let Some(named) = self.0.lock().get_mut(name) {
            named.is_asked = false;
            named.until = now + if found.is_some() { NAME_KEPT } else { AGAIN };
            named.at = found.or(named.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nobody_uses_make_room_and_those_that_are_looked_up_do_not() {
        let (names, now) = (Names::default(), Instant::ZERO);
        let at: SocketAddr = ([10, 0, 0, 1], 1).into();
        for n in 0..NAMES_MAX {
            assert_eq!(names.look(&format!("{n}"), now), (None, true));
        }
        assert_eq!(names.look("x", now), (None, false), "all are looked up");
        names.looked_up("0", Some(at), now);
        assert_eq!(names.look("x", now), (None, false), "one is known for a while");
        assert_eq!(names.look("0", now + NAME_KEPT), (Some(at), true));
        names.looked_up("0", None, now + NAME_KEPT);
        assert_eq!(names.look("0", now + NAME_KEPT), (Some(at), false));
        assert_eq!(names.look("x", now + NAME_KEPT + AGAIN), (None, true), "it was not used");
    }
}
