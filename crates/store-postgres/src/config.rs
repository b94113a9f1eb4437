use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

/// The longest name of a schema, in bytes: PostgreSQL cuts longer ones.
pub const SCHEMA_BYTES_MAX: usize = 63;
/// The most actors that one statement loads.
pub(crate) const LOAD_ACTORS_MAX: usize = 64;

/// Where the database is, and how it is used.
///
/// Read from a URL, `postgres://user:password@host:5432/database`, with these parameters besides those of
/// [`tokio_postgres::Config`]; several hosts, of which the one that takes writes is used, are written
/// `host1:5432,host2:5432`:
/// - `schema`: where the tables are, `tenure` by default.
/// - `sslmode`: `disable` or `require`. With `require` the server's certificate is checked against its
///   host name, which other clients call `verify-full`. Without it: `disable` for this machine,
///   `require` for every other.
/// - `sslrootcert`: a PEM file of the authorities to trust; those of the system by default.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresConfig {
    pub(crate) server: tokio_postgres::Config,
    pub(crate) has_tls: bool,
    pub(crate) roots: Option<PathBuf>,
    /// It is used by an import: tables that are marked as unfinished are opened.
    pub(crate) is_filled: bool,
    /// The schema that the tables are in: a lower-case letter or `_`, then those and digits.
    pub schema: String,
    /// Connections that commit, each a batch at a time.
    pub lanes: usize,
    /// Connections that load.
    pub loaders: usize,
    /// The most actors that one statement loads; 1 to 64.
    pub load_actors_max: usize,
    /// How long the server works on a statement before it gives up. Stays below every lease.
    pub statement_timeout: Duration,
    /// How long an opening waits for batches of earlier incarnations; those that are still at it
    /// after a second are ended by the server.
    pub fence_timeout: Duration,
}

/// Why a URL is none of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl FromStr for PostgresConfig {
    type Err = ConfigError;

    /// # Errors
    /// Says which part of the URL is wrong, and never shows the password.
    fn from_str(url: &str) -> Result<Self, ConfigError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(ConfigError(
                "the URL of a database begins with postgres://, as in \
                 postgres://user:password@host:5432/database"
                    .to_owned(),
            ));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut schema, mut mode, mut roots) = (None, None, None);
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("schema", value)) => schema = Some(value),
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => roots = Some(PathBuf::from(value)),
                _ => rest.push(pair),
            }
        }
        let mark = if rest.is_empty() { "" } else { "?" };
        let server = format!("{base}{mark}{}", rest.join("&"));
        let mut server = tokio_postgres::Config::from_str(&server)
            .map_err(|error| ConfigError(format!("the URL of the database is wrong: {error}")))?;
        if server.get_hosts().is_empty() {
            return Err(ConfigError("the URL of the database names no host".to_owned()));
        }
        if server.get_dbname().is_none() {
            return Err(ConfigError(
                "the URL of the database names no database, as in postgres://host/database"
                    .to_owned(),
            ));
        }
        let schema = schema.unwrap_or("tenure").to_owned();
        check_schema(&schema)?;
        let has_tls = has_tls(mode, &server)?;
        server.ssl_mode(if has_tls { SslMode::Require } else { SslMode::Disable });
        limit(&mut server);
        Ok(Self {
            server,
            has_tls,
            roots,
            is_filled: false,
            schema,
            lanes: 2,
            loaders: 2,
            load_actors_max: LOAD_ACTORS_MAX,
            statement_timeout: Duration::from_secs(5),
            fence_timeout: Duration::from_secs(30),
        })
    }
}

