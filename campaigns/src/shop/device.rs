//! A device: it edits a cart that another one edits, too, and orders from it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::anyhow;
use serde::Deserialize;

use super::desk::{Desk, Lines, SINGLE, count};
use crate::http::{Connection, Cut, Failure, Refusal, Reply, Request};
use crate::seed::Seeded;

/// How long a device waits before it makes a call again that was certainly not executed.
const AGAIN_PAUSE: Duration = Duration::from_millis(3);
/// Up to how long a device waits for a reply before it goes away.
const WAIT_MAX: Duration = Duration::from_millis(3);
/// About as long as the head of a reply.
const REPLY_BYTES: u64 = 60;
/// How often a device looks at the cart anew when the other one was faster.
const LOOKS_MAX: u32 = 8;
/// What an edit may be refused with.
const REFUSALS: [&str; 5] = ["too_many", "too_few", "full", "empty", "busy"];

/// A cart as it is read, and as a checkout found it.
#[derive(Deserialize)]
struct Shown {
    lines: Lines,
}

#[derive(Deserialize)]
struct Placed {
    order: String,
    lines: Lines,
}

/// All devices at work.
pub(super) struct Devices {
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<()>>,
}

/// Devices that share a connection, as behind one proxy.
struct Group {
    desk: Arc<Desk>,
    connection: Connection,
    numbers: Seeded,
}

/// How a call ended.
enum Answer {
    Done(Reply),
    Refused(Refusal),
    /// The campaign is over.
    Stopped,
}

impl Devices {
    pub(super) fn start(
        desk: &Arc<Desk>,
        address: SocketAddr,
        connections: u16,
        seeds: &mut Seeded,
    ) -> Self {
        let threads = (0..connections).map(|number| {
            let connection = Connection::new(address);
            let group = Group { desk: Arc::clone(desk), connection, numbers: seeds.fork() };
            let devices = (0..desk.households.len() * 2).skip(usize::from(number));
            let devices: Vec<usize> = devices.step_by(usize::from(connections)).collect();
            std::thread::spawn(move || group.work(&devices))
        });
        Self { threads: threads.collect(), desk: Arc::clone(desk) }
    }

    pub(super) fn join(&mut self) -> anyhow::Result<()> {
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| anyhow!("a device panicked"))?;
        }
        Ok(())
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.desk.stop.store(true, Ordering::Relaxed);
        // The campaign has failed already where threads are left.
        let _ = self.join();
    }
}

impl Group {
    /// Each device makes an edit in turn. Those of one pair are neighbours, and so in two groups.
    fn work(mut self, devices: &[usize]) {
        let desk = Arc::clone(&self.desk);
        for edit in 0..desk.edits {
            for device in devices {
                if desk.is_wrong() || desk.stop.load(Ordering::Relaxed) {
                    return;
                }
                self.act(*device, edit);
                count(&desk.done);
            }
        }
    }

    fn act(&mut self, device: usize, edit: u32) {
        let household = device / 2;
        let key = format!("device-{device}-{edit}");
        let item = self.numbers.below(self.desk.items.len() as u64 - 1) as usize;
        let item = self.desk.items[item].name.clone();
        match self.numbers.below(100) {
            0..42 => {
                let quantity = 1 + self.numbers.below(3);
                self.change(household, &key, "add", &item, quantity as i64);
            }
            42..62 => {
                let quantity = 1 + self.numbers.below(2);
                self.change(household, &key, "remove", &item, -(quantity as i64));
            }
            62..86 => self.set(household, &key, &item),
            86..91 => self.change(household, &key, "add", SINGLE, 1),
            _ => self.checkout(household, &key),
        }
    }

