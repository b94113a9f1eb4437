//! Frames between two nodes over loopback, both in this process, beside raw TCP with one write a frame.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tenure_transport::{
    Authority, Class, ClusterKey, ClusterName, Config, Credit, Direction, Event, Frame, Inbound,
    Lane, Network, Peer, PeerIdentity, Security, TlsIdentity, Transport,
};
use tenure_types::{Incarnation, NodeId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::setting::{Setting, callers_runtime, spawn_on};
use crate::load;
use crate::report::Report;

/// The most frames and bytes that are under way, or wait for the raw connection's writer.
const UNDER_WAY_FRAMES: usize = 8_192;
const UNDER_WAY_BYTES: usize = 8 << 20;
/// What the raw reader asks for.
const RAW_READ_BYTES: usize = 256 << 10;
const RAW_HEADER_BYTES: usize = 4;

/// Gives every frame that arrives to whoever waits for an answer, or answers it itself.
#[derive(Default)]
struct End {
    ups: Mutex<Option<mpsc::UnboundedSender<()>>>,
    answers: Mutex<Option<mpsc::Sender<Bytes>>>,
    back: Mutex<Option<Lane>>,
    /// What may be under way: senders take from it, and what arrives gives back.
    room: Option<Arc<Semaphore>>,
}

/// A frame that wants an answer.
const ASKS: u8 = 1;

impl Inbound for End {
    fn received(&self, _from: &PeerIdentity, frame: Frame, _credit: Credit<'_>) {
        if let Some(room) = &self.room {
            room.add_permits(1);
        }
        if frame.kind != ASKS {
            return;
        }
        let back = self.back.lock();
        if let Some(back) = &*back {
            back.send(ASKS, frame.body).expect("one answer is on its way");
        } else if let Some(answers) = &*self.answers.lock() {
            answers.try_send(frame.body).expect("the caller waits");
        }
    }

    fn happened(&self, event: Event) {
        if let Event::LaneUp { class: Class::Call, direction: Direction::Outbound, .. } = event
            && let Some(ups) = &*self.ups.lock()
        {
            // The other end may be up first, and the test gone on.
            let _gone_on = ups.send(());
        }
    }
}

fn under_way(len: usize) -> usize {
    UNDER_WAY_FRAMES.min(UNDER_WAY_BYTES / len)
}

struct Pair {
    ends: [Arc<End>; 2],
    lanes: [Lane; 2],
    _transports: [Transport; 2],
}

fn identity(name: &str) -> anyhow::Result<PeerIdentity> {
    Ok(PeerIdentity { node: NodeId::new(name)?, incarnation: Incarnation(1) })
}

/// Two nodes with their call lanes up. `system` says how they know each other.
async fn pair(system: &str, room: Option<&Arc<Semaphore>>) -> anyhow::Result<Pair> {
    let cluster = ClusterName::new("bench")?;
    let authority = Authority::make(cluster.clone())?;
    let key = ClusterKey::from_text(&ClusterKey::generate()?)?;
    let (sender, mut ups) = mpsc::unbounded_channel();
    let mut started = Vec::new();
    for name in ["a", "b"] {
        let identity = identity(name)?;
        let security = match system {
            "lane" => Security::Open,
            "lane-key" => Security::Key(key.clone()),
            "lane-tls" => {
                let issued = authority.issue(&identity.node)?;
                let (certificate, key) = (&issued.certificate, &issued.key);
                Security::Tls(TlsIdentity::from_pem(authority.certificate(), certificate, key)?)
            }
            other => bail!("there is no transport `{other}`"),
        };
        let (cluster, network) = (cluster.clone(), Network::tcp());
        let (listen, hello) = ("127.0.0.1:0".to_owned(), Bytes::new());
        let config = Config { cluster, identity, listen, network, security, hello };
        let end = Arc::new(End { room: room.cloned(), ..End::default() });
        *end.ups.lock() = Some(sender.clone());
        let inbound: Arc<dyn Inbound> = Arc::clone(&end) as _;
        started.push((config.identity.clone(), Transport::start(config, inbound).await?, end));
    }
    let [(a, at_a, end_a), (b, at_b, end_b)] =
        <[_; 2]>::try_from(started).ok().context("two were started")?;
    let peer = |identity: &PeerIdentity, at: &Transport| Peer {
        identity: identity.clone(),
        address: at.address().to_owned(),
    };
    at_a.set_peers([peer(&b, &at_b)])?;
    at_b.set_peers([peer(&a, &at_a)])?;
    for _ in 0..2 {
        ups.recv().await.context("both lanes come up")?;
    }
    let lane = |at: &Transport, to| at.lane(to, Class::Call).context("it is a peer");
    let lanes = [lane(&at_a, &b)?, lane(&at_b, &a)?];
    Ok(Pair { ends: [end_a, end_b], lanes, _transports: [at_a, at_b] })
}

/// Frames of `len` bytes from `senders` tasks over one lane. Senders wait while as much is under way
/// as may be, so as many arrive as are taken.
pub(crate) fn frames(
    system: &str,
    len: usize,
    senders: usize,
    setting: &Setting,
) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let room = Arc::new(Semaphore::new(under_way(len)));
    let pair = runtime.block_on(pair(system, Some(&room)))?;
    let lane = &pair.lanes[0];
    let body = Bytes::from(vec![7; len]);
    let done = load::run(senders, setting.span(), spawn_on(&runtime), |mut caller| {
        let (lane, body, room) = (lane.clone(), body.clone(), Arc::clone(&room));
        Box::pin(async move {
            while caller.goes_on() {
                room.acquire().await.expect("it stays open").forget();
                lane.send(0, body.clone()).expect("the lane is up, and there is room");
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done))
}

/// One caller sends a frame of 64 bytes and waits for it to come back over the other lane.
pub(crate) fn round_trip(system: &str, setting: &Setting) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let pair = runtime.block_on(pair(system, None))?;
    let (sender, receiver) = mpsc::channel(1);
    *pair.ends[0].answers.lock() = Some(sender);
    *pair.ends[1].back.lock() = Some(pair.lanes[1].clone());
    let receiver = Mutex::new(Some(receiver));
    let mut done = load::run(1, setting.span(), spawn_on(&runtime), |mut caller| {
        let mut answers = receiver.lock().take().expect("there is one caller");
        let lane = pair.lanes[0].clone();
        Box::pin(async move {
            let body = Bytes::from_static(&[7; 64]);
            while caller.goes_on() {
                let since = Instant::now();
                lane.send(ASKS, body.clone()).expect("the lane is up");
                answers.recv().await.expect("it comes back");
                caller.note(since);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

async fn raw_pair() -> anyhow::Result<[TcpStream; 2]> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let dialled = TcpStream::connect(listener.local_addr()?).await?;
    let (accepted, _) = listener.accept().await?;
    dialled.set_nodelay(true)?;
    accepted.set_nodelay(true)?;
    Ok([dialled, accepted])
}

/// The same without a transport: a task writes what waits, one write a frame, and another reads.
pub(crate) fn raw_frames(len: usize, senders: usize, setting: &Setting) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let [mut dialled, mut accepted] = runtime.block_on(raw_pair())?;
    let (sender, mut waiting) = mpsc::channel::<Bytes>(under_way(len));
    runtime.spawn(async move {
        let mut out = BytesMut::new();
        while let Some(body) = waiting.recv().await {
            out.clear();
            out.extend_from_slice(&u32::try_from(body.len()).expect("it is short").to_le_bytes());
            out.extend_from_slice(&body);
            dialled.write_all(&out).await.expect("the reader is there");
        }
    });
    runtime.spawn(async move {
        let mut read = BytesMut::new();
        loop {
            read.reserve(RAW_READ_BYTES);
            if !matches!(accepted.read_buf(&mut read).await, Ok(1..)) {
                return;
            }
            while let Some(length) = read.first_chunk::<RAW_HEADER_BYTES>() {
                let frame = RAW_HEADER_BYTES + u32::from_le_bytes(*length) as usize;
                if read.len() < frame {
                    break;
                }
                drop(read.split_to(frame));
            }
        }
    });
    let body = Bytes::from(vec![7; len]);
    let done = load::run(senders, setting.span(), spawn_on(&runtime), |mut caller| {
        let (sender, body) = (sender.clone(), body.clone());
        Box::pin(async move {
            while caller.goes_on() {
                sender.send(body.clone()).await.expect("the writer is there");
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done))
}

/// 64 bytes there and back over one connection, and nothing else.
pub(crate) fn raw_round_trip(setting: &Setting) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let [dialled, mut accepted] = runtime.block_on(raw_pair())?;
    runtime.spawn(async move {
        let mut bytes = [0; 64];
        while accepted.read_exact(&mut bytes).await.is_ok() {
            accepted.write_all(&bytes).await.expect("the caller waits");
        }
    });
    let stream = Mutex::new(Some(dialled));
    let mut done = load::run(1, setting.span(), spawn_on(&runtime), |mut caller| {
        let mut stream = stream.lock().take().expect("there is one caller");
        Box::pin(async move {
            let mut bytes = [7; 64];
            while caller.goes_on() {
                let since = Instant::now();
                stream.write_all(&bytes).await.expect("the other end is there");
                stream.read_exact(&mut bytes).await.expect("it comes back");
                caller.note(since);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}
