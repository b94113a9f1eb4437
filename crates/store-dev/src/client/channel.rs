use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tenure_transport::{Direction, SendError};
use tokio::time::Instant;

use crate::bounds::{
    ANSWER_BYTES_MAX, IN_FLIGHT_BYTES_MAX, IN_FLIGHT_MAX, WAITING_BYTES_MAX, WAITING_MAX,
};
use crate::codec::decode;
use crate::message::{Reply, numbered};

/// A reply has so many bytes more than its answer, at most.
const REPLY_HEAD_BYTES: usize = 16;

/// Who hears what became of a request, once.
pub(super) type Told = Box<dyn FnOnce(Reply) + Send>;

/// Requests of one class of lanes: those that wait, and those that the server has.
///
/// **Invariant:** a request is sent only while both lanes are up, its own and that of its answer, and all
/// that were sent are given up when one of them is lost: so none waits for an answer that cannot come. `Told`
/// is never called under the lock.
pub(super) struct Channel {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_out_up: bool,
    is_in_up: bool,
    /// For good.
    has_ended: bool,
    last: u64,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    sent: BTreeMap<u64, Sent>,
    sent_bytes: usize,
}

struct Waiting {
    number: u64,
    body: Bytes,
    since: Instant,
    told: Told,
}

struct Sent {
    bytes: usize,
    /// Of the answer.
    parts: Vec<u8>,
    told: Told,
}

impl Channel {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default() }
    }

    /// Takes a request, and sends it if it may.
    pub(super) fn ask(
        &self,
        request: &[u8],
        told: Told,
        send: impl Fn(Bytes) -> Result<(), SendError>,
    ) {
        let mut state = self.state.lock();
        let refusal = if state.has_ended {
            Some("the way to the server was closed")
        } else if state.waiting.len() >= WAITING_MAX
            || state.waiting_bytes + request.len() > WAITING_BYTES_MAX
        {
            Some("too much waits for the server")
        } else {
            None
        };
        if let Some(why) = refusal {
            drop(state);
            return told(Reply::Unknown(why.into()));
        }
        state.last += 1;
        let (number, since) = (state.last, Instant::now());
        let body = numbered(number, request);
        state.waiting_bytes += body.len();
        state.waiting.push_back(Waiting { number, body, since, told });
        let refused = state.pump(send);
        drop(state);
        refused.into_iter().for_each(|(told, reply)| told(reply));
    }

    /// A lane carries frames from now on.
    pub(super) fn up(&self, direction: Direction, send: impl Fn(Bytes) -> Result<(), SendError>) {
        let mut state = self.state.lock();
        *state.lane(direction) = true;
        let refused = state.pump(send);
        drop(state);
        refused.into_iter().for_each(|(told, reply)| told(reply));
    }

    /// A lane is lost, and with it what was under way.
    pub(super) fn lost(&self, direction: Direction, why: &str) {
        let mut state = self.state.lock();
        *state.lane(direction) = false;
        state.sent_bytes = 0;
        let sent = std::mem::take(&mut state.sent);
        drop(state);
        sent.into_values().for_each(|it| (it.told)(Reply::Unknown(why.into())));
    }

    /// Takes a part of an answer. One that nobody waits for any more is ignored.
    pub(super) fn heard(
        &self,
        number: u64,
        part: &[u8],
        is_last: bool,
        send: impl Fn(Bytes) -> Result<(), SendError>,
    ) {
        let mut state = self.state.lock();
        let Some(sent) = state.sent.get_mut(&number) else { return };
        let is_too_long = sent.parts.len() + part.len() > ANSWER_BYTES_MAX + REPLY_HEAD_BYTES;
        if !is_too_long {
            sent.parts.extend_from_slice(part);
            if !is_last {
                return;
            }
        }
        let Some(sent) = state.sent.remove(&number) else { return };
        state.sent_bytes -= sent.bytes;
        let refused = state.pump(send);
        drop(state);
        let reply = match is_too_long {
            true => Reply::Unknown("the server's answer is longer than answers are".into()),
            false => decode(&sent.parts).unwrap_or_else(|error| {
                Reply::Unknown(format!("the server's answer cannot be read: {error}").into())
            }),
        };
        (sent.told)(reply);
        refused.into_iter().for_each(|(told, reply)| told(reply));
    }

    /// Gives up on what has waited longer than `patience` for lanes that are not up.
    pub(super) fn give_up(&self, patience: Duration) {
        let mut state = self.state.lock();
        if state.is_up() {
            return;
        }
        let mut late = Vec::new();
        while let Some(first) = state.waiting.front()
            && first.since.elapsed() >= patience
        {
            late.extend(state.pop());
        }
        drop(state);
        let why = format!("the server was not reached in {patience:?}");
        late.into_iter().for_each(|it| (it.told)(Reply::Unknown(why.as_str().into())));
    }

    /// Gives up on everything, for good.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        let former = std::mem::replace(&mut *state, State { has_ended: true, ..State::default() });
        drop(state);
        let waiting = former.waiting.into_iter().map(|it| it.told);
        let all = waiting.chain(former.sent.into_values().map(|it| it.told));
        all.for_each(|told| told(Reply::Unknown("the way to the server was closed".into())));
    }
}

impl State {
    fn lane(&mut self, direction: Direction) -> &mut bool {
        match direction {
            Direction::Outbound => &mut self.is_out_up,
            Direction::Inbound => &mut self.is_in_up,
        }
    }

    fn is_up(&self) -> bool {
        self.is_out_up && self.is_in_up
    }

    fn pop(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.waiting_bytes -= first.body.len();
        Some(first)
    }

