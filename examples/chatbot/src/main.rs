//! Serves conversations.

use chatbot::Conversation;

fn main() -> tenure::Result<()> {
    tenure::app().actor::<Conversation>().run()
}
