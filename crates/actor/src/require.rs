use std::cmp::Ordering;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Actor, CodecError, decode_named, encode_named};

/// What the macros ask of an author's type, so that what it lacks is told once and in words.
///
/// Each question is an item of `Require<T>` where `T` has what is asked for, and an item of
/// [`Unmet`] for every other type: the compiler prefers the first.
#[derive(Debug)]
pub struct Require<T>(PhantomData<T>);

/// The answers for types that lack what is asked for. A program that uses one does not compile:
/// the macros assert the constants.
pub trait Unmet: Sized {
    /// The type asked about.
    type Asked;
    /// Not `Send + Sync + 'static`.
    const IS_SHARED: bool = false;
    /// Not `Default`.
    const IS_DEFAULT: bool = false;
    /// Not `Serialize + DeserializeOwned`.
    const IS_DATA: bool = false;

    /// Never called.
    ///
    /// # Panics
    /// Always.
    fn create() -> Self::Asked {
        unreachable!("asserted at compile time")
    }

    /// Never called.
    ///
    /// # Errors
    /// Always.
    fn encode(_: &Self::Asked, _: &mut Vec<u8>) -> Result<(), CodecError> {
        Err(CodecError::new("the state has no stored form"))
    }

    /// Never called.
    ///
    /// # Errors
    /// Always.
    fn decode(_: u8, _: &[u8]) -> Result<Self::Asked, CodecError> {
        Err(CodecError::new("the state has no stored form"))
    }

    /// Never called.
    ///
    /// # Errors
    /// Always.
    fn json(_: u8, _: &[u8]) -> Result<Vec<u8>, CodecError> {
        Err(CodecError::new("the state has no stored form"))
    }
}

impl<T> Unmet for Require<T> {
    type Asked = T;
}

impl<T: Send + Sync + 'static> Require<T> {
    /// Turns may run on any thread.
    pub const IS_SHARED: bool = true;
}

impl<T: Default> Require<T> {
    /// The state of an actor that was never stored exists.
    pub const IS_DEFAULT: bool = true;

    /// The state of an actor that was never stored.
    #[must_use]
    pub fn create() -> T {
        T::default()
    }
}

impl<T: Serialize + DeserializeOwned> Require<T> {
    /// It can be stored and sent.
    pub const IS_DATA: bool = true;

    /// See [`encode_named`].
    ///
    /// # Errors
    /// [`CodecError`] when serde refuses a value.
    pub fn encode(state: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_named(state, out)
    }

    /// See [`decode_named`].
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not the stored form of a `T`.
    pub fn decode(codec: u8, body: &[u8]) -> Result<T, CodecError> {
        decode_named(codec, body)
    }

    /// A stored value as clients read it: as JSON.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not the stored form of a `T`, or serde refuses a value.
    pub fn json(codec: u8, body: &[u8]) -> Result<Vec<u8>, CodecError> {
        let value: T = decode_named(codec, body)?;
        serde_json::to_vec(&value).map_err(|error| CodecError::new(error.to_string()))
    }
}

/// Refuses a record of another schema than the one of `A`, after `#[upgrade]` was asked.
///
/// # Errors
/// [`CodecError`] names both schemas.
pub fn check_schema<A: Actor>(schema: u32) -> Result<(), CodecError> {
    let (name, known) = (A::TYPE, A::SCHEMA);
    match schema.cmp(&known) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(CodecError::new(format!(
            "the record of {name} has schema {schema}, this program knows schema {known}"
        ))),
        Ordering::Less => Err(CodecError::new(format!(
            "the record of {name} has schema {schema}, this program knows schema {known} and has no \
             #[upgrade(from = {schema})]"
        ))),
    }
}

/// The fields of an error as JSON; `null` where they have no such form.
pub fn error_json<E: Serialize>(error: &E) -> String {
    serde_json::to_string(error).unwrap_or_else(|_| "null".to_owned())
}
