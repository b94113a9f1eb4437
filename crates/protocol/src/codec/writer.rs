/// Writes the parts of a document one after the other.
///
/// # Examples
/// ```
/// use tenure_protocol::codec::{Reader, Writer};
///
/// let mut out = Writer::default();
/// out.number(300).text("forty-two").flag(true);
/// let bytes = out.into_bytes();
/// let mut from = Reader::new(&bytes);
/// assert_eq!(from.number("count"), Ok(300));
/// assert_eq!(from.text("name", 64), Ok("forty-two"));
/// assert_eq!(from.flag("end"), Ok(true));
/// assert_eq!(from.end(), Ok(()));
/// ```
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A document that begins with the version of its form.
    #[must_use]
    pub fn begin(version: u8) -> Self {
        Self(vec![version])
    }

    /// As [`Writer::begin`], with room for so many bytes, so that it need not grow.
    #[must_use]
    pub fn begin_with_room(version: u8, bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.push(version);
        Self(out)
    }

    /// One byte.
    pub fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    /// A byte that is 0 or 1.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.byte(flag.into())
    }

    /// A number: 1 byte up to 127, 10 for the largest ones.
    pub fn number(&mut self, number: u64) -> &mut Self {
        let mut rest = number;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.byte(rest as u8)
    }

    /// How many bytes [`Writer::number`] writes.
    #[must_use]
    pub fn number_len(number: u64) -> usize {
        (number | 1).ilog2() as usize / 7 + 1
    }

    /// A number that is drawn at random: 16 bytes, the lowest first.
    pub fn drawn(&mut self, number: u128) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// How many parts follow.
    pub fn len(&mut self, len: usize) -> &mut Self {
        self.number(len as u64)
    }

    /// Bytes, their length before them.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.len(bytes.len()).0.extend_from_slice(bytes);
        self
    }

    /// A text, its length before it.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// A flag that says whether there is something, and that, as `write` writes it.
    pub fn option<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        self.flag(value.is_some());
        match value {
            Some(value) => write(self, value),
            None => self,
        }
    }

    /// Its length, and each part as `write` writes it.
    pub fn list<T>(
        &mut self,
        parts: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        self.len(parts.len());
        for part in parts {
            write(self, part);
        }
        self
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
