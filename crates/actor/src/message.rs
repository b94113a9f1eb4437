use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is sent to an actor: the arguments of one method. `#[actor]` writes one for each handler.
pub trait Message: Serialize + DeserializeOwned + Send + 'static {
    /// The method's name.
    const METHOD: &'static str;
}
