//! Serves the keyring: `KEYRING_LISTEN` says where, Tenure's settings which cluster.

use std::error::Error;
use std::time::Duration;

use tenure::cluster::Member;
use tenure::config::Configuration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const LEAVE_MAX: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    // First: the process that proves this one's death is this program, too.
    if tenure::run_if_sentinel().is_some() {
        return Ok(());
    }
    tokio::runtime::Runtime::new()?.block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let settings = Configuration::read(None, std::env::vars(), &[])?.settings().clone();
    let listen = std::env::var("KEYRING_LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    // Before the others are told where.
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let member = Member::join(settings, &address.to_string()).await?;
    println!("ready: http://{address}");
    let mut stop = signal(SignalKind::terminate())?;
    let serving = axum::serve(listener, keyring::service::router(member.clone()));
    tokio::select! {
        served = serving => served?,
        _ = stop.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        () = member.ended() => return Err("this node has lost its place; start it again".into()),
    }
    // Its listener is closed: who still has a connection is answered elsewhere.
    member.leave(LEAVE_MAX).await?;
    Ok(())
}
