use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::session::{Client, Item, SessionConfig};
use crate::still::{Driven, Still};
use tenure_actor::host::HostHandle;

/// Bytes that are on their way between a socket and its client.
const PIPE_BYTES: usize = 1_024;

/// What a client sends means nothing.
struct Mute {
    client: Arc<Client>,
    host: HostHandle,
    config: SessionConfig,
}

impl Speaker for Mute {
    fn client(&self) -> &Arc<Client> {
        &self.client
    }

    fn host(&self) -> &HostHandle {
        &self.host
    }

    fn config(&self) -> &SessionConfig {
        &self.config
    }

    fn is_connected(&self) -> bool {
        true
    }

    fn expires_at(&self) -> Option<Instant> {
        None
    }

    fn receive(self: &Arc<Self>, _: &Message) -> Result<Vec<BoxFuture<'static, ()>>, Close> {
        Ok(Vec::new())
    }

    fn ping(&self) {}

    fn write(item: &Item) -> Message {
        let Item::Text(text) = item else { unreachable!("nothing is followed") };
        Message::Text(text.clone().try_into().expect("it is a text"))
    }

    fn ended(&self) {}
}

/// A socket that is driven by hand, its client as the node sees it, and the client's end.
fn open(
    still: &Arc<Still>,
    config: &SessionConfig,
) -> (Driven<'static, ()>, Arc<Client>, DuplexStream) {
    let (io, end) = tokio::io::duplex(PIPE_BYTES);
    let (host, config) = (still.host(), config.clone());
    let (began, remote) = (host.clock().now(), ([127, 0, 0, 1], 0).into());
    let client = Arc::new(Client::new(String::new(), remote, "mute", began, config.outbox()));
    let speaker = Arc::new(Mute { client: Arc::clone(&client), host, config });
    (Driven::new(drive(io, Vec::new(), speaker)), client, end)
}

fn text(number: usize, bytes: usize) -> Item {
    Item::Text(format!("{number:0bytes$}").into())
}

/// What a client reads, up to the end, by number; and with which code it ended.
fn read_to_end(
    socket: &mut Driven<'_, ()>,
    end: DuplexStream,
) -> (Vec<usize>, Option<u16>, WebSocketStream<DuplexStream>) {
    let mut reader = socket.beside(WebSocketStream::from_raw_socket(end, Role::Client, None));
    let mut numbers = Vec::new();
    loop {
        match socket.beside(reader.next()) {
            Some(Ok(Message::Text(text))) => numbers.push(text.parse().expect("a number")),
            Some(Ok(Message::Close(frame))) => {
                return (numbers, frame.map(|it| it.code.into()), reader);
            }
            Some(Ok(_)) => {}
            None | Some(Err(_)) => return (numbers, None, reader),
        }
    }
}

#[test]
fn who_goes_on_sending_after_a_message_that_is_too_large_is_told_why_it_ends() {
    let config = SessionConfig { message_bytes_max: 1_000, ..SessionConfig::default() };
    let (mut socket, client, mut end) = open(&Still::new(), &config);
    // The end has to wait for the client to read, which it does not before it has sent everything.
    client.push(text(1, 10 * PIPE_BYTES));
    socket.run();
    let header = [&[0x81, 0x80 | 127][..], &50_000_u64.to_be_bytes(), &[0; 4]].concat();
    socket.beside(end.write_all(&header)).expect("it is taken");
    for _ in 0..100 {
        socket.beside(end.write_all(&[b'x'; 10 * PIPE_BYTES])).expect("it is taken");
    }
    assert_eq!(client.closing(), Some(TOO_LARGE));
    assert!(!socket.has_ended(), "it was not told yet");
    let mut said = Vec::new();
    socket.beside(end.read_to_end(&mut said)).expect("it ends in order");
    let close = [&[0x88, 2 + 17, 0x03, 0xf1][..], b"message too large"].concat();
    assert!(said.ends_with(&close), "{:?}", said.last_chunk::<32>());
    assert!(socket.has_ended());
}

#[test]
fn who_reads_nothing_does_not_keep_its_socket() {
    for close in [Close::SHUTDOWN, Close::FORCED, Close::SLOW] {
        let still = Still::new();
        let (mut socket, client, _end) = open(&still, &SessionConfig::default());
        client.push(text(1, 10 * PIPE_BYTES));
        socket.run();
        client.close(close);
        let almost = LAST_WRITE_TIMEOUT - Duration::from_millis(1);
        for by in [Duration::ZERO, almost] {
            still.advance(by);
            socket.run();
            assert!(!socket.has_ended(), "{close:?} after {by:?}");
        }
        still.advance(Duration::from_millis(1));
        socket.run();
        assert!(socket.has_ended(), "{close:?} waits for ever");
    }
}

#[test]
fn who_does_not_answer_the_end_has_less_time() {
    let still = Still::new();
    let (mut socket, client, mut end) = open(&still, &SessionConfig::default());
    client.close(Close::SHUTDOWN);
    let mut close = [0; 12];
    socket.beside(end.read_exact(&mut close)).expect("it is told");
    assert_eq!(&close, b"\x88\x0a\x0b\xb9shutdown");
    still.advance(CLOSE_TIMEOUT - Duration::from_millis(1));
    socket.run();
    assert!(!socket.has_ended(), "it may answer");
    still.advance(Duration::from_millis(1));
    socket.run();
    assert!(socket.has_ended());
}

#[test]
fn who_lets_too_many_bytes_wait_is_told_to_come_back_and_no_other() {
    const EVENTS: usize = 900;
    const EVENT_BYTES: usize = 1_024;
    let config = SessionConfig { outbox_bytes_max: 64 * 1_024, ..SessionConfig::default() };
    assert!(EVENTS < config.outbox_messages_max, "it is not their number that is bounded here");
    let still = Still::new();
    let (mut slow, of_slow, end_of_slow) = open(&still, &config);
    let (mut other, of_other, end_of_other) = open(&still, &config);
    let mut reader =
        other.beside(WebSocketStream::from_raw_socket(end_of_other, Role::Client, None));
    for number in 0..EVENTS {
        for client in [&of_slow, &of_other] {
            client.push(text(number, EVENT_BYTES));
        }
        slow.run();
        let said = other.beside(reader.next()).expect("it is open").expect("it is well");
        assert_eq!(said.to_text().expect("a text").parse(), Ok(number));
    }
    assert_eq!((of_slow.closing(), of_other.closing()), (Some(Close::SLOW), None));
    let (seen, code, _) = read_to_end(&mut slow, end_of_slow);
    assert_eq!(code, Some(3008));
    assert!(seen.iter().copied().eq(0..seen.len()), "in order, without a gap: {seen:?}");
    // What waits for the client, and what the driver has gathered to write.
    let most = config.outbox_bytes_max + WRITE_BUFFER_BYTES + PIPE_BYTES + 2 * EVENT_BYTES;
    let bytes = seen.len() * EVENT_BYTES;
    assert!((config.outbox_bytes_max..=most).contains(&bytes), "{bytes} were kept, of {most}");
}
