//! Somebody on the way between two nodes, who passes bytes on, and may do worse.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Network;
use crate::network::{BoxStream, Listener};

/// What is done to the next bytes from the dialler that are longer than [`Relay::SHORT`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Harm {
    /// One bit is turned.
    Flip,
    /// They are sent twice.
    Repeat,
    /// The last byte is left out, and the next ones follow.
    Leave,
    /// Half of them is sent, then the connection ends.
    Cut,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Pass,
    /// Nothing is read any more.
    Stall,
    /// Everything is read, and nothing is passed on.
    Swallow,
}

#[derive(Clone, Copy, Debug)]
struct State {
    mode: Mode,
    /// Connections that began in an earlier one are cut.
    era: u64,
}

pub(super) struct Relay {
    pub(super) address: String,
    state: watch::Sender<State>,
    harm: Arc<Mutex<Option<Harm>>>,
    /// What each dialler sent, one entry a connection.
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Longer than a ping, shorter than the frames that tests send.
    pub(super) const SHORT: usize = 128;

    pub(super) async fn start(network: &Network, listen: &str, target: &str) -> Self {
        let listener = network.listen(listen).await.expect("the relay listens");
        let address = listener.address().unwrap();
        let (state, watched) = watch::channel(State { mode: Mode::Pass, era: 0 });
        let (harm, heard) = (Arc::default(), Arc::default());
        let accepting = tokio::spawn(accept(
            listener,
            network.clone(),
            target.to_owned(),
            watched,
            Arc::clone(&harm),
            Arc::clone(&heard),
        ));
        Self { address, state, harm, heard, accepting }
    }

    /// Cuts every connection; new ones pass.
    pub(super) fn cut(&self) {
        self.state.send_modify(|state| state.era += 1);
    }

    /// Cuts every connection, and nobody listens any more.
    pub(super) async fn die(self) {
        self.accepting.abort();
        // The listener is gone when its task is.
        let _aborted = self.accepting.await;
        self.state.send_modify(|state| state.era += 1);
    }

    pub(super) fn stall(&self) {
        self.state.send_modify(|state| state.mode = Mode::Stall);
    }

    pub(super) fn swallow(&self) {
        self.state.send_modify(|state| state.mode = Mode::Swallow);
    }

    pub(super) fn pass(&self) {
        self.state.send_modify(|state| state.mode = Mode::Pass);
    }

    pub(super) fn harm(&self, harm: Harm) {
        *self.harm.lock() = Some(harm);
    }

    pub(super) fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().clone()
    }
}

async fn accept(
    mut listener: Listener,
    network: Network,
    target: String,
    state: watch::Receiver<State>,
    harm: Arc<Mutex<Option<Harm>>>,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
) {
    loop {
        let (dialler, _) = listener.accept().await.expect("the relay accepts");
        let (network, target, state) = (network.clone(), target.clone(), state.clone());
        let (harm, heard) = (Arc::clone(&harm), Arc::clone(&heard));
        tokio::spawn(async move {
            let Ok((acceptor, _)) = network.dial(&target).await else { return };
            let index = {
                let mut heard = heard.lock();
                heard.push(Vec::new());
                heard.len() - 1
            };
            pass(dialler, acceptor, state, &harm, |bytes| heard.lock()[index].extend(bytes)).await;
        });
    }
}

/// Passes bytes on until one end closes, or the connection is cut.
async fn pass(
    dialler: BoxStream,
    acceptor: BoxStream,
    mut state: watch::Receiver<State>,
    harm: &Mutex<Option<Harm>>,
    mut hear: impl FnMut(&[u8]),
) {
    let (mut from_dialler, mut to_dialler) = split(dialler);
    let (mut from_acceptor, mut to_acceptor) = split(acceptor);
    let (mut there, mut back) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let era = state.borrow().era;
    loop {
        let State { mode, era: now } = *state.borrow_and_update();
        if now != era {
            return;
        }
        select! {
            biased;
            changed = state.changed() => if changed.is_err() { return },
            read = from_dialler.read(&mut there), if mode != Mode::Stall => {
                let Ok(read @ 1..) = read else { return };
                if mode == Mode::Swallow {
                    continue;
                }
                hear(&there[..read]);
                let mut bytes = there[..read].to_vec();
                let harm = if read > Relay::SHORT { harm.lock().take() } else { None };
                match harm {
                    Some(Harm::Flip) => bytes[read / 2] ^= 4,
                    Some(Harm::Repeat) => bytes.extend_from_within(..),
                    Some(Harm::Leave) => bytes.truncate(read - 1),
                    Some(Harm::Cut) => bytes.truncate(read / 2),
                    None => {}
                }
                if to_acceptor.write_all(&bytes).await.is_err() || harm == Some(Harm::Cut) {
                    return;
                }
            }
            read = from_acceptor.read(&mut back), if mode != Mode::Stall => {
                let Ok(read @ 1..) = read else { return };
                if mode == Mode::Swallow {
                    continue;
                }
                if to_dialler.write_all(&back[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
