use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use crate::bounds::{
    BATCH_BYTES_MAX, COPIED_BYTES_MAX, KEPT_TIMES_MAX, READ_BYTES_MAX, READ_BYTES_MIN, REFUSAL_MAX,
};
use crate::frame::{HEADER_BYTES, Origin, encode, encode_header, own};
use crate::network::BoxStream;
use crate::seal::{Opener, Sealer};

/// Why nothing more can be read from a connection.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The other end, or the network, ended it.
    Ended(Option<io::Error>),
    /// What came was altered on the way, replayed, or sealed by somebody else.
    Altered,
    /// A message of the handshake claims more than it may have.
    TooLong,
}

/// Takes a connection apart into its two directions.
pub(crate) fn halves(stream: BoxStream) -> (Receiving, Sending) {
    let (read, write) = split(stream);
    let receiving = Receiving {
        half: read,
        sealed: BytesMut::new(),
        plain: BytesMut::new(),
        allocated: 0,
        opener: None,
        chunk: READ_BYTES_MIN,
        record: 0,
    };
    let sending = Sending {
        half: write,
        plain: BytesMut::new(),
        out: Out::default(),
        sealer: None,
        is_flushed: true,
        has_parted: false,
    };
    (receiving, sending)
}

/// What comes from the other end, opened where it is sealed.
pub(crate) struct Receiving {
    half: ReadHalf<BoxStream>,
    /// What was read and is not opened yet; empty where nothing is sealed.
    sealed: BytesMut,
    /// What can be taken.
    pub(crate) plain: BytesMut,
    /// How large the buffer is that `plain` is a part of.
    allocated: usize,
    opener: Option<Opener>,
    /// What the next read asks for.
    chunk: usize,
    /// How long the record at the front of `sealed` is.
    record: usize,
}

impl Receiving {
    /// Reads until `plain` has grown. `missing` is how much more the caller needs, if it knows; the
    /// caller has checked it against a bound.
    ///
    /// # Cancel safety
    /// Nothing that was read is lost.
    pub(crate) async fn fill(&mut self, missing: usize) -> Result<(), ReadError> {
        loop {
            let target = if self.opener.is_some() {
                let wanted = self.record.saturating_sub(self.sealed.len());
                self.sealed.reserve(wanted.max(self.chunk));
                &mut self.sealed
            } else {
                self.make_room(missing.max(self.chunk));
                &mut self.plain
            };
            let room = target.capacity() - target.len();
            let read = self.half.read_buf(target).await;
            let read = read.map_err(|error| ReadError::Ended(Some(error)))?;
            if read == 0 {
                return Err(ReadError::Ended(None));
            }
            if read >= self.chunk.min(room) {
                self.chunk = (2 * self.chunk).min(READ_BYTES_MAX);
            }
            if self.opener.is_some() {
                self.make_room(missing.max(self.sealed.len()));
            }
            let Some(opener) = &mut self.opener else { return Ok(()) };
            let before = self.plain.len();
            let opened = opener.open(&mut self.sealed, &mut self.plain);
            self.record = opened.map_err(|_| ReadError::Altered)?;
            if self.plain.len() > before {
                return Ok(());
            }
        }
    }

    /// Makes room for so many more bytes in `plain`, and knows what it takes: a buffer that grows by itself
    /// would be of any size.
    fn make_room(&mut self, more: usize) {
        let plain = &mut self.plain;
        if plain.capacity() - plain.len() >= more || plain.try_reclaim(more) {
            return;
        }
        let mut larger = BytesMut::with_capacity(plain.len() + more);
        larger.extend_from_slice(plain);
        self.allocated = larger.capacity();
        self.plain = larger;
    }

    /// Takes the frame at the front of `plain`, which has arrived: its body, with a header so many bytes. Whoever
    /// keeps it keeps at most [`KEPT_TIMES_MAX`] times as many alive.
    pub(crate) fn body(&mut self, weight: usize) -> Bytes {
        let len = weight - HEADER_BYTES;
        if len > COPIED_BYTES_MAX && self.allocated <= KEPT_TIMES_MAX * len {
            return self.plain.split_to(weight).freeze().slice(HEADER_BYTES..);
        }
        let body = Bytes::copy_from_slice(&self.plain[HEADER_BYTES..weight]);
        self.plain.advance(weight);
        body
    }

    /// Gives the buffers back when nothing is in them: an idle lane holds none.
    pub(crate) fn rest(&mut self) {
        self.chunk = READ_BYTES_MIN;
        for buffer in [&mut self.sealed, &mut self.plain] {
            if buffer.is_empty() {
                *buffer = BytesMut::new();
            }
        }
    }

