//! What requests and answers are as bytes: fields one after the other, in the order of their types, written
//! and read by the parts of [`tenure_protocol::codec`].
//!
//! What is one of several begins with a byte that says which. Both ends are of one build: there is no
//! version.
//!
//! **Invariant:** nothing is allocated by what a length claims, only by the bytes that are there; names
//! and keys are checked by their own rules.

mod error;
mod names;
#[cfg(test)]
mod tests;
mod unit;
mod values;

use std::sync::Arc;

use tenure_protocol::codec::{CodecError, Reader, Writer};

/// What travels.
pub(crate) trait Coded: Sized {
    /// Appends it to `out`.
    fn put(&self, out: &mut Writer);

    /// Reads it, and leaves what follows.
    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError>;
}

/// The bytes of one value.
pub(crate) fn encode(value: &impl Coded) -> Vec<u8> {
    let mut out = Writer::default();
    value.put(&mut out);
    out.into_bytes()
}

/// The value whose bytes these are, no more and no less.
pub(crate) fn decode<T: Coded>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut reader = Reader::new(bytes);
    let value = T::take(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// What breaks the rule of what it names.
fn broken(what: &'static str) -> impl Fn(String) -> CodecError {
    move |why| CodecError::Text { what, why }
}

/// A struct whose fields travel one after the other.
macro_rules! coded_struct {
    ($($name:ident { $($field:ident),* $(,)? })*) => { $(
        impl Coded for $name {
            fn put(&self, out: &mut Writer) {
                let Self { $($field),* } = self;
                $($field.put(out);)*
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
                Ok(Self { $($field: Coded::take(from)?),* })
            }
        }
    )* };
}

/// An enum, each of whose variants has a number, and fields with or without names.
macro_rules! coded_enum {
    ($name:ident { $($tag:literal $variant:ident $(($($item:ident),*))? $({ $($field:ident),* })?,)* }) => {
        impl Coded for $name {
            fn put(&self, out: &mut Writer) {
                match self {
                    $(Self::$variant $(($($item),*))? $({ $($field),* })? => {
                        out.byte($tag);
                        $($($item.put(out);)*)?
                        $($($field.put(out);)*)?
                    })*
                }
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
                match from.byte(stringify!($name))? {
                    $($tag => {
                        $($(let $item = Coded::take(from)?;)*)?
                        $($(let $field = Coded::take(from)?;)*)?
                        Ok(Self::$variant $(($($item),*))? $({ $($field),* })?)
                    })*
                    tag => Err(CodecError::Kind { what: stringify!($name), number: tag.into() }),
                }
            }
        }
    };
}

pub(crate) use {coded_enum, coded_struct};

impl Coded for u64 {
    fn put(&self, out: &mut Writer) {
        out.number(*self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.number("number")
    }
}

impl Coded for u32 {
    fn put(&self, out: &mut Writer) {
        out.number((*self).into());
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.small("number")
    }
}

impl Coded for u8 {
    fn put(&self, out: &mut Writer) {
        out.byte(*self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.byte("byte")
    }
}

impl Coded for usize {
    fn put(&self, out: &mut Writer) {
        out.number(*self as u64);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.small("count")
    }
}

impl Coded for bool {
    fn put(&self, out: &mut Writer) {
        out.flag(*self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.flag("flag")
    }
}

impl Coded for () {
    fn put(&self, _out: &mut Writer) {}

    fn take(_from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(())
    }
}

impl<T: Coded> Coded for Option<T> {
    fn put(&self, out: &mut Writer) {
        out.flag(self.is_some());
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.flag("option")?.then(|| T::take(from)).transpose()
    }
}

impl<T: Coded, E: Coded> Coded for Result<T, E> {
    fn put(&self, out: &mut Writer) {
        out.flag(self.is_ok());
        match self {
            Ok(value) => value.put(out),
            Err(error) => error.put(out),
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(if from.flag("result")? { Ok(T::take(from)?) } else { Err(E::take(from)?) })
    }
}

impl<A: Coded, B: Coded> Coded for (A, B) {
    fn put(&self, out: &mut Writer) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok((A::take(from)?, B::take(from)?))
    }
}

impl<T: Coded> Coded for Arc<T> {
    fn put(&self, out: &mut Writer) {
        (**self).put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        T::take(from).map(Arc::new)
    }
}

/// A list of anything but bytes.
impl<T: Coded> Coded for Vec<T> {
    fn put(&self, out: &mut Writer) {
        out.len(self.len());
        self.iter().for_each(|it| it.put(out));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        // Each has a byte at least. Room is made as they come: they may be much larger than that.
        let count = from.len("list", usize::MAX)?;
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(T::take(from)?);
        }
        Ok(list)
    }
}

/// Bytes that are read all at once.
fn take_bytes(from: &mut Reader<'_>) -> Result<Vec<u8>, CodecError> {
    from.bytes("value", usize::MAX).map(<[u8]>::to_vec)
}
