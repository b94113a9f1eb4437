//! Serves conversations, and the pages of participants and moderators.

use conversation::{Conversation, Insight, Participant, Pool};

/// Every turn makes and drops a few dozen small texts, on threads that come and go between them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

fn main() -> tenure::Result<()> {
    tenure::app()
        .actor::<Conversation>()
        .actor::<Participant>()
        .actor::<Pool>()
        .actor::<Insight>()
        .page("/", HTML, include_str!("../pages/participant.html"))
        .page("/moderator", HTML, include_str!("../pages/moderator.html"))
        .page("/page.css", "text/css; charset=utf-8", include_str!("../pages/page.css"))
        .page("/session.js", SCRIPT, include_str!("../pages/session.js"))
        .page("/participant.js", SCRIPT, include_str!("../pages/participant.js"))
        .page("/moderator.js", SCRIPT, include_str!("../pages/moderator.js"))
        .page("/centrifuge.js", SCRIPT, include_str!("../pages/centrifuge.js"))
        .run()
}
