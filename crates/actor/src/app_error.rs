use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::CodecError;

/// An application's own error: what a handler's `Result` may carry. `#[tenure::error]` writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a handler",
    label = "not an application's error",
    note = "write #[tenure::error] on its enum or struct, or turn it into one that has it"
)]
pub trait AppError: fmt::Display + fmt::Debug + Send + Sync + 'static {
    /// The stable word that tells this error from others: `snake_case`, the same for ever.
    fn code(&self) -> &str;

    /// The HTTP status of the problem that reports it, 400 to 499 or 503.
    fn status(&self) -> u16 {
        422
    }

    /// When the same call may succeed, for an error that says "not now" and has changed nothing. Clients
    /// then see `Retry-After` and `"retryable": true`, and an idempotency key does not remember the
    /// error: the call that is made again runs again. `None` for an answer that is final.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Every status that [`AppError::status`] can give, for documents; empty where that is not said.
    fn statuses() -> &'static [u16]
    where
        Self: Sized,
    {
        &[]
    }

    /// The error's fields as JSON, for the problem's `error` member.
    fn to_json(&self) -> String;

    /// Appends the error's stored form to `out`, in [`CODEC_NAMED`](crate::CODEC_NAMED).
    ///
    /// # Errors
    /// [`CodecError`] when serde refuses a value.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads what [`AppError::encode`] wrote.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes do not fit.
    fn decode(body: &[u8]) -> Result<Self, CodecError>
    where
        Self: Sized;
}

impl AppError for Infallible {
    fn code(&self) -> &str {
        match *self {}
    }

    fn to_json(&self) -> String {
        match *self {}
    }

    fn encode(&self, _: &mut Vec<u8>) -> Result<(), CodecError> {
        match *self {}
    }

    fn decode(_: &[u8]) -> Result<Self, CodecError> {
        Err(CodecError::new("this error never happens"))
    }
}

/// An application's error on its way to a client: its code, status, text and fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppProblem {
    /// See [`AppError::code`].
    pub code: Box<str>,
    /// See [`AppError::status`].
    pub status: u16,
    /// The error's text.
    pub message: Box<str>,
    /// See [`AppError::retry_after`].
    pub retry_after: Option<Duration>,
    /// The error itself as JSON.
    pub json: Box<str>,
    /// Whether it is the outcome of an earlier call with the same idempotency key.
    pub replayed: bool,
}

impl AppProblem {
    /// Encodes `error`.
    pub fn new(error: &impl AppError) -> Self {
        Self {
            code: error.code().into(),
            status: error.status(),
            message: error.to_string().into(),
            retry_after: error.retry_after(),
            json: error.to_json().into(),
            replayed: false,
        }
    }
}

impl fmt::Display for AppProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Takes a handler's `Result` apart, whatever alias it was written as.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is called `Result` and is none",
    label = "not std's `Result`",
    note = "what a handler returns under this name is taken apart; give the type another name"
)]
pub trait Projected {
    /// What the handler replies.
    type Reply;
    /// How it fails.
    type Error;
}

impl<T, E> Projected for Result<T, E> {
    type Reply = T;
    type Error = E;
}

/// Finds a `Result` behind an alias that does not end in `Result`.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<T, E> Probe<Result<T, E>> {
    /// Shadows [`ProbeNotResult::IS_RESULT`].
    pub const IS_RESULT: bool = true;
}

/// The answer of [`Probe`] for every other type.
pub trait ProbeNotResult {
    /// It is no `Result`.
    const IS_RESULT: bool = false;
}

impl<T> ProbeNotResult for Probe<T> {}