impl PostgresConfig {
    /// The server, database and schema, for logs and errors: without the password.
    #[must_use]
    pub fn place(&self) -> String {
        let name = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        };
        let ports = self.server.get_ports();
        let port = |n: usize| ports.get(n).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.server.get_hosts().iter().enumerate();
        let hosts: Vec<_> = hosts.map(|(n, host)| format!("{}:{}", name(host), port(n))).collect();
        let database = self.server.get_dbname().unwrap_or("");
        format!("postgres://{}/{database} (schema {})", hosts.join(","), self.schema)
    }

    /// How long a client waits for the answer to a statement: longer than the server works on it.
    pub(crate) fn answer_timeout(&self) -> Duration {
        self.statement_timeout + Duration::from_secs(2)
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig").field("place", &self.place()).finish_non_exhaustive()
    }
}

/// What a peer that is gone may cost.
fn limit(server: &mut tokio_postgres::Config) {
    if server.get_connect_timeout().is_none() {
        server.connect_timeout(Duration::from_secs(3));
    }
    server
        .keepalives_idle(Duration::from_secs(5))
        .keepalives_interval(Duration::from_secs(2))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(10));
    if server.get_hosts().len() > 1 {
        server.target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
    }
}

fn check_schema(schema: &str) -> Result<(), ConfigError> {
    let is_good = |(n, byte): (usize, u8)| {
        byte.is_ascii_lowercase() || byte == b'_' || (n > 0 && byte.is_ascii_digit())
    };
    let is_named = !schema.is_empty() && schema.bytes().enumerate().all(is_good);
    if is_named && schema.len() <= SCHEMA_BYTES_MAX && !schema.starts_with("pg_") {
        return Ok(());
    }
    Err(ConfigError(format!(
        "the schema {schema:?} is a lower-case letter or _, then those and digits, at most \
         {SCHEMA_BYTES_MAX} bytes, and does not begin with pg_"
    )))
}

fn has_tls(mode: Option<&str>, server: &tokio_postgres::Config) -> Result<bool, ConfigError> {
    let is_here = |host: &Host| match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]"),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    match mode {
        None => Ok(!server.get_hosts().iter().all(is_here)),
        Some("disable") => Ok(false),
        Some("require" | "verify-full") => Ok(true),
        Some(other) => Err(ConfigError(format!(
            "sslmode={other} does not check whom it talks to; use require, which does, or disable"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<PostgresConfig, String> {
        url.parse::<PostgresConfig>().map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_says_where_the_database_is() {
        for (url, place, has_tls) in [
            (
                "postgres://u:secret@localhost/db",
                "postgres://localhost:5432/db (schema tenure)",
                false,
            ),
            ("postgresql://h:6432/db?schema=a_1", "postgres://h:6432/db (schema a_1)", true),
            (
                "postgres://a:1,b:2/db?sslmode=disable",
                "postgres://a:1,b:2/db (schema tenure)",
                false,
            ),
            (
                "postgres://127.0.0.1/db?sslmode=verify-full",
                "postgres://127.0.0.1:5432/db (schema tenure)",
                true,
            ),
        ] {
            let config = read(url).expect(url);
            assert_eq!((config.place().as_str(), config.has_tls), (place, has_tls), "{url}");
            assert!(!format!("{config:?}").contains("secret"));
        }
    }

    #[test]
    fn a_wrong_url_is_told_and_its_password_is_not() {
        let long = format!("postgres://h/db?schema={}", "s".repeat(64));
        for (url, part) in [
            ("mysql://u:secret@h/db", "begins with postgres://"),
            ("postgres://u:secret@h", "names no database"),
            ("postgres:///db", "names no host"),
            ("postgres://u:secret@h:x/db", "is wrong"),
            ("postgres://u:secret@h/db?speed=high", "is wrong"),
            ("postgres://u:secret@h/db?sslmode=prefer", "does not check whom"),
            ("postgres://h/db?schema=Tenure", "lower-case"),
            ("postgres://h/db?schema=", "lower-case"),
            ("postgres://h/db?schema=1a", "lower-case"),
            ("postgres://h/db?schema=pg_x", "pg_"),
            (&long, "at most 63"),
        ] {
            let error = read(url).expect_err(url);
            assert!(error.contains(part), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