    /// Sends what may be sent. Gives those that can never be.
    fn pump(&mut self, send: impl Fn(Bytes) -> Result<(), SendError>) -> Vec<(Told, Reply)> {
        let mut refused = Vec::new();
        while self.is_up()
            && self.sent.len() < IN_FLIGHT_MAX
            && let Some(first) = self.waiting.front()
        {
            let bytes = first.body.len();
            if !self.sent.is_empty() && self.sent_bytes + bytes > IN_FLIGHT_BYTES_MAX {
                break;
            }
            let error = match send(first.body.clone()) {
                Ok(()) => None,
                Err(error @ SendError::TooLarge { .. }) => Some(error),
                // An answer, or the lane that comes up again, leads back here.
                Err(_) => break,
            };
            let Some(Waiting { number, told, .. }) = self.pop() else { break };
            if let Some(error) = error {
                refused.push((told, Reply::Refused(error.to_string().into())));
                continue;
            }
            self.sent_bytes += bytes;
            self.sent.insert(number, Sent { bytes, parts: Vec::new(), told });
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::codec::encode;
    use crate::message::read_number;

    /// A channel, what it sent, and what was told.
    #[derive(Default)]
    struct Watched {
        sent: Mutex<Vec<u64>>,
        told: Arc<Mutex<Vec<(usize, Reply)>>>,
    }

    impl Watched {
        fn send(&self, body: &Bytes) -> Result<(), SendError> {
            self.sent.lock().extend(read_number(body).map(|(number, _)| number));
            Ok(())
        }

        fn ask(&self, channel: &Channel, nth: usize, bytes: usize) {
            let told = Arc::clone(&self.told);
            let hear = Box::new(move |reply| told.lock().push((nth, reply)));
            channel.ask(&vec![0; bytes], hear, |body| self.send(&body));
        }

        fn up(&self, channel: &Channel) {
            for direction in [Direction::Outbound, Direction::Inbound] {
                channel.up(direction, |body| self.send(&body));
            }
        }

        fn unknown(&self) -> usize {
            let told = self.told.lock();
            told.iter().filter(|(_, reply)| matches!(reply, Reply::Unknown(_))).count()
        }
    }

    #[test]
    fn no_more_is_sent_than_the_server_takes_and_answers_let_the_rest_follow() {
        let (channel, watched) = (Channel::new(), Watched::default());
        (0..IN_FLIGHT_MAX + 10).for_each(|nth| watched.ask(&channel, nth, 8));
        assert_eq!(watched.sent.lock().len(), 0, "nothing leaves before both lanes are up");
        watched.up(&channel);
        assert_eq!(watched.sent.lock().len(), IN_FLIGHT_MAX);
        let reply = encode(&Reply::Done(vec![1, 2, 3]));
        let (first, rest) = reply.split_at(2);
        channel.heard(5, first, false, |body| watched.send(&body));
        channel.heard(5, rest, true, |body| watched.send(&body));
        channel.heard(5, rest, true, |body| watched.send(&body));
        assert_eq!(*watched.told.lock(), [(4, Reply::Done(vec![1, 2, 3]))], "told once");
        assert_eq!(watched.sent.lock().len(), IN_FLIGHT_MAX + 1);
        channel.lost(Direction::Inbound, "a test");
        assert_eq!(watched.unknown(), IN_FLIGHT_MAX, "all that were sent are given up");
        channel.heard(6, &reply, true, |body| watched.send(&body));
        assert_eq!(watched.told.lock().len(), IN_FLIGHT_MAX + 1, "a late answer is nobody's");
        channel.up(Direction::Inbound, |body| watched.send(&body));
        assert_eq!(watched.sent.lock().len(), IN_FLIGHT_MAX + 10, "the others follow");
        channel.end();
        assert_eq!(watched.told.lock().len(), IN_FLIGHT_MAX + 10);
        watched.ask(&channel, 9_999, 8);
        assert_eq!(watched.told.lock().len(), IN_FLIGHT_MAX + 11, "nothing waits after the end");
    }

    #[test]
    fn what_waits_is_bounded_by_count_and_bytes_and_time() {
        let (channel, watched) = (Channel::new(), Watched::default());
        (0..WAITING_MAX).for_each(|nth| watched.ask(&channel, nth, 1));
        assert_eq!(watched.unknown(), 0);
        watched.ask(&channel, WAITING_MAX, 1);
        assert_eq!(watched.unknown(), 1, "one more is told at once");
        channel.give_up(Duration::from_secs(3_600));
        assert_eq!(watched.unknown(), 1, "the others may wait for so long");
        channel.give_up(Duration::ZERO);
        assert_eq!(watched.unknown(), WAITING_MAX + 1);
        let (large, fit) = (16 << 20, WAITING_BYTES_MAX / (16 << 20) - 1);
        (0..fit).for_each(|nth| watched.ask(&channel, nth, large));
        let before = watched.unknown();
        (0..2).for_each(|nth| watched.ask(&channel, nth, large));
        assert!(watched.unknown() > before, "so are bytes");
    }

    #[test]
    fn one_large_request_is_sent_at_a_time() {
        let (channel, watched) = (Channel::new(), Watched::default());
        watched.up(&channel);
        (0..2).for_each(|nth| watched.ask(&channel, nth, IN_FLIGHT_BYTES_MAX));
        assert_eq!(*watched.sent.lock(), [1]);
        channel.heard(1, &encode(&Reply::Done(Vec::new())), true, |body| watched.send(&body));
        assert_eq!(*watched.sent.lock(), [1, 2]);
    }
}
