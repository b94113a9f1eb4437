//! What the servers show of a node's feeds.

use std::sync::Arc;

use tenure_gateway::{FeedAnswer, FeedItem, FeedLine, FeedRefusal, FeedStart, FeedWanted, Feeds};
use tenure_runtime::{FeedReadError, Runtime};
use tenure_store::{Cursor, FeedEntry, FeedError, FeedFrom, FeedPage};
use tenure_types::BoxFuture;

/// The feeds of one node.
pub(crate) struct NodeFeeds(pub(crate) Arc<Runtime>);

impl Feeds for NodeFeeds {
    fn read(&self, wanted: FeedWanted) -> BoxFuture<'static, Result<FeedAnswer, FeedRefusal>> {
        let engine = Arc::clone(&self.0);
        Box::pin(async move {
            let FeedWanted { feed, from, limit, wait } = wanted;
            let from = match from {
                FeedStart::Oldest => FeedFrom::Oldest,
                FeedStart::Latest => FeedFrom::Latest,
                FeedStart::After(cursor) => {
                    let cursor = cursor.parse::<Cursor>();
                    let wrong = |error| refusal(FeedError::Cursor(error).into());
                    FeedFrom::After(cursor.map_err(wrong)?)
                }
            };
            let page = engine.read_feed(&feed, from, limit, wait).await.map_err(refusal)?;
            let FeedPage { entries, next, has_more } = page;
            let entries = entries.into_iter().map(item).collect();
            Ok(FeedAnswer { entries, cursor: next.to_string(), has_more })
        })
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<FeedLine>, String>> {
        let engine = Arc::clone(&self.0);
        Box::pin(async move {
            let feeds = engine.feeds().await.map_err(|error| error.to_string())?;
            let line = |info: tenure_store::FeedInfo| FeedLine {
                name: info.name.to_string(),
                entries: info.entries,
                bytes: info.bytes,
                oldest_at: info.oldest_ms,
                error: info.error.map(|error| error.to_string()),
            };
            Ok(feeds.into_iter().map(line).collect())
        })
    }
}

fn item(entry: FeedEntry) -> FeedItem {
    FeedItem {
        type_name: entry.type_name,
        key: entry.key.to_string(),
        version: entry.version.0,
        index: entry.index,
        at_ms: entry.at_ms,
        data: entry.data,
    }
}

fn refusal(error: FeedReadError) -> FeedRefusal {
    let detail = error.to_string();
    match error {
        FeedReadError::Feed(FeedError::Expired { oldest }) => {
            FeedRefusal::Expired { oldest: oldest.to_string() }
        }
        FeedReadError::Feed(FeedError::Cursor(_)) => FeedRefusal::Cursor { detail },
        FeedReadError::Overloaded { .. } => FeedRefusal::Overloaded { detail },
        _ => FeedRefusal::Storage { detail },
    }
}
