//! ractor_cluster: actors that joined a group on one node, which callers on the other find there and hold.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, pg};
use ractor_cluster::{NodeServer, NodeServerMessage, RactorClusterMessage, client_connect};

use crate::Case;
use crate::job::{ACTORS, ARGUMENT};
use crate::report::Report;
use crate::served::say_ready;

const GROUP: &str = "takers";
/// How long the calling node may take to hear of all actors of the other.
const FIND_MAX: Duration = Duration::from_secs(30);

struct Taker;

#[derive(RactorClusterMessage)]
enum Take {
    #[rpc]
    Take(String, RpcReplyPort<u64>),
}

impl Actor for Taker {
    type Msg = Take;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Take>, _: ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<Take>,
        Take::Take(text, reply): Take,
        taken: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        *taken += text.len() as u64;
        reply.send(*taken)?;
        Ok(())
    }
}

/// A node of the library, on a port that was free just now: it does not tell which one it took.
async fn node(name: &str) -> anyhow::Result<(ActorRef<NodeServerMessage>, u16)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let (cookie, host) = ("bench".to_owned(), "localhost".to_owned());
    let server = NodeServer::new(port, cookie, name.to_owned(), host, None, None)
        .with_listen_addr([127, 0, 0, 1].into());
    let (server, _) = Actor::spawn(None, server, ()).await?;
    Ok((server, port))
}

/// The actors of the other node.
async fn find(case: &Case) -> anyhow::Result<Vec<ActorRef<Take>>> {
    let (server, _) = node("callers").await?;
    client_connect(&server, case.server).await?;
    let until = Instant::now() + FIND_MAX;
    loop {
        let found = pg::get_members(&GROUP.to_owned());
        if found.len() == ACTORS {
            return Ok(found.into_iter().map(ActorRef::from).collect());
        }
        ensure!(Instant::now() < until, "{} of {ACTORS} actors were found", found.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn measure(case: &Case) -> anyhow::Result<Report> {
    let takers = Arc::new(case.runtime.block_on(find(case))?);
    Ok(case.run(|mut caller| {
        let takers = Arc::clone(&takers);
        Box::pin(async move {
            while caller.goes_on() {
                let since = Instant::now();
                let taker = &takers[caller.pick(takers.len())];
                let answer = taker.call(|reply| Take::Take(ARGUMENT.to_owned(), reply), None).await;
                answer.expect("a live actor").expect("an answer");
                caller.note(since);
            }
            caller.end();
        })
    }))
}

pub(crate) async fn serve() -> anyhow::Result<()> {
    let (_server, port) = node("actors").await?;
    for _ in 0..ACTORS {
        let (taker, _) = Actor::spawn(None, Taker, ()).await?;
        pg::join(GROUP.to_owned(), vec![taker.get_cell()]);
    }
    say_ready(([127, 0, 0, 1], port).into());
    std::future::pending().await
}
