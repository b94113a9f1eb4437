use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// The most servers that a URL may name.
pub const HOSTS_MAX: usize = 16;
/// The longest name of a server, with its port, in bytes.
const HOST_BYTES_MAX: usize = 256;
/// The longest prefix of the keys, in bytes.
pub const PREFIX_BYTES_MAX: usize = 256;

/// Where the member table is in etcd.
///
/// Read from a URL, `etcd://user:password@host:2379,host:2379/prefix`: servers of one etcd cluster, and what the keys of
/// the table begin with. Parameters:
/// - `sslmode`: `disable` or `require`. With `require` the server's certificate is checked against its host name.
///   Without it: `disable` for this machine, `require` for every other.
/// - `sslrootcert`: a PEM file of the authorities to trust; those of the system by default.
/// - `sslcert`, `sslkey`: PEM files with the certificate that the client shows, and its key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EtcdConfig {
    pub(crate) hosts: Vec<String>,
    pub(crate) prefix: String,
    pub(crate) user: Option<(String, String)>,
    pub(crate) has_tls: bool,
    pub(crate) roots: Option<PathBuf>,
    /// The client's certificate and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// Why a URL is none of a member table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl FromStr for EtcdConfig {
    type Err = ConfigError;

    /// # Errors
    /// Says which part of the URL is wrong, and never shows the password.
    fn from_str(url: &str) -> Result<Self, ConfigError> {
        let rest = url.strip_prefix("etcd://").ok_or_else(|| {
            wrong("the URL of a member table begins with etcd://, as in etcd://host:2379/tenure")
        })?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, place) = match place.rsplit_once('@') {
            Some((user, place)) => (Some(credentials(user)?), place),
            None => (None, place),
        };
        let (hosts, prefix) = place.split_once('/').unwrap_or((place, ""));
        let hosts = hosts.split(',').map(host).collect::<Result<Vec<_>, _>>()?;
        if hosts.len() > HOSTS_MAX {
            return Err(ConfigError(format!("name at most {HOSTS_MAX} servers of etcd")));
        }
        let prefix = format!("/{}", check_prefix(prefix.trim_end_matches('/'))?);
        let (mut mode, mut roots, mut cert, mut key) = (None, None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => roots = Some(PathBuf::from(value)),
                Some(("sslcert", value)) => cert = Some(PathBuf::from(value)),
                Some(("sslkey", value)) => key = Some(PathBuf::from(value)),
                _ => {
                    return Err(wrong(
                        "the parameters are sslmode, sslrootcert, sslcert and sslkey",
                    ));
                }
            }
        }
        let has_tls = has_tls(mode, &hosts)?;
        let identity = match (cert, key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            _ => return Err(wrong("sslcert and sslkey belong together; set both or none")),
        };
        if !has_tls && (roots.is_some() || identity.is_some()) {
            return Err(wrong("certificates are of no use without TLS; add sslmode=require"));
        }
        Ok(Self { hosts, prefix, user, has_tls, roots, identity })
    }
}

impl EtcdConfig {
    /// The servers and the prefix, for logs and errors: without the password.
    #[must_use]
    pub fn place(&self) -> String {
        format!("etcd://{}{}", self.hosts.join(","), self.prefix)
    }
}

impl fmt::Debug for EtcdConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdConfig").field("place", &self.place()).finish_non_exhaustive()
    }
}

fn wrong(what: &str) -> ConfigError {
    ConfigError(what.to_owned())
}

fn credentials(text: &str) -> Result<(String, String), ConfigError> {
    let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    let both = text
        .split_once(':')
        .and_then(|(user, password)| Some((decoded(user)?, decoded(password)?)));
    both.filter(|(user, password)| !(user.is_empty() || password.is_empty())).ok_or_else(|| {
        wrong(
            "before the @ come a user and a password, as in etcd://user:password@host:2379/tenure",
        )
    })
}

