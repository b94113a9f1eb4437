/// What an actor publishes, or what its state follows from: any `#[tenure::data]` type that is
/// `Send + Sync`. The macro asks for the data, in words.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the event of an actor",
    label = "not `Send + Sync`",
    note = "a handler that waits may hold events it has recorded, and turns run on any thread"
)]
pub trait Event: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Event for T {}

/// The events of an actor type that has none: there is no such value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEvent {}
