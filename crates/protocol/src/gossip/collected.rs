use std::time::Duration;

use foca::{OwnedNotification, Runtime};

use super::Peer;

/// What one call of foca brings about.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) sends: Vec<(Peer, Vec<u8>)>,
    pub(super) timers: Vec<(Duration, foca::Timer<Peer>)>,
    pub(super) notes: Vec<OwnedNotification<Peer>>,
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
