//! Conversations with a slow model: a [`Conversation`] remembers what was said, asks the model outside
//! of its turns, publishes the answer word by word, and answers after a crash what was asked before.

mod conversation;
pub mod model;

pub use conversation::{AskError, Conversation, ConversationEvent, ConversationShown, Pending};
pub use model::{Message, Speaker};
