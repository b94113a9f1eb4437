//! A follower as a browser is one: it comes back by itself when its stream ends, and says where it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Deserialize;

use super::follower::Follower;
use super::heard::Told;
use crate::cluster::client::Doors;
use crate::stream::{Came, EventStream, Message, Unopened};

/// After how long it comes back, until a stream says otherwise.
const RETRY: Duration = Duration::from_secs(1);
/// The answer of a node that stops.
const UNAVAILABLE: u16 = 503;

/// What `EventSource` is in a page, with the page's part in it.
pub(super) struct Source {
    follower: Arc<Follower>,
    doors: Arc<Doors>,
    stop: Arc<AtomicBool>,
    /// Which door is next.
    at: usize,
    last_id: String,
    /// Whether the page has opened another one: it says in the URL where the last one was.
    is_another: bool,
    retry: Duration,
}

/// An event of the actors.
#[derive(Deserialize)]
struct Added {
    id: u64,
}

impl Source {
    /// Follows until it is told to stop, beginning at the door `at` and going to the next one whenever it comes back.
    pub(super) fn start(
        follower: Arc<Follower>,
        doors: Arc<Doors>,
        stop: Arc<AtomicBool>,
        at: usize,
    ) -> JoinHandle<()> {
        let last_id = String::new();
        let mut this = Self { follower, doors, stop, at, last_id, is_another: false, retry: RETRY };
        std::thread::spawn(move || {
            while !this.is_over() {
                let pause = this.follow();
                if !this.is_over() {
                    std::thread::sleep(pause);
                }
            }
        })
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Opens a stream and hears it to its end; gives the time until the next one.
    fn follow(&mut self) -> Duration {
        let Some(node) = self.doors.at(self.at) else { return self.retry };
        self.at += 1;
        let Follower { actor_type, actor, .. } = &*self.follower;
        let mut path = format!("/v1/{actor_type}/{actor}/events");
        let mut header = Some(self.last_id.as_str()).filter(|id| !id.is_empty());
        if let (true, Some(id)) = (self.is_another, header) {
            path.push_str(&format!("?after={id}"));
            header = None;
        }
        match EventStream::open(node, &path, header) {
            Ok(stream) => {
                self.follower.connections.fetch_add(1, Ordering::Relaxed);
                self.is_another = false;
                self.hear(stream);
                self.retry
            }
            Err(Unopened::Lost(_)) => self.retry,
            Err(Unopened::Refused { status, retry_after }) => {
                self.follower.refusals.fetch_add(1, Ordering::Relaxed);
                self.is_another = true;
                if status != UNAVAILABLE {
                    self.follower.heard.lock().find(format!("a stream was answered with {status}"));
                }
                retry_after.unwrap_or(self.retry)
            }
        }
    }

    fn hear(&mut self, mut stream: EventStream) {
        while !self.is_over() {
            match stream.next() {
                Came::Message(message) => self.take(message),
                Came::Nothing => {}
                Came::End => break,
            }
        }
        self.retry = stream.retry().unwrap_or(self.retry);
    }

    fn take(&mut self, message: Message) {
        let mut heard = self.follower.heard.lock();
        let Ok(at) = message.id.parse() else {
            heard.find(format!("{message:?} has no position"));
            return;
        };
        match message.name.as_str() {
            "begin" | "reset" => heard.take(Told::Began(at)),
            "" => {
                let added = serde_json::from_str::<Added>(&message.data);
                heard.take(Told::Event(at, added.ok().map(|added| added.id)));
            }
            _ => heard.find(format!("nobody knows what {message:?} is")),
        }
        self.last_id = message.id;
    }
}