    /// The next `N` bytes.
    ///
    /// # Cancel safety
    /// Nothing that was read is lost.
    pub(crate) async fn exact<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        while self.plain.len() < N {
            self.fill(N - self.plain.len()).await?;
        }
        let taken = *self.plain.first_chunk().expect("there are enough");
        self.plain.advance(N);
        Ok(taken)
    }

    /// The next message of [`Sending::message`], which has at most `max` bytes.
    ///
    /// # Cancel safety
    /// Not cancel safe: the connection is of no use then.
    pub(crate) async fn message(&mut self, max: usize) -> Result<Bytes, ReadError> {
        let length = u32::from_le_bytes(self.exact().await?) as usize;
        if length > max {
            return Err(ReadError::TooLong);
        }
        while self.plain.len() < length {
            self.fill(length - self.plain.len()).await?;
        }
        // Copied: a hello is kept for long, and the buffer may be larger.
        Ok(Bytes::copy_from_slice(&self.plain.split_to(length)))
    }

    /// Reads and throws away what still comes, until the other end closes or `bytes_max` came. Who hangs up
    /// while something is unread makes the machine take back what it has not delivered yet.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn discard(&mut self, bytes_max: usize) {
        (self.sealed, self.plain) = (BytesMut::new(), BytesMut::new());
        let (mut left, mut chunk) = (bytes_max, vec![0; READ_BYTES_MIN]);
        while left > 0 {
            match self.half.read(&mut chunk).await {
                Ok(read @ 1..) => left = left.saturating_sub(read),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Opens everything from here on. Fails when something was sent ahead of its time.
    pub(crate) fn open_with(&mut self, opener: Opener) -> Result<(), ReadError> {
        if !self.plain.is_empty() {
            return Err(ReadError::Altered);
        }
        self.opener = Some(opener);
        Ok(())
    }
}

/// What is to be written: whole bodies, which are not copied, and what was encoded before each.
#[derive(Default)]
struct Out {
    parts: VecDeque<Bytes>,
    /// The end of it, still growing.
    open: BytesMut,
    /// How many bytes `parts` have.
    parts_len: usize,
}

impl Out {
    fn push(&mut self, body: Bytes) {
        // A part is never empty, or a write would seem to have come to an end.
        for part in [self.open.split().freeze(), body].into_iter().filter(|it| !it.is_empty()) {
            self.parts_len += part.len();
            self.parts.push_back(part);
        }
    }

    /// Gives large buffers back when nothing is in them.
    fn rest(&mut self, bytes_max: usize) {
        if !self.has_remaining() && self.open.capacity() > bytes_max {
            *self = Self::default();
        }
    }
}

impl Buf for Out {
    fn remaining(&self) -> usize {
        self.parts_len + self.open.len()
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&self.open, |part| part)
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(part) = self.parts.front_mut() {
            let taken = count.min(part.len());
            part.advance(taken);
            (count, self.parts_len) = (count - taken, self.parts_len - taken);
            if !part.is_empty() {
                return;
            }
            self.parts.pop_front();
        }
        self.open.advance(count);
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let parts = self.parts.iter().map(|part| &part[..]).chain([&self.open[..]]);
        let parts = parts.filter(|part| !part.is_empty());
        slices.iter_mut().zip(parts).map(|(slice, part)| *slice = IoSlice::new(part)).count()
    }
}

/// What goes to the other end, sealed where the connection is sealed.
pub(crate) struct Sending {
    half: WriteHalf<BoxStream>,
    /// What is to be sealed; empty where nothing is sealed.
    plain: BytesMut,
    out: Out,
    sealer: Option<Sealer>,
    is_flushed: bool,
    has_parted: bool,
}

impl Sending {
    /// Appends a frame; [`Sending::seal`] follows the last one of a batch.
    pub(crate) fn frame(&mut self, origin: Origin, kind: u8, body: &[u8]) {
        let target = if self.sealer.is_some() { &mut self.plain } else { &mut self.out.open };
        encode(target, origin, kind, body);
        self.is_flushed = false;
    }

    /// Appends a frame of the level above. Where nothing is sealed, a large body is not copied.
    pub(crate) fn upper(&mut self, kind: u8, body: Bytes) {
        if self.sealer.is_some() || body.len() <= COPIED_BYTES_MAX {
            return self.frame(Origin::Upper, kind, &body);
        }
        encode_header(&mut self.out.open, Origin::Upper, kind, body.len());
        self.out.push(body);
        self.is_flushed = false;
    }

    /// How much was appended since the last [`Sending::seal`], or is not written yet.
    pub(crate) fn len(&self) -> usize {
        self.plain.len() + self.out.remaining()
    }

    /// Seals what was appended, in as few records as it fits into.
    pub(crate) fn seal(&mut self) {
        if let Some(sealer) = &mut self.sealer {
            sealer.seal(&mut self.plain, &mut self.out.open);
        }
    }

    /// Whether all was handed to the kernel.
    pub(crate) fn is_flushed(&self) -> bool {
        self.is_flushed
    }

