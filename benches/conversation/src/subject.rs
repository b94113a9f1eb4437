//! What is measured: ours and the twins, each started afresh with an empty store of its own.

mod postgres;
mod redis;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::process::{End, Process, drain, line_with};
pub(crate) use postgres::Cluster;

/// With that a service says that it serves, and where.
pub(crate) const READY: &str = "ready: calls on http://";
/// More than a closed loop sends.
const COMMANDS_MAX: u32 = 1_000_000;

/// Whose service it is, and how durable it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    /// Every reply waits until what it tells is stored.
    OursDurable,
    /// The same, kept in PostgreSQL.
    OursPostgres,
    /// As the example is written: replies leave before.
    OursBehind,
    Postgres,
    RedisAlways,
    RedisEverysec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    Http,
    WebSocket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    pub(crate) service: Service,
    pub(crate) transport: Transport,
}

impl Subject {
    pub(crate) const ALL: [Self; 9] = [
        Self::http(Service::OursDurable),
        Self::http(Service::OursPostgres),
        Self::http(Service::Postgres),
        Self::http(Service::RedisAlways),
        Self::http(Service::OursBehind),
        Self::http(Service::RedisEverysec),
        Self::socket(Service::OursDurable),
        Self::socket(Service::OursBehind),
        Self::socket(Service::Postgres),
    ];

    pub(crate) const fn http(service: Service) -> Self {
        Self { service, transport: Transport::Http }
    }

    pub(crate) const fn socket(service: Service) -> Self {
        Self { service, transport: Transport::WebSocket }
    }

    pub(crate) fn name(self) -> &'static str {
        match self.service {
            Service::OursDurable => "ours, durable",
            Service::OursPostgres => "ours, durable, on PostgreSQL",
            Service::OursBehind => "ours, write-behind",
            Service::Postgres => "axum + PostgreSQL",
            Service::RedisAlways => "axum + Redis, fsync always",
            Service::RedisEverysec => "axum + Redis, fsync every second",
        }
    }

    /// The method that submits.
    pub(crate) fn method(self) -> &'static str {
        match self.service {
            Service::OursDurable | Service::OursPostgres => "submit_saved",
            _ => "submit",
        }
    }
}

impl Transport {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::WebSocket => "WebSocket",
        }
    }
}

/// Where everything is.
pub(crate) struct Place {
    /// A folder on a real disk, for this run alone.
    pub(crate) folder: PathBuf,
    /// The program of the example.
    pub(crate) ours: PathBuf,
    /// The cluster that is copied for each run on PostgreSQL.
    pub(crate) cluster: Cluster,
}

/// A subject that runs. It ends with this value, and its files as well.
pub(crate) struct Running {
    pub(crate) at: SocketAddr,
    service: Option<Process>,
    store: Option<Process>,
    counter: Counter,
    folder: PathBuf,
}

/// Where it is counted what a store has written.
enum Counter {
    /// The node's metrics.
    Metrics(SocketAddr),
    Postgres {
        port: u16,
        before: f64,
    },
    Redis {
        port: u16,
    },
}

