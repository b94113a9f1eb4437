use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

const CHUNK_BYTES: usize = 1 << 20;

/// Reads a file once from its beginning, with a look at what comes next.
pub(super) struct Source {
    file: File,
    buffer: Vec<u8>,
    /// Where in `buffer` the next byte is.
    at: usize,
    /// The offset of the next byte in the file.
    offset: u64,
}

impl Source {
    pub(super) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { file, buffer: Vec::new(), at: 0, offset })
    }

    /// The next `length` bytes, fewer at the end of the file.
    pub(super) fn peek(&mut self, length: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.at < length {
            self.buffer.drain(..self.at);
            self.at = 0;
            let missing = length - self.buffer.len();
            let wanted = missing.max(CHUNK_BYTES) as u64;
            (&mut self.file).take(wanted).read_to_end(&mut self.buffer)?;
        }
        let end = self.buffer.len().min(self.at + length);
        Ok(&self.buffer[self.at..end])
    }

    /// Goes on by `length` bytes, which must have been peeked.
    pub(super) fn skip(&mut self, length: usize) {
        self.at += length;
        self.offset += length as u64;
    }

    /// The offset of the next byte in the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether only zero bytes follow. A journal is made longer than it is filled.
    pub(super) fn is_zero_to_end(&mut self) -> io::Result<bool> {
        loop {
            // All that was read already, or the next chunk.
            let buffered = (self.buffer.len() - self.at).max(1);
            let chunk = self.peek(buffered)?;
            if chunk.is_empty() {
                return Ok(true);
            }
            if !is_zero(chunk) {
                return Ok(false);
            }
            let length = chunk.len();
            self.skip(length);
            if self.is_hole_to_end() {
                return Ok(true);
            }
        }
    }

    /// Whether all that was read was taken, and the file system knows that nothing was ever written
    /// after it. A `false` says nothing.
    pub(super) fn is_hole_to_end(&mut self) -> bool {
        if self.at < self.buffer.len() {
            return false;
        }
        let Ok(position) = self.file.stream_position() else { return false };
        let data = rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(position));
        let is_hole = data == Err(rustix::io::Errno::NXIO);
        let is_back = self.file.seek(SeekFrom::Start(position)).is_ok();
        is_hole && is_back
    }
}

/// Whether all bytes are zero.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4_096] = [0; 4_096];
    bytes.chunks(ZEROS.len()).all(|chunk| chunk == &ZEROS[..chunk.len()])
}
