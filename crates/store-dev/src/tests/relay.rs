//! Somebody on the way, who stops to read or cuts connections.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    is_stalled: bool,
    /// Connections that began in an earlier one are cut.
    era: u64,
}

pub(super) struct Relay {
    pub(super) address: String,
    target: Arc<Mutex<String>>,
    state: watch::Sender<State>,
}

impl Relay {
    pub(super) async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("it listens");
        let address = listener.local_addr().expect("it has an address").to_string();
        let target = Arc::new(Mutex::new(target.to_owned()));
        let (state, watched) = watch::channel(State { is_stalled: false, era: 0 });
        let leads_to = Arc::clone(&target);
        tokio::spawn(async move {
            while let Ok((dialler, _)) = listener.accept().await {
                let target = leads_to.lock().clone();
                let watched = watched.clone();
                tokio::spawn(async move {
                    if let Ok(acceptor) = TcpStream::connect(target).await {
                        pass(dialler, acceptor, watched).await;
                    }
                });
            }
        });
        Self { address, target, state }
    }

    /// Where it leads from now on.
    pub(super) fn lead_to(&self, target: &str) {
        *self.target.lock() = target.to_owned();
    }

    /// Nothing is read any more.
    pub(super) fn stall(&self) {
        self.state.send_modify(|state| state.is_stalled = true);
    }

    /// Cuts every connection; new ones pass.
    pub(super) fn cut(&self) {
        self.state.send_modify(|state| *state = State { is_stalled: false, era: state.era + 1 });
    }
}

async fn pass(mut dialler: TcpStream, mut acceptor: TcpStream, mut state: watch::Receiver<State>) {
    let (mut there, mut back) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let began = state.borrow().era;
    loop {
        let State { is_stalled, era } = *state.borrow_and_update();
        if era != began {
            return;
        }
        select! {
            biased;
            changed = state.changed() => if changed.is_err() { return },
            read = dialler.read(&mut there), if !is_stalled => {
                let Ok(read @ 1..) = read else { return };
                // What came after the stall stays here.
                if state.has_changed().unwrap_or(true) { continue }
                if acceptor.write_all(&there[..read]).await.is_err() { return }
            }
            read = acceptor.read(&mut back), if !is_stalled => {
                let Ok(read @ 1..) = read else { return };
                if state.has_changed().unwrap_or(true) { continue }
                if dialler.write_all(&back[..read]).await.is_err() { return }
            }
        }
    }
}
