use super::CodecError;

/// The most bytes of a number: nine of seven bits each, and one bit.
const NUMBER_BYTES_MAX: u32 = 10;

/// Reads the parts of a document one after the other. Each method takes the name of what it reads, for the
/// error, and refuses what [`Writer`](super::Writer) would not have written.
///
/// After an error it stands anywhere: the document is lost.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads these bytes from their beginning.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads what comes after the version of the form, if that is the one which is known.
    ///
    /// # Errors
    /// [`CodecError::Short`], [`CodecError::Version`].
    pub fn open(bytes: &'a [u8], reads: u8) -> Result<Self, CodecError> {
        let mut from = Self::new(bytes);
        match from.byte("version")? {
            version if version == reads => Ok(from),
            version => Err(CodecError::Version { version, reads }),
        }
    }

    /// One byte.
    ///
    /// # Errors
    /// [`CodecError::Short`].
    pub fn byte(&mut self, what: &'static str) -> Result<u8, CodecError> {
        let (byte, rest) = self.0.split_first().ok_or(CodecError::Short { what })?;
        self.0 = rest;
        Ok(*byte)
    }

    /// A byte that is 0 or 1.
    ///
    /// # Errors
    /// [`CodecError::Short`], [`CodecError::Number`].
    pub fn flag(&mut self, what: &'static str) -> Result<bool, CodecError> {
        match self.byte(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CodecError::Number { what }),
        }
    }

    /// A number, in its shortest form.
    ///
    /// # Errors
    /// [`CodecError::Short`], [`CodecError::Number`].
    pub fn number(&mut self, what: &'static str) -> Result<u64, CodecError> {
        let mut number = 0;
        for index in 0..NUMBER_BYTES_MAX {
            let byte = self.byte(what)?;
            let part = u64::from(byte & 0x7f);
            number |= part << (7 * index);
            if byte < 0x80 {
                let is_cut = (part << (7 * index)) >> (7 * index) != part;
                let is_longer = part == 0 && index > 0;
                return if is_cut || is_longer {
                    Err(CodecError::Number { what })
                } else {
                    Ok(number)
                };
            }
        }
        Err(CodecError::Number { what })
    }

    /// A number that `N` holds.
    ///
    /// # Errors
    /// [`CodecError::Short`], [`CodecError::Number`].
    pub fn small<N: TryFrom<u64>>(&mut self, what: &'static str) -> Result<N, CodecError> {
        N::try_from(self.number(what)?).map_err(|_| CodecError::Number { what })
    }

    /// A number that was drawn at random.
    ///
    /// # Errors
    /// [`CodecError::Short`].
    pub fn drawn(&mut self, what: &'static str) -> Result<u128, CodecError> {
        let (number, rest) = self.0.split_first_chunk().ok_or(CodecError::Short { what })?;
        self.0 = rest;
        Ok(u128::from_le_bytes(*number))
    }

    /// How many parts follow: at most `max`, and no more than there is a byte for each.
    ///
    /// # Errors
    /// [`CodecError::TooLong`], [`CodecError::Short`], [`CodecError::Number`].
    pub fn len(&mut self, what: &'static str, max: usize) -> Result<usize, CodecError> {
        let len = self.number(what)?;
        if len > max as u64 {
            return Err(CodecError::TooLong { what, len, max });
        }
        if len > self.0.len() as u64 {
            return Err(CodecError::Short { what });
        }
        Ok(len as usize)
    }

    /// At most `max` bytes, their length before them. Nothing is copied.
    ///
    /// # Errors
    /// [`CodecError::TooLong`], [`CodecError::Short`], [`CodecError::Number`].
    pub fn bytes(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], CodecError> {
        let len = self.len(what, max)?;
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(CodecError::Short { what })?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A text of at most `bytes_max` bytes. Nothing is copied.
    ///
    /// # Errors
    /// As [`Reader::bytes`], and [`CodecError::Text`] where it is not UTF-8.
    pub fn text(&mut self, what: &'static str, bytes_max: usize) -> Result<&'a str, CodecError> {
        let bytes = self.bytes(what, bytes_max)?;
        std::str::from_utf8(bytes)
            .map_err(|error| CodecError::Text { what, why: error.to_string() })
    }

    /// What `read` reads, if the flag before it says that it is there.
    ///
    /// # Errors
    /// As [`Reader::flag`], and what `read` says.
    pub fn option<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<Option<T>, CodecError> {
        self.flag(what)?.then(|| read(self)).transpose()
    }

    /// At most `max` parts, each as `read` reads it, which takes a byte at least.
    ///
    /// # Errors
    /// As [`Reader::len`], and what `read` says.
    pub fn list<T>(
        &mut self,
        what: &'static str,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, CodecError>,
    ) -> Result<Vec<T>, CodecError> {
        // Nothing is reserved: a part in memory is larger than the byte that it may be made of.
        let mut parts = Vec::new();
        for _ in 0..self.len(what, max)? {
            parts.push(read(self)?);
        }
        Ok(parts)
    }

    /// Nothing is left.
    ///
    /// # Errors
    /// [`CodecError::Trailing`].
    pub fn end(self) -> Result<(), CodecError> {
        match self.0.len() {
            0 => Ok(()),
            bytes => Err(CodecError::Trailing { bytes }),
        }
    }
}
