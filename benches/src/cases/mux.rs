//! The limit of calls between two processes: one TCP connection, frames with a length and a number, writes that take all
//! that waits, and a future a call. No routing, no actors, no codec, no deadlines.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use super::served::{Served, say_ready};
use super::setting::{Setting, callers_runtime, spawn_on};
use crate::job::ARGUMENT;
use crate::load;
use crate::machine;
use crate::report::Report;

/// The name of the process that answers.
pub(super) const SERVER: &str = "mux";
/// A frame's length, of what follows it, and its number.
const HEADER_BYTES: usize = 12;
const NUMBER_BYTES: usize = 8;
const READ_BYTES: usize = 64 << 10;
/// The most calls that wait for the writer, and what it takes at a time.
const WAITING_MAX: usize = 8_192;

/// Who waits for an answer, by the call's number.
#[derive(Default)]
struct Waiting {
    calls: Vec<Option<oneshot::Sender<u64>>>,
    free: Vec<u32>,
}

/// The calling end.
struct Mux {
    waiting: Arc<Mutex<Waiting>>,
    writer: mpsc::Sender<(u64, Bytes)>,
}

impl Mux {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let (writer, calls) = mpsc::channel(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        tokio::spawn(write_calls(write, calls));
        tokio::spawn(read_answers(read, Arc::clone(&waiting)));
        Ok(Self { waiting, writer })
    }

    async fn call(&self, argument: Bytes) -> u64 {
        let (sender, answer) = oneshot::channel();
        let number = self.waiting.lock().enter(sender);
        self.writer.send((number, argument)).await.expect("the writer goes on");
        answer.await.expect("the other end answers")
    }
}

impl Waiting {
    fn enter(&mut self, sender: oneshot::Sender<u64>) -> u64 {
        match self.free.pop() {
            Some(number) => {
                self.calls[number as usize] = Some(sender);
                u64::from(number)
            }
            None => {
                self.calls.push(Some(sender));
                self.calls.len() as u64 - 1
            }
        }
    }

    fn leave(&mut self, number: u64) -> Option<oneshot::Sender<u64>> {
        let sender = self.calls.get_mut(usize::try_from(number).ok()?)?.take()?;
        self.free.push(u32::try_from(number).ok()?);
        Some(sender)
    }
}

/// Lets others run once before it writes, so that their calls leave in the same write; but not after a single one.
async fn write_calls(mut half: OwnedWriteHalf, mut calls: mpsc::Receiver<(u64, Bytes)>) {
    let (mut taken, mut out, mut last) = (Vec::new(), BytesMut::new(), 1);
    while calls.recv_many(&mut taken, WAITING_MAX).await > 0 {
        if taken.len() > 1 || last > 1 {
            tokio::task::yield_now().await;
            while let Ok(call) = calls.try_recv() {
                taken.push(call);
            }
        }
        last = taken.len();
        for (number, argument) in taken.drain(..) {
            out.put_u32_le((NUMBER_BYTES + argument.len()) as u32);
            out.put_u64_le(number);
            out.put_slice(&argument);
        }
        half.write_all(&out).await.expect("the other end reads");
        out.clear();
    }
}

async fn read_answers(mut half: OwnedReadHalf, waiting: Arc<Mutex<Waiting>>) {
    let mut read = BytesMut::with_capacity(READ_BYTES);
    let mut answered = Vec::new();
    while fill(&mut half, &mut read).await.is_ok_and(|read| read > 0) {
        {
            let mut waiting = waiting.lock();
            while let Some((number, mut value)) = next(&mut read) {
                answered.extend(waiting.leave(number).map(|sender| (sender, value.get_u64_le())));
            }
        }
        for (sender, value) in answered.drain(..) {
            sender.send(value).expect("the caller waits");
        }
    }
}

async fn fill(half: &mut OwnedReadHalf, read: &mut BytesMut) -> io::Result<usize> {
    read.reserve(READ_BYTES);
    half.read_buf(read).await
}

/// The number and the body of the frame at the front, if it is there whole.
fn next(read: &mut BytesMut) -> Option<(u64, BytesMut)> {
    let length = u32::from_le_bytes(*read.first_chunk()?) as usize;
    if read.len() < HEADER_BYTES - NUMBER_BYTES + length {
        return None;
    }
    read.advance(HEADER_BYTES - NUMBER_BYTES);
    let mut frame = read.split_to(length);
    let number = frame.get_u64_le();
    Some((number, frame))
}

/// Answers every call of one connection with what it counted so far, all that came in one read in one write.
async fn answer(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut half, mut back) = stream.into_split();
    let (mut read, mut out, mut counted) = (BytesMut::new(), BytesMut::new(), 0);
    while fill(&mut half, &mut read).await? > 0 {
        while let Some((number, argument)) = next(&mut read) {
            counted += argument.len() as u64;
            out.put_u32_le(2 * NUMBER_BYTES as u32);
            out.put_u64_le(number);
            out.put_u64_le(counted);
        }
        back.write_all(&out).await?;
        out.clear();
    }
    Ok(())
}

/// Calls with so many in flight.
pub(crate) fn measure(
    in_flight: usize,
    is_pinned: bool,
    setting: &Setting,
) -> anyhow::Result<Report> {
    if is_pinned {
        machine::pin_to_first_core()?;
    }
    let (_server, address) = Served::start(SERVER, &setting.folder)?;
    let runtime = callers_runtime()?;
    let mux = Arc::new(runtime.block_on(Mux::open(address))?);
    let argument = Bytes::from_static(ARGUMENT.as_bytes());
    let mut done = load::run(in_flight, setting.span(), spawn_on(&runtime), |mut caller| {
        let (mux, argument) = (Arc::clone(&mux), argument.clone());
        Box::pin(async move {
            while caller.goes_on() {
                let since = Instant::now();
                mux.call(argument.clone()).await;
                caller.note(since);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

/// Answers until it is killed.
pub(crate) fn serve() -> anyhow::Result<()> {
    callers_runtime()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
        say_ready(listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer(stream));
        }
    })
}
