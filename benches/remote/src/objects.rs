//! rio-rs: objects called by their keys. A client of its has one connection and one call on it at a time, so each caller
//! has a client.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use rio_rs::cluster::storage::Member;
use rio_rs::cluster::storage::local::LocalStorage;
use rio_rs::object_placement::local::LocalObjectPlacement;
use rio_rs::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Case;
use crate::job::{ACTORS, ARGUMENT};
use crate::report::Report;
use crate::served::say_ready;

#[derive(Default, WithId, TypeName)]
struct Taker {
    id: String,
    taken: u64,
}

#[derive(Debug, Message, TypeName, Serialize, Deserialize)]
struct Take {
    text: String,
}

#[derive(Debug, Message, TypeName, Serialize, Deserialize)]
struct Taken {
    bytes: u64,
}

#[async_trait]
impl Handler<Take> for Taker {
    type Returns = Taken;
    type Error = NoopError;

    async fn handle(&mut self, message: Take, _: Arc<AppData>) -> Result<Taken, NoopError> {
        self.taken += message.text.len() as u64;
        Ok(Taken { bytes: self.taken })
    }
}

pub(crate) fn measure(case: &Case) -> anyhow::Result<Report> {
    let keys: Arc<Vec<String>> = Arc::new((0..ACTORS).map(|number| format!("k{number}")).collect());
    let members = LocalStorage::default();
    let mut member = Member::new(case.server.ip().to_string(), case.server.port().to_string());
    member.set_active(true);
    case.runtime.block_on(members.push(member))?;
    Ok(case.run(|mut caller| {
        let (keys, members) = (Arc::clone(&keys), members.clone());
        Box::pin(async move {
            let client = ClientBuilder::new().members_storage(members).timeout_millis(30_000);
            let mut client = client.build().expect("a client");
            while caller.goes_on() {
                let since = Instant::now();
                let key = &keys[caller.pick(keys.len())];
                let take = Take { text: ARGUMENT.to_owned() };
                let taken = client.send::<Taken, NoopError>("Taker", key, &take).await;
                taken.expect("an answer");
                caller.note(since);
            }
            caller.end();
        })
    }))
}

pub(crate) async fn serve() -> anyhow::Result<()> {
    let mut registry = Registry::new();
    registry.add_type::<Taker>();
    registry.add_handler::<Taker, Take>();
    let members = PeerToPeerClusterProvider::builder().members_storage(LocalStorage::default());
    let mut server = Server::builder()
        .address("127.0.0.1:0".to_owned())
        .registry(registry)
        .app_data(AppData::new())
        .cluster_provider(members.build())
        .object_placement_provider(LocalObjectPlacement::default())
        .build();
    let listener = server.bind().await?;
    say_ready(listener.local_addr()?);
    server.run(listener).await?;
    Ok(())
}