fn host(text: &str) -> Result<String, ConfigError> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    let is_one = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && text.len() <= HOST_BYTES_MAX
            && host.bytes().all(is_good)
            && port.parse::<u16>().is_ok_and(|it| it > 0)
    });
    if is_one {
        return Ok(text.to_owned());
    }
    Err(wrong(
        "name each server with its port, as in etcd://one.example:2379,two.example:2379/tenure",
    ))
}

fn check_prefix(prefix: &str) -> Result<&str, ConfigError> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let is_prefix = !prefix.is_empty()
        && prefix.len() < PREFIX_BYTES_MAX
        && prefix.bytes().all(is_good)
        && !prefix.split('/').any(str::is_empty);
    if is_prefix {
        return Ok(prefix);
    }
    Err(ConfigError(format!(
        "after the servers comes what the keys begin with, as in etcd://host:2379/tenure: letters, digits and . _ - \
         between slashes, less than {PREFIX_BYTES_MAX} bytes"
    )))
}

fn has_tls(mode: Option<&str>, hosts: &[String]) -> Result<bool, ConfigError> {
    let is_here = |host: &String| {
        let name = host.rsplit_once(':').map_or("", |(name, _)| name);
        matches!(name, "localhost" | "127.0.0.1" | "[::1]")
    };
    match mode {
        None => Ok(!hosts.iter().all(is_here)),
        Some("disable") => Ok(false),
        Some("require" | "verify-full") => Ok(true),
        Some(_) => Err(wrong("sslmode is require, which checks whom it talks to, or disable")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<EtcdConfig, String> {
        url.parse::<EtcdConfig>().map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_says_where_the_table_is() {
        for (url, place, has_tls) in [
            ("etcd://localhost:2379/tenure", "etcd://localhost:2379/tenure", false),
            ("etcd://u:secret@a:1,b:2/x/y/", "etcd://a:1,b:2/x/y", true),
            ("etcd://127.0.0.1:1,a:2/x?sslmode=disable", "etcd://127.0.0.1:1,a:2/x", false),
            ("etcd://[::1]:1/x?sslmode=require&sslrootcert=/ca", "etcd://[::1]:1/x", true),
            ("etcd://a:1/x?sslcert=/c&sslkey=/k", "etcd://a:1/x", true),
        ] {
            let config = read(url).expect(url);
            assert_eq!((config.place().as_str(), config.has_tls), (place, has_tls), "{url}");
            assert!(!format!("{config:?}").contains("secret"));
        }
        let named = read("etcd://u%40x:a%3Ab@h:1/x").expect("a URL").user;
        assert_eq!(named, Some(("u@x".to_owned(), "a:b".to_owned())));
    }

    #[test]
    fn a_wrong_url_is_told_and_its_password_is_not() {
        let many = format!("etcd://{}/x", vec!["a:1"; HOSTS_MAX + 1].join(","));
        let long = format!("etcd://a:1/{}", "x".repeat(PREFIX_BYTES_MAX));
        for (url, part) in [
            ("http://u:secret@h:1/x", "begins with etcd://"),
            ("etcd://u:secret@h/x", "with its port"),
            ("etcd://u:secret@h:0/x", "with its port"),
            ("etcd://u:secret@/x", "with its port"),
            ("etcd://u:secret@h:1", "what the keys begin with"),
            ("etcd://u:secret@h:1/a b", "what the keys begin with"),
            ("etcd://u:secret@h:1/a//b", "what the keys begin with"),
            ("etcd://secret@h:1/x", "a user and a password"),
            ("etcd://u:secret@h:1/x?speed=high", "the parameters are"),
            ("etcd://u:secret@h:1/x?sslmode=prefer", "checks whom"),
            ("etcd://u:secret@h:1/x?sslcert=/c", "belong together"),
            ("etcd://u:secret@h:1/x?sslmode=disable&sslrootcert=/c", "without TLS"),
            (&many, "at most 16"),
            (&long, "less than 256"),
        ] {
            let error = read(url).expect_err(url);
            assert!(error.contains(part), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
