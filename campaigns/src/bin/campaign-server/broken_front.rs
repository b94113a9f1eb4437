//! Serves the ledgers over another store than the configured one, which `tenure::app()` does not
//! offer: as much HTTP as a campaign speaks, one thread a connection.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use tenure::Node;
use tenure_campaigns::ledger::Ledger;
use tenure_store::Store;
use tokio::runtime::{Handle, Runtime};

const HEADERS_MAX: usize = 32;
const REQUEST_BYTES_MAX: usize = 16 << 10;

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

/// A call: the actor, the method, the body.
struct Asked {
    key: String,
    method: String,
    body: String,
}

/// Serves until the process is killed.
pub(crate) fn serve(store: fn(&Path) -> Arc<dyn Store>) -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    if cli.verb != "serve" {
        return Err(format!("there is no verb {:?}", cli.verb).into());
    }
    let runtime = Runtime::new()?;
    let store = store(&cli.data);
    let node = runtime.block_on(Node::builder().actor::<Ledger>().store(store).start())?;
    let listener = TcpListener::bind(cli.listen)?;
    let (calls, admin) = (listener.local_addr()?, cli.admin_listen);
    println!("ready: calls on http://{calls}, admin on http://{admin}");
    for stream in listener.incoming() {
        let (stream, node, handle) = (stream?, node.clone(), runtime.handle().clone());
        // Its connection's end is the end of it; nobody waits for a reason.
        std::thread::spawn(move || drop(answer_all(stream, &node, &handle)));
    }
    Ok(())
}

fn answer_all(mut stream: TcpStream, node: &Node, handle: &Handle) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some((asked, length)) = parse(&buffer)? {
            buffer.drain(..length);
            let (status, body) = handle.block_on(answer(node, &asked));
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

async fn answer(node: &Node, asked: &Asked) -> (u16, String) {
    let ledger = node.actor::<Ledger>(asked.key.as_str());
    let reply = match (asked.method.as_str(), asked.body.parse::<u64>()) {
        ("add", Ok(id)) => ledger.add(id).await.map(|count| count.to_string()),
        ("show", _) => ledger.show().await.map(|it| serde_json::to_string(&it).unwrap_or_default()),
        _ => return (404, String::new()),
    };
    // Without a problem the outcome counts as unknown.
    reply.map_or_else(|error| (500, error.to_string()), |body| (200, body))
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
    let mut path = head.path.unwrap_or_default().split('/').skip(3);
    let (Some(key), Some(method)) = (path.next(), path.next()) else { return Err(invalid()) };
    let body = String::from_utf8_lossy(body).into_owned();
    Ok(Some((Asked { key: key.to_owned(), method: method.to_owned(), body }, end)))
}