    /// Writes all that was appended and sealed.
    ///
    /// # Cancel safety
    /// What was not written yet is written by the next call.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while self.out.has_remaining() {
            if self.half.write_buf(&mut self.out).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        self.half.flush().await?;
        self.is_flushed = true;
        self.out.rest(2 * BATCH_BYTES_MAX);
        if self.plain.capacity() > 2 * BATCH_BYTES_MAX {
            self.plain = BytesMut::new();
        }
        Ok(())
    }

    /// Gives the buffers back when nothing is in them.
    pub(crate) fn rest(&mut self) {
        self.out.rest(0);
        if self.plain.is_empty() {
            self.plain = BytesMut::new();
        }
    }

    /// Writes `bytes` as they are, before anything is sealed.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.open.extend_from_slice(bytes);
        self.flush().await
    }

    /// Writes one message with its length before it, sealed where the connection is.
    pub(crate) async fn message(&mut self, message: &[u8]) -> io::Result<()> {
        let target = if self.sealer.is_some() { &mut self.plain } else { &mut self.out.open };
        let length = u32::try_from(message.len()).expect("messages are short");
        target.extend_from_slice(&length.to_le_bytes());
        target.extend_from_slice(message);
        self.seal();
        self.flush().await
    }

    /// Appends bytes that need not be frames.
    #[cfg(test)]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let target = if self.sealer.is_some() { &mut self.plain } else { &mut self.out.open };
        target.extend_from_slice(bytes);
        self.is_flushed = false;
    }

    /// Seals everything from here on.
    pub(crate) fn seal_with(&mut self, sealer: Sealer) {
        self.sealer = Some(sealer);
    }

    /// Ends the lane in good order: says goodbye, and that nothing more comes. Takes [`REFUSAL_MAX`] at most.
    pub(crate) async fn part(&mut self) {
        self.frame(Origin::Transport, own::GOODBYE, &[]);
        self.seal();
        let saying = async {
            // Finishing writes as well, where TLS has something left.
            if self.flush().await.is_ok() {
                self.finish().await;
            }
        };
        let _gone = timeout(REFUSAL_MAX, saying).await;
        self.has_parted = true;
    }

    /// Whether it said goodbye: then the other end is to close.
    pub(crate) fn has_parted(&self) -> bool {
        self.has_parted
    }

    /// Tells the other end that nothing more comes.
    pub(crate) async fn finish(&mut self) {
        // Whoever is gone need not be told.
        let _gone = self.half.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The buffer lives as long as one body that is a part of it.
    #[test]
    fn who_keeps_a_body_keeps_little_more() {
        for (len, room, is_copied) in [
            (COPIED_BYTES_MAX, 2 * COPIED_BYTES_MAX, true),
            (COPIED_BYTES_MAX + 1, READ_BYTES_MAX, true),
            (READ_BYTES_MAX / 8, READ_BYTES_MAX, true),
            (READ_BYTES_MAX / 2, READ_BYTES_MAX, false),
            (READ_BYTES_MAX / 2, READ_BYTES_MAX + 1, false),
            (READ_BYTES_MAX / 2, 8 << 20, true),
            (2 << 20, 7 << 20, false),
        ] {
            let (ours, _theirs) = tokio::io::duplex(1);
            let (mut receiving, _) = halves(Box::new(ours));
            // The buffer of a frame that was larger, and is used again.
            receiving.make_room(room + HEADER_BYTES);
            encode(&mut receiving.plain, Origin::Upper, 1, &vec![7; len]);
            encode(&mut receiving.plain, Origin::Upper, 1, b"more");
            let begin = receiving.plain.as_ptr() as usize;
            let body = receiving.body(HEADER_BYTES + len);
            assert!(body.len() == len && body.iter().all(|byte| *byte == 7));
            let is_part = (begin..begin + receiving.allocated).contains(&(body.as_ptr() as usize));
            assert_eq!(is_part, !is_copied, "{len} of {room}");
            assert!(
                receiving.plain.ends_with(b"more") && receiving.plain.len() == HEADER_BYTES + 4
            );
        }
    }

    #[test]
    fn parts_are_written_in_order_wherever_a_write_ends() {
        let parts = ["one", "", "three", "four"];
        let whole = "<one><><three><four>!".as_bytes();
        for step in 1..=whole.len() {
            let mut out = Out::default();
            for part in parts {
                out.open.extend_from_slice(b"<");
                out.push(Bytes::from_static(part.as_bytes()));
                out.open.extend_from_slice(b">");
            }
            out.open.extend_from_slice(b"!");
            let mut written = Vec::new();
            while out.has_remaining() {
                assert_eq!(out.remaining(), whole.len() - written.len());
                let mut slices = [IoSlice::new(&[]); 3];
                let count = out.chunks_vectored(&mut slices);
                let all: Vec<u8> = slices[..count].iter().flat_map(|it| it.to_vec()).collect();
                assert!(all.starts_with(out.chunk()) && !out.chunk().is_empty());
                let taken = step.min(all.len());
                written.extend_from_slice(&all[..taken]);
                out.advance(taken);
            }
            assert_eq!(written, whole, "steps of {step}");
        }
    }
}
