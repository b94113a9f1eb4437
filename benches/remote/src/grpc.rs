//! tonic: a unary call with a field of bytes, over one channel that all callers share. What its generator would write for
//! the service is here by hand.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc as ServerGrpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::Case;
use crate::job::ARGUMENT;
use crate::report::Report;
use crate::served::say_ready;

const PATH: &str = "/bench.Taker/Take";

#[derive(Clone, PartialEq, prost::Message)]
struct Take {
    #[prost(bytes = "vec", tag = "1")]
    bytes: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Taken {
    #[prost(uint64, tag = "1")]
    bytes: u64,
}

#[derive(Clone, Default)]
struct Taker {
    taken: Arc<AtomicU64>,
}

impl UnaryService<Take> for Taker {
    type Response = Taken;
    type Future = std::future::Ready<Result<Response<Taken>, Status>>;

    fn call(&mut self, request: Request<Take>) -> Self::Future {
        let len = request.get_ref().bytes.len() as u64;
        let bytes = self.taken.fetch_add(len, Ordering::Relaxed) + len;
        std::future::ready(Ok(Response::new(Taken { bytes })))
    }
}

impl Service<http::Request<Body>> for Taker {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let taker = self.clone();
        Box::pin(async move {
            let codec = ProstCodec::<Taken, Take>::default();
            Ok(ServerGrpc::new(codec).unary(taker, request).await)
        })
    }
}

impl NamedService for Taker {
    const NAME: &'static str = "bench.Taker";
}

async fn take(client: &mut Grpc<Channel>) -> u64 {
    let request = Request::new(Take { bytes: ARGUMENT.as_bytes().to_vec() });
    let (path, codec) = (http::uri::PathAndQuery::from_static(PATH), ProstCodec::default());
    client.ready().await.expect("the channel stands");
    let taken: Response<Taken> = client.unary(request, path, codec).await.expect("an answer");
    taken.into_inner().bytes
}

pub(crate) fn measure(case: &Case) -> anyhow::Result<Report> {
    let endpoint = Endpoint::from_shared(format!("http://{}", case.server))?.tcp_nodelay(true);
    let channel = case.runtime.block_on(endpoint.connect())?;
    Ok(case.run(|mut caller| {
        let mut client = Grpc::new(channel.clone());
        Box::pin(async move {
            while caller.goes_on() {
                let since = Instant::now();
                take(&mut client).await;
                caller.note(since);
            }
            caller.end();
        })
    }))
}

pub(crate) async fn serve() -> anyhow::Result<()> {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?.with_nodelay(Some(true));
    say_ready(incoming.local_addr()?);
    Server::builder().add_service(Taker::default()).serve_with_incoming(incoming).await?;
    Ok(())
}
