use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{
    Certificate, Client, ConnectOptions, Error, Identity, KvClient, TlsOptions, Txn, TxnResponse,
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::{EtcdConfig, EtcdError};

/// The most bytes of one answer: every row there may be, each as long as one may be.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// A connection is waited for at least as long: etcd takes its time over a password.
const CONNECT_MIN: Duration = Duration::from_secs(3);
/// How long a connection may be silent before its server is asked for a sign of life, and how long that may take.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(3));

/// A connection to one server of an etcd cluster, made when it is needed. When it fails the next server's turn comes.
pub(crate) struct Link {
    config: Arc<EtcdConfig>,
    /// How long one answer is waited for.
    patience: Duration,
    /// Whose permit is held while a connection is made.
    gate: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    /// Which server's turn it is.
    turn: usize,
    is_lost: bool,
}

struct Session {
    client: KvClient,
}

impl Link {
    pub(crate) fn new(config: Arc<EtcdConfig>, patience: Duration) -> Self {
        Self { config, patience, gate: Semaphore::new(1), state: Mutex::default() }
    }

    /// Sends one transaction and gives its answer.
    ///
    /// # Errors
    /// [`EtcdError::Unanswered`]: it was done or not, also later.
    pub(crate) async fn send(&self, transaction: Txn) -> Result<TxnResponse, EtcdError> {
        match self.try_send(transaction).await {
            Ok(answer) => {
                if std::mem::take(&mut self.state.lock().is_lost) {
                    tracing::info!(
                        place = self.config.place(),
                        "the member table is reached again"
                    );
                }
                Ok(answer)
            }
            Err(why) => {
                let place = self.config.place().into();
                let error = EtcdError::Unanswered { place, why: why.into() };
                if !std::mem::replace(&mut self.state.lock().is_lost, true) {
                    tracing::warn!(%error, "the member table is not reached");
                }
                Err(error)
            }
        }
    }

    async fn try_send(&self, transaction: Txn) -> Result<TxnResponse, String> {
        let session = self.session().await?;
        let mut client = session.client.clone();
        let answer = soon(self.patience, client.txn(transaction)).await;
        if answer.is_err() {
            self.drop_session(&session);
        }
        answer
    }

    fn held(&self) -> Option<Arc<Session>> {
        self.state.lock().session.clone()
    }

    /// The connection, made again if it is gone.
    async fn session(&self) -> Result<Arc<Session>, String> {
        if let Some(session) = self.held() {
            return Ok(session);
        }
        // Who holds it for longer connects to a server that does not answer.
        let permit = timeout(self.patience, self.gate.acquire()).await;
        let _permit = permit.map_err(|_| "no connection comes about".to_owned())?;
        // Somebody else may have made it meanwhile.
        if let Some(session) = self.held() {
            return Ok(session);
        }
        let turn = self.state.lock().turn;
        let host = &self.config.hosts[turn % self.config.hosts.len()];
        match self.connect(host).await {
            Ok(client) => {
                let session = Arc::new(Session { client });
                self.state.lock().session = Some(Arc::clone(&session));
                Ok(session)
            }
            Err(why) => {
                self.state.lock().turn = turn.wrapping_add(1);
                Err(why)
            }
        }
    }

    async fn connect(&self, host: &str) -> Result<KvClient, String> {
        let config = &self.config;
        let mut options = ConnectOptions::new()
            // A server that has lost the others says so at once.
            .with_require_leader(true)
            .with_connect_timeout(self.patience)
            .with_timeout(self.patience)
            .with_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1)
            // What is sent again was refused, and so not done.
            .with_auto_token_refresh(true);
        if let Some((user, password)) = &config.user {
            options = options.with_user(user, password);
        }
        let scheme = if config.has_tls { "https" } else { "http" };
        if config.has_tls {
            options = options.with_tls(tls(config)?);
        }
        let endpoint = format!("{scheme}://{host}");
        let client =
            soon(self.patience.max(CONNECT_MIN), Client::connect([endpoint], Some(options)))
                .await?;
        Ok(client.kv_client().max_decoding_message_size(ANSWER_BYTES_MAX))
    }

    /// Drops the connection, if it is still this one.
    fn drop_session(&self, session: &Arc<Session>) {
        let mut state = self.state.lock();
        if state.session.as_ref().is_some_and(|it| Arc::ptr_eq(it, session)) {
            state.session = None;
            state.turn = state.turn.wrapping_add(1);
        }
    }
}

/// Waits for etcd, for so long.
async fn soon<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, String> {
    match timeout(patience, work).await {
        Ok(answer) => answer.map_err(|error| reason(&error)),
        Err(_) => Err(format!("nothing came in {patience:?}")),
    }
}

/// Trusts the authorities that the configuration names, else those of the system.
fn tls(config: &EtcdConfig) -> Result<TlsOptions, String> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    let mut tls = TlsOptions::new();
    tls = match &config.roots {
        Some(roots) => tls.ca_certificate(Certificate::from_pem(read(roots)?)),
        None => tls.with_native_roots(),
    };
    if let Some((cert, key)) = &config.identity {
        tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
    }
    Ok(tls)
}

/// What is wrong, with its causes. Nothing of it has the password.
fn reason(error: &Error) -> String {
    let (mut text, mut cause) = match error {
        Error::GRpcStatus(status) => (status.message().to_owned(), status.source()),
        other => (other.to_string(), None),
    };
    if let Error::TransportError(error) = error {
        cause = error.source();
    }
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