impl Running {
    /// Starts the store, if it has one, and the service, and waits until both serve.
    pub(crate) fn start(service: Service, place: &Place) -> anyhow::Result<Self> {
        let folder = place.folder.join("running");
        remove(&folder)?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("could not create {}", folder.display()))?;
        match service {
            Service::OursDurable | Service::OursBehind => Self::ours(place, folder, None),
            Service::OursPostgres => {
                let (store, port) = place.cluster.start(&folder)?;
                let url = format!("postgres://twin@127.0.0.1:{port}/postgres");
                make_tables(&url)?;
                let before = postgres::rows_written(port)?;
                let mut ours = Self::ours(place, folder, Some(url))?;
                (ours.store, ours.counter) = (Some(store), Counter::Postgres { port, before });
                Ok(ours)
            }
            Service::Postgres => {
                let (store, port) = place.cluster.start(&folder)?;
                let before = postgres::rows_written(port)?;
                let url = postgres::url(port);
                let twin = Self::twin("postgres", &url, &folder)?;
                let counter = Counter::Postgres { port, before };
                Ok(Self { at: twin.1, service: Some(twin.0), store: Some(store), counter, folder })
            }
            Service::RedisAlways | Service::RedisEverysec => {
                let is_always = service == Service::RedisAlways;
                let (store, port) = redis::start(&folder, is_always)?;
                let twin = Self::twin("redis", &format!("redis://127.0.0.1:{port}"), &folder)?;
                let counter = Counter::Redis { port };
                Ok(Self { at: twin.1, service: Some(twin.0), store: Some(store), counter, folder })
            }
        }
    }

    fn ours(place: &Place, folder: PathBuf, url: Option<String>) -> anyhow::Result<Self> {
        let mut arguments = vec!["serve".to_owned()];
        let rate = |name: &str| format!("sessions.commands_{name}={COMMANDS_MAX}");
        let settings = [
            "gateway.listen=127.0.0.1:0".to_owned(),
            "admin.listen=127.0.0.1:0".to_owned(),
            format!("store.path={}", folder.join("store").display()),
            rate("per_second"),
            rate("burst"),
        ];
        let database = url.map(|url| format!("store.url={url}"));
        let settings = settings.into_iter().chain(database);
        arguments.extend(settings.flat_map(|it| ["--set".to_owned(), it]));
        let log = folder.join("service.log");
        let (service, mut lines) = Process::start(&place.ours, &arguments, None, End::Kill, &log)?;
        let ready = line_with(&mut lines, READY).with_context(|| says(&log))?;
        drain(lines);
        let (at, admin) = ready.split_once(", admin on http://").context("no admin port")?;
        let (at, admin) = (at.parse()?, admin.parse()?);
        let counter = Counter::Metrics(admin);
        Ok(Self { at, service: Some(service), store: None, counter, folder })
    }

    fn twin(kind: &str, url: &str, folder: &Path) -> anyhow::Result<(Process, SocketAddr)> {
        let arguments = ["serve", kind, url].map(str::to_owned);
        let log = folder.join("service.log");
        let own = std::env::current_exe()?;
        let (service, mut lines) = Process::start(&own, &arguments, None, End::Kill, &log)?;
        let at = line_with(&mut lines, READY).with_context(|| says(&log))?.parse()?;
        drain(lines);
        Ok((service, at))
    }

    /// The processes whose time counts.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.service.iter().chain(&self.store).map(Process::id).collect()
    }

    /// How often the store has written since the start: rows, write commands or units. Ends the service.
    pub(crate) fn written(&mut self) -> anyhow::Result<f64> {
        if let Counter::Metrics(admin) = self.counter {
            return units_committed(&crate::client::get(admin, "/metrics")?);
        }
        // PostgreSQL's connections say what they wrote when they end.
        self.service = None;
        match self.counter {
            Counter::Postgres { port, before } => Ok(postgres::rows_written(port)? - before),
            Counter::Redis { port } => redis::writes(port),
            Counter::Metrics(_) => unreachable!("it was answered above"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The service before its store, and both before their files.
        self.service = None;
        self.store = None;
        if let Err(error) = remove(&self.folder) {
            eprintln!("{error:#}");
        }
    }
}

fn says(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    format!("the service did not start: {}", text.lines().last().unwrap_or("it said nothing"))
}

fn units_committed(metrics: &str) -> anyhow::Result<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix("tenure_commit_units_total"));
    let value = line.and_then(|rest| rest.rsplit(' ').next()).context("no units in the metrics")?;
    Ok(value.parse()?)
}

/// Makes the tables of a node.
fn make_tables(url: &str) -> anyhow::Result<()> {
    let config: tenure_store_postgres::PostgresConfig = url.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(tenure_store_postgres::migrate(&config, 8))?;
    Ok(())
}

/// Removes a folder with what is in it, if it is there.
pub(crate) fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// A port that is free now.
fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    ensure!(port > 0, "no port is free");
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::units_committed;

    #[test]
    fn units_are_read_from_metrics() {
        let text = "# TYPE tenure_commit_units counter\ntenure_commit_units_total 12\nother 3\n";
        assert_eq!(units_committed(text).expect("they are there"), 12.0);
        assert!(units_committed("other 3\n").is_err());
    }
}