    /// Adds or removes: whatever the other device does, it is this much more or less.
    fn change(&mut self, household: usize, key: &str, verb: &str, item: &str, by: i64) {
        let body = format!(r#"{{"item":"{item}","quantity":{}}}"#, by.unsigned_abs());
        if let Answer::Done(_) = self.edit(household, key, verb, &body, None) {
            self.note(household, item, by);
        }
    }

    /// Makes it so many pieces, if the cart is still as it was seen.
    fn set(&mut self, household: usize, key: &str, item: &str) {
        let desk = Arc::clone(&self.desk);
        let wanted = self.numbers.below(6) as i64;
        let body = format!(r#"{{"item":"{item}","quantity":{wanted}}}"#);
        for look in 0..LOOKS_MAX {
            let path = format!("/v1/cart/{}/show", Desk::key(household));
            let request = Request { method: "GET", path: &path, ..Request::default() };
            let seen = match self.ask(&request) {
                Answer::Done(reply) => reply,
                Answer::Refused(why) => return desk.find(format!("{path} was refused: {why}")),
                Answer::Stopped => return,
            };
            let (Ok(shown), Some(tag)) = (serde_json::from_str::<Shown>(&seen.body), seen.tag)
            else {
                return desk.find(format!("{path} shows {:?} without a tag", seen.body));
            };
            let present = shown.lines.get(item).map_or(0, |quantity| i64::from(*quantity));
            // What has not happened may become another edit, with a key of its own.
            let key = format!("{key}-{look}");
            match self.edit(household, &key, "set", &body, Some(&tag)) {
                Answer::Done(_) => return self.note(household, item, wanted - present),
                Answer::Refused(why) if why.code == "version_mismatch" => count(&desk.overtaken),
                Answer::Refused(_) | Answer::Stopped => return,
            }
        }
    }

    fn checkout(&mut self, household: usize, key: &str) {
        let Answer::Done(reply) = self.edit(household, key, "checkout", "", None) else { return };
        match serde_json::from_str::<Placed>(&reply.body) {
            Ok(Placed { order, lines }) => {
                let mut told = self.desk.households[household].lock();
                if told.orders.insert(order.clone(), lines).is_some() {
                    self.desk.find(format!("two checkouts made the order {order}"));
                }
            }
            Err(_) => self.desk.find(format!("a checkout was answered {:?}", reply.body)),
        }
    }

    fn note(&self, household: usize, item: &str, by: i64) {
        let mut told = self.desk.households[household].lock();
        *told.changes.entry(item.to_owned()).or_default() += by;
    }

    /// Makes one edit until it is answered. Refusals that cannot be are found.
    fn edit(
        &mut self,
        household: usize,
        key: &str,
        verb: &str,
        body: &str,
        tag: Option<&str>,
    ) -> Answer {
        let desk = Arc::clone(&self.desk);
        let path = format!("/v1/cart/{}/{verb}", Desk::key(household));
        let key = desk.has_keys.then_some(key);
        let path = path.as_str();
        let request = Request { method: "POST", path, body, key, tag, ..Request::default() };
        let answer = self.ask(&request);
        match &answer {
            Answer::Done(_) => count(&desk.acknowledged),
            Answer::Refused(why) if tag.is_some() && why.code == "version_mismatch" => {}
            Answer::Refused(why) if REFUSALS.contains(&why.code.as_str()) => count(&desk.refused),
            Answer::Refused(why) => desk.find(format!("{path} {body} was refused: {why}")),
            Answer::Stopped => {}
        }
        answer
    }

    /// Makes a call until it is answered, and goes away in the middle of some attempts.
    fn ask(&mut self, request: &Request<'_>) -> Answer {
        let desk = Arc::clone(&self.desk);
        loop {
            let cut = (self.numbers.below(100) < desk.cuts).then(|| self.cut());
            match self.connection.ask(request, cut) {
                Ok(reply) => {
                    if reply.was_replayed {
                        count(&desk.replayed);
                    }
                    return Answer::Done(reply);
                }
                Err(Failure::Refused(why)) => return Answer::Refused(why),
                Err(Failure::Unknown(_)) => {}
                Err(Failure::NotExecuted(_)) => std::thread::sleep(AGAIN_PAUSE),
            }
            count(&desk.again);
            if desk.stop.load(Ordering::Relaxed) {
                return Answer::Stopped;
            }
        }
    }

    fn cut(&mut self) -> Cut {
        match self.numbers.below(3) {
            0 => Cut::Sending(1 + self.numbers.below(100) as usize),
            1 => Cut::Waiting(self.numbers.time_below(WAIT_MAX)),
            _ => Cut::Replying(1 + self.numbers.below(REPLY_BYTES) as usize),
        }
    }
}
