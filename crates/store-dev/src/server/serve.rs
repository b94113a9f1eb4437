use std::sync::Arc;

use parking_lot::Mutex;
use tenure_store::{Store, UnitOutcome, UnitSink};
use tenure_types::Token;

use super::answer::Answering;
use crate::bounds::PAGE_MAX;
use crate::codec::encode;
use crate::message::{Reply, Request};

/// Does what a client asks of its store, and answers when it is done.
pub(super) fn serve(answering: Answering, request: Request) {
    let Some((tasks, client)) = answering.place() else { return };
    let (tasks, client) = (tasks.clone(), Arc::clone(client));
    // Units in the order in which they came, and before what came after them.
    if let Request::Submit(unit) = request {
        let sink = Arc::new(Settling { answering: Mutex::new(Some(answering)) });
        return client.store.submit(unit, sink);
    }
    tasks.spawn(async move {
        // Held until the lane has the answer: what answers take together is bounded by it.
        let Ok(_read) = client.reads.acquire().await else { return };
        let answer = read(&*client.store, request).await;
        answering.deliver(&Reply::Done(answer)).await;
    });
}

/// Hears what becomes of a unit.
struct Settling {
    answering: Mutex<Option<Answering>>,
}

impl UnitSink for Settling {
    fn settled(self: Arc<Self>, _token: Token, outcome: UnitOutcome) {
        let answering = self.answering.lock().take();
        if let Some(answering) = answering {
            answering.answer(&Reply::Done(encode(&outcome)));
        }
    }
}

/// What the store answers, as bytes.
async fn read(store: &dyn Store, request: Request) -> Vec<u8> {
    match request {
        Request::Open => encode(&store.open().await),
        Request::OpenToRead => encode(&store.open_to_read().await),
        Request::Join(incarnation) => encode(&store.join(incarnation).await),
        Request::Fence(incarnation) => encode(&store.fence(incarnation).await),
        Request::Close => encode(&store.close().await),
        Request::Load(actor) => encode(&store.load(&actor).await),
        Request::Events { actor, after, limit } => {
            encode(&store.events(&actor, after, limit.min(PAGE_MAX)).await)
        }
        Request::Due { until_ms, after, limit } => {
            encode(&store.due(until_ms, after, limit.min(PAGE_MAX)).await)
        }
        Request::Types => encode(&store.types().await),
        Request::Heads { type_name, after, limit } => {
            encode(&store.heads(&type_name, after.as_ref(), limit.min(PAGE_MAX)).await)
        }
        Request::ReadFeed { feed, from, limit } => {
            encode(&store.read_feed(&feed, from, limit.min(PAGE_MAX)).await)
        }
        Request::Feeds => encode(&store.feeds().await),
        Request::TrimFeed { feed, keep } => encode(&store.trim_feed(&feed, keep).await),
        Request::FeedEnds(feeds) => encode(&store.feed_ends(&feeds).await),
        // It was submitted, and is answered by its sink.
        Request::Submit(_) => Vec::new(),
    }
}
