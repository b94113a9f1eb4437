//! Who follows what actors publish: told where the actor lives, or from the store.

use std::sync::Arc;
use std::time::Duration;

use tenure_actor::Receipt;
use tenure_store::{FeedError, FeedFrom, FeedPage};
use tenure_types::{CallError, FeedName, Incarnation, Tasks as _};

use super::Host;
use super::host::not_a_member;
use crate::cast::FEED;
use crate::follow::{Follow, Followed, Following, Read, WasRead};
use crate::frame::{Body, Frame};
use crate::ops;

impl Host {
    /// A subscriber asks. Where the actor's own node is to tell it, a turn of the actor says first
    /// where its events stand, as `#[attach]` does at a gateway.
    pub(super) fn answer_follow(self: &Arc<Self>, place: u32, follow: Follow) {
        if !follow.is_routed {
            return self.tell_follower(place, follow, follow.after.unwrap_or_default());
        }
        let Some(runtime) = self.runtime() else {
            return self.say_followed(place, follow.number, Err(not_a_member()));
        };
        let host = Arc::clone(self);
        let answer = async move {
            let receipt = Arc::new(Receipt::following());
            let attached = ops::attach(&runtime.handle(), follow.who, Arc::clone(&receipt)).await;
            if let Err(error) = attached {
                return host.say_followed(place, follow.number, Err(error));
            }
            let from = follow.after.or(receipt.log()).unwrap_or_default();
            let id = follow.who.id();
            let me = host.incarnation();
            match host.driver.whereabouts(&id) {
                Some(there) if Some(there) == me => host.tell_follower(place, follow, from),
                Some(there) => host.pass_on(there, Body::FollowHere { place, follow, from }),
                None => host.say_followed(place, follow.number, Err(elsewhere())),
            }
        };
        self.process().spawn("follow", Box::pin(answer));
    }

    /// Sends to the node where an actor lives, if it is known where that is.
    fn pass_on(&self, to: Incarnation, body: Body) {
        let Some(from) = self.incarnation() else { return };
        let place = self.driver.view().member(to).and_then(|member| member.address.parse().ok());
        if let Some(place) = place {
            self.world().port.send(place, Frame { from, to, body });
        }
    }

    /// Tells a subscriber what this node knows.
    pub(super) fn tell_follower(self: &Arc<Self>, place: u32, follow: Follow, from: (u64, u64)) {
        let runtime = self.runtime();
        let found = runtime.and_then(|it| Some((it.target_of(&follow.who.id())?, it)));
        let Some((target, runtime)) = found else {
            return self.say_followed(place, follow.number, Err(not_a_member()));
        };
        let host = Arc::clone(self);
        let tell = async move {
            let page = runtime.events(&target, from.0, from.1).await;
            host.say_followed(place, follow.number, page.map(|page| Following { from, page }));
        };
        self.process().spawn("tell", Box::pin(tell));
    }

    fn say_followed(&self, place: u32, number: u64, result: Result<Following, CallError>) {
        let from = self.incarnation().unwrap_or(Incarnation(0));
        let body = Body::Followed(Followed { number, result });
        self.world().port.send(place, Frame { from, to: Incarnation(0), body });
    }

    /// A reader of the feed asks.
    pub(super) fn answer_reader(self: &Arc<Self>, place: u32, read: Read) {
        let host = Arc::clone(self);
        let answer = async move {
            let result = host.read_feed(&read).await;
            let from = host.incarnation().unwrap_or(Incarnation(0));
            let body = Body::WasRead(WasRead { number: read.number, result });
            host.world().port.send(place, Frame { from, to: Incarnation(0), body });
        };
        self.process().spawn("read", Box::pin(answer));
    }

    async fn read_feed(&self, read: &Read) -> Option<Result<FeedPage, FeedError>> {
        let runtime = self.runtime()?;
        let feed = FeedName::new(FEED).expect("a good name");
        let from = read.after.clone().map_or(FeedFrom::Oldest, FeedFrom::After);
        let wait = Duration::from_millis(read.wait_ms);
        match runtime.read_feed(&feed, from, read.limit, wait).await {
            Ok(page) => Some(Ok(page)),
            Err(tenure_runtime::FeedReadError::Feed(error)) => Some(Err(error)),
            Err(_) => None,
        }
    }
}

fn elsewhere() -> CallError {
    CallError::Unavailable { detail: "nobody knows where it lives".into() }
}
