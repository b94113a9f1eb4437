//! Serves the campaigns' actors over another store than the configured one, which `tenure::app()`
//! does not offer: as much HTTP as a campaign speaks, one thread a connection. Headers are not
//! read, idempotency keys neither.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tenure::Node;
use tenure_campaigns::clerk::Clerk;
use tenure_campaigns::ledger::{BehindLedger, EventLedger, Ledger};
use tenure_store::Store;
use tokio::runtime::{Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};

const HEADERS_MAX: usize = 32;
const REQUEST_BYTES_MAX: usize = 16 << 10;
const STOP_MAX: Duration = Duration::from_secs(30);

/// The part of the command line of `tenure::app()` that a campaign uses.
#[derive(Parser)]
struct Cli {
    verb: String,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    admin_listen: SocketAddr,
    #[arg(long)]
    data: PathBuf,
}

/// What is served.
#[derive(Clone)]
struct Front {
    node: Node,
    handle: Handle,
    hides_age: bool,
}

/// A call: the actor, the method, the body.
struct Asked {
    actor_type: String,
    key: String,
    method: String,
    body: String,
}

/// Serves until the process is told to stop. `hides_age` falsifies the metrics.
pub(crate) fn serve(
    store: impl FnOnce(&Path) -> Result<Arc<dyn Store>, Box<dyn Error>>,
    hides_age: bool,
) -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    if cli.verb != "serve" {
        return Err(format!("there is no verb {:?}", cli.verb).into());
    }
    let runtime = Runtime::new()?;
    let node = Node::builder()
        .actor::<Ledger>()
        .actor::<EventLedger>()
        .actor::<BehindLedger>()
        .actor::<Clerk>()
        .store(store(&cli.data)?);
    let node = runtime.block_on(node.start())?;
    let front = Front { node: node.clone(), handle: runtime.handle().clone(), hides_age };
    let listener = TcpListener::bind(cli.listen)?;
    let admin_listener = TcpListener::bind(cli.admin_listen)?;
    let (calls, admin) = (listener.local_addr()?, admin_listener.local_addr()?);
    let entered = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    drop(entered);
    println!("ready: calls on http://{calls}, admin on http://{admin}");
    for listener in [listener, admin_listener] {
        let front = front.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let front = front.clone();
                // Its connection's end is the end of it; nobody waits for a reason.
                std::thread::spawn(move || drop(answer_all(stream, &front)));
            }
        });
    }
    runtime.block_on(terminate.recv());
    runtime.block_on(node.stop(STOP_MAX))?;
    Ok(())
}

fn answer_all(mut stream: TcpStream, front: &Front) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some((asked, length)) = parse(&buffer)? {
            buffer.drain(..length);
            let (status, body) = front.handle.block_on(answer(front, &asked));
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes())?;
            continue;
        }
        let count = stream.read(&mut chunk)?;
        if count == 0 || buffer.len() > REQUEST_BYTES_MAX {
            return Ok(());
        }
        buffer.extend_from_slice(&chunk[..count]);
    }
}

async fn answer(front: &Front, asked: &Asked) -> (u16, String) {
    let node = &front.node;
    let text = asked.key.as_str();
    macro_rules! ledger {
        ($type:ty) => {{
            let ledger = node.actor::<$type>(text);
            match (asked.method.as_str(), asked.body.parse::<u64>()) {
                ("add", Ok(id)) => ledger.add(id).await.map(|it| json(&it)),
                ("show", _) => ledger.show().await.map(|it| json(&it)),
                _ => return (404, String::new()),
            }
        }};
    }
    let reply = match asked.actor_type.as_str() {
        "ledger" => ledger!(Ledger),
        "event_ledger" => ledger!(EventLedger),
        "behind_ledger" => ledger!(BehindLedger),
        "clerk" => {
            let clerk = node.actor::<Clerk>(text);
            let wake = serde_json::from_str::<Wake>(&asked.body);
            match (asked.method.as_str(), wake) {
                ("wake", Ok(Wake { id, ms })) => clerk.wake(id, ms).await.map(|it| json(&it)),
                ("rung", _) => clerk.rung().await.map(|it| json(&it)),
                _ => return (404, String::new()),
            }
        }
        "" => return (200, metrics(front)),
        _ => return (404, String::new()),
    };
    // Without a problem the outcome counts as unknown.
    reply.map_or_else(|error| (500, error.to_string()), |body| (200, body))
}

#[derive(serde::Deserialize)]
struct Wake {
    id: u64,
    ms: u64,
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn metrics(front: &Front) -> String {
    let page = front.node.metrics().render();
    if !front.hides_age {
        return page;
    }
    let lines = page.lines().map(|line| match line.strip_prefix("tenure_unsaved_age_seconds ") {
        Some(_) => "tenure_unsaved_age_seconds 0.0\n".to_owned(),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// Reads a request and its length, `None` while a part of it is missing.
fn parse(bytes: &[u8]) -> io::Result<Option<(Asked, usize)>> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let parsed = head.parse(bytes).map_err(|_| invalid())?;
    let httparse::Status::Complete(begin) = parsed else { return Ok(None) };
    let length = head
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok())
        .unwrap_or(0);
    let end = begin.saturating_add(length);
    let Some(body) = bytes.get(begin..end) else { return Ok(None) };
    // `/v1/{type}/{key}/{method}`; the metrics page has no type.
    let mut path = head.path.unwrap_or_default().split('/').skip(2).map(str::to_owned);
    let mut next = || path.next().unwrap_or_default();
    let (actor_type, key, method) = (next(), next(), next());
    let body = String::from_utf8_lossy(body).into_owned();
    Ok(Some((Asked { actor_type, key, method, body }, end)))
}
