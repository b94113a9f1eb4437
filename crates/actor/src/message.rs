use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is sent to an actor: the arguments of one method. `#[actor]` writes one for each handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no message",
    label = "not a message",
    note = "#[actor] makes one of each handler, as `CartAdd {{ .. }}` of `Cart::add`; a private method \
            needs #[handler]"
)]
pub trait Message: Serialize + DeserializeOwned + Send + 'static {
    /// The method's name.
    const METHOD: &'static str;
}
