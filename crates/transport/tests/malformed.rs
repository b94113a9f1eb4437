//! Nonsense without end, from strangers and from a peer: it ends what it came on, and nothing else.
//!
//! `TENURE_MALFORMED=1000000` tries a million; a run of the tests tries 20,000.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tenure_transport::{
    Class, ClusterName, Config, Credit, Event, Frame, Inbound, LaneEnd, Network, Peer,
    PeerIdentity, Security, Transport,
};
use tenure_types::{Incarnation, NodeId};
use tokio::sync::mpsc;

const TIMES: usize = 20_000;
/// How much the process may grow over all of them.
const GROWTH_BYTES_MAX: usize = 16 << 20;
/// So many come before the first look at the memory.
const WARM_UP: usize = 2_000;

/// Counts what happens, and passes the frames of the honest peer on.
#[derive(Default)]
struct Counts {
    refused: AtomicUsize,
    malformed: AtomicUsize,
    broken: AtomicUsize,
    honest: Option<mpsc::UnboundedSender<Frame>>,
}

impl Inbound for Counts {
    fn received(&self, from: &PeerIdentity, frame: Frame, _credit: Credit<'_>) {
        if from.node.as_str() == "honest"
            && let Some(honest) = &self.honest
        {
            honest.send(frame).expect("the test listens");
        }
    }

    fn happened(&self, event: Event) {
        let count = match event {
            Event::CallerRefused { .. } => &self.refused,
            Event::LaneLost { peer, end, .. } => {
                assert_eq!(peer.node.as_str(), "liar", "an honest lane is lost: {end}");
                match end {
                    LaneEnd::Malformed(_) => &self.malformed,
                    _ => &self.broken,
                }
            }
            _ => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn identity(node: &str) -> PeerIdentity {
    PeerIdentity { node: NodeId::new(node).unwrap(), incarnation: Incarnation(1) }
}

async fn start(node: &str, counts: Arc<Counts>) -> Transport {
    let config = Config {
        cluster: ClusterName::new("test").unwrap(),
        identity: identity(node),
        listen: "127.0.0.1:0".to_owned(),
        network: Network::tcp(),
        security: Security::Open,
        hello: Bytes::new(),
    };
    Transport::start(config, counts).await.unwrap()
}

/// Nonsense that is the same in each run (SplitMix64).
struct Nonsense(u64);

impl Nonsense {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// What a node without a key says first.
fn opening() -> Vec<u8> {
    let mut bytes = b"tenure\r\n\x01\0\x01\0\0\0\0\0".to_vec();
    bytes.resize(80, 7);
    bytes
}

fn introduction() -> Vec<u8> {
    let mut words = b"\x04test\x04liar".to_vec();
    words.extend(1_u64.to_le_bytes());
    words.extend(b"\x06target");
    words.extend(1_u64.to_le_bytes());
    words.push(1);
    let mut message = u32::try_from(words.len()).unwrap().to_le_bytes().to_vec();
    message.extend(words);
    message
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Waits until the other end has hung up.
fn until_closed(mut stream: TcpStream) {
    let _hung_up = stream.shutdown(Shutdown::Write);
    let mut said = [0; 256];
    while matches!(stream.read(&mut said), Ok(1..)) {}
}

fn as_a_stranger(address: &str, nonsense: &mut Nonsense) {
    let mut stream = connect(address);
    let len = nonsense.next() as usize % 300;
    let mut bytes = nonsense.bytes(len);
    if nonsense.next().is_multiple_of(2) {
        // It begins well and goes on badly.
        bytes = [opening(), bytes].concat();
    }
    let _hung_up = stream.write_all(&bytes);
    until_closed(stream);
}

fn as_a_peer(address: &str, nonsense: &mut Nonsense) {
    let mut stream = connect(address);
    stream.write_all(&[opening(), introduction()].concat()).unwrap();
    let (mut theirs, mut length) = ([0; 80], [0; 4]);
    stream.read_exact(&mut theirs).unwrap();
    stream.read_exact(&mut length).unwrap();
    let mut verdict = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut verdict).unwrap();
    assert_eq!(verdict[0], 0, "it is welcome");
    // Some frames are good, some claim too much, and some are anything.
    let mut frames = b"\x04\0\0\0\x01\0\x07\0good".to_vec();
    match nonsense.next() % 3 {
        0 => frames.extend(b"\0\0\0\x01\x01\0\x07\0"),
        1 => frames.extend(b"\xff\xff\xff\xff\x01\0\x07\0"),
        _ => frames.extend(nonsense.bytes(64)),
    }
    let _hung_up = stream.write_all(&frames);
    until_closed(stream);
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = statm.split_whitespace().nth(1).expect("the second number");
    pages.parse::<usize>().expect("a number") * 4_096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn nonsense_ends_what_it_came_on_and_nothing_else() {
    let times = std::env::var("TENURE_MALFORMED").map_or(TIMES, |text| text.parse().unwrap());
    let (sender, mut received) = mpsc::unbounded_channel();
    let counts = Arc::new(Counts { honest: Some(sender), ..Counts::default() });
    let target = start("target", Arc::clone(&counts)).await;
    let honest = start("honest", Arc::default()).await;
    let to_honest = Peer { identity: identity("honest"), address: honest.address().to_owned() };
    let liar = Peer { identity: identity("liar"), address: "127.0.0.1:1".to_owned() };
    target.set_peers([to_honest, liar]).unwrap();
    let to_target = Peer { identity: identity("target"), address: target.address().to_owned() };
    honest.set_peers([to_target.clone()]).unwrap();
    let address = to_target.address.clone();
    let (progress, mut passed) = mpsc::channel(1);
    let lying = tokio::task::spawn_blocking(move || {
        let mut nonsense = Nonsense(7);
        let mut before = 0;
        for round in 0..times {
            match round % 2 {
                0 => as_a_stranger(&address, &mut nonsense),
                _ => as_a_peer(&address, &mut nonsense),
            }
            if round == WARM_UP {
                before = resident_bytes();
            }
            if round % 100 == 0 {
                progress.blocking_send(()).expect("the test listens");
            }
        }
        resident_bytes().saturating_sub(before)
    });
    // The honest peer is heard all the while, each frame once.
    let mut sent = 0_u64;
    while passed.recv().await.is_some() {
        let body = Bytes::copy_from_slice(&sent.to_le_bytes());
        let frame = Frame { class: Class::Call, kind: 1, body: body.clone() };
        honest.send(&to_target.identity, frame).unwrap();
        let heard = tokio::time::timeout(Duration::from_secs(30), received.recv()).await;
        assert_eq!(heard.expect("it is heard").map(|frame| frame.body), Some(body));
        sent += 1;
    }
    let grown = lying.await.unwrap();
    assert!(grown <= GROWTH_BYTES_MAX, "{times} of them took {grown} bytes");
    let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    assert!(count(&counts.refused) >= times / 2, "{} were refused", count(&counts.refused));
    assert!(count(&counts.malformed) >= times / 4, "{} were cut off", count(&counts.malformed));
}
