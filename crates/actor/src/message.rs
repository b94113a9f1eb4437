use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::AppError;

/// What is sent to an actor: the arguments of one method. `#[actor]` writes one for each handler.
pub trait Message: Serialize + DeserializeOwned + Send + 'static {
    /// What the handler answers.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
    /// How it may fail; [`std::convert::Infallible`] if it cannot.
    type Error: AppError;
    /// The method's name.
    const METHOD: &'static str;
}
