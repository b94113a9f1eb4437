//! Reads rows on a small pool of threads, the bound on reads of the disk at a time.

mod direct;
mod due;
mod queue;

pub(crate) use direct::DirectLoads;
pub(crate) use due::DueFloor;
pub(crate) use queue::{LoadQueue, Page, Reader, Request};

use crate::serving::Serving;

/// The most requests a thread takes at a time. They share one waking of the thread.
const TAKE_MAX: usize = 32;

/// Serves loads until the queue is closed.
pub(crate) fn run(serving: &Serving) {
    let mut taken = Vec::with_capacity(TAKE_MAX);
    while serving.loads.take(&mut taken, TAKE_MAX) {
        for request in taken.drain(..) {
            serve(serving, request);
        }
    }
}

fn serve(serving: &Serving, request: Request) {
    match request {
        Request::Actor { actor, answer } => answer.answer_with(|| serving.read(&actor)),
        Request::Events { actor, after, limit, answer } => {
            answer.answer_with(|| serving.view(|view| view.events(&actor, after, limit)));
        }
        Request::Due { until_ms, after, limit, answer } => {
            answer.answer_with(|| serving.due(until_ms, after.as_ref(), limit));
        }
        Request::Feed { feed, from, limit, answer } => {
            answer.answer_with(|| serving.read_feed(&feed, &from, limit));
        }
        Request::Feeds { answer } => answer.answer_with(|| serving.view(|view| view.feeds())),
        Request::FeedEnds { feeds, answer } => {
            answer.answer_with(|| serving.view(|view| Ok(view.feed_ends(&feeds))));
        }
        Request::PlanTrim { feed, keep, answer } => {
            answer.answer_with(|| serving.view(|view| view.plan_trim(&feed, keep)));
        }
        Request::Types { answer } => answer.answer_with(|| serving.view(|view| view.types())),
        Request::Heads { type_name, after, limit, answer } => {
            answer
                .answer_with(|| serving.view(|view| view.heads(&type_name, after.as_ref(), limit)));
        }
    }
}
