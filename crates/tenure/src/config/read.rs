use std::fmt;
use std::path::{Path, PathBuf};

use super::auth::SECRETS;
use super::settings::{SETTINGS, Setting, Settings};

/// The file that is read where none is named.
const FILE_DEFAULT: &str = "tenure.toml";
const ENVIRONMENT_PREFIX: &str = "TENURE_";
/// The short form of one variable, after the prefix.
const STORE_VARIABLE: &str = "STORE";

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: the default.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag => f.write_str("command line"),
        }
    }
}

/// Why the configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no such setting.
    #[error("{origin}: there is no setting `{key}`{suggestion}; `config print` lists them all")]
    UnknownKey {
        /// The key as it was written.
        key: String,
        /// Where.
        origin: Origin,
        /// Perhaps the nearest key that exists.
        suggestion: String,
    },
    /// The value cannot be used.
    #[error("{origin}: `{key}` cannot be `{value}`: {what}")]
    BadValue {
        /// The setting.
        key: String,
        /// The value as it was written.
        value: String,
        /// Where.
        origin: Origin,
        /// What to write instead.
        what: String,
    },
    /// The file could not be read or is not TOML.
    #[error("{}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// All settings, each with who set it.
#[derive(Clone)]
pub struct Configuration {
    values: Vec<(String, Origin)>,
    settings: Settings,
}

impl Configuration {
    /// Reads `file` (where none is given `tenure.toml`, if it exists), then `environment`, then
    /// `flags`, later ones winning.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, variable or flag and what to write instead.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let values = SETTINGS.iter().map(|it| (it.default.to_owned(), Origin::Default)).collect();
        let mut configuration = Self { values, settings: Settings::default() };
        configuration.read_file(file)?;
        let mut variables: Vec<_> = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .collect();
        variables.sort();
        for (name, value) in variables {
            let key = match &name[ENVIRONMENT_PREFIX.len()..] {
                STORE_VARIABLE => "store.url".to_owned(),
                other => other.to_lowercase().replacen("__", ".", 1),
            };
            configuration.set(&key, &value, Origin::Environment(name))?;
        }
        for (key, value) in flags {
            configuration.set(key, value, Origin::Flag)?;
        }
        Ok(configuration)
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Every setting as a line of TOML, with its origin as a comment if `with_origin`.
    #[must_use]
    pub fn print(&self, with_origin: bool) -> String {
        let mut text = String::new();
        let mut section = "";
        for (setting, (value, origin)) in SETTINGS.iter().zip(&self.values) {
            let (this_section, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
            if this_section != section {
                let gap = if section.is_empty() { "" } else { "\n" };
                text.push_str(&format!("{gap}[{this_section}]\n"));
                section = this_section;
            }
            let is_hidden = SECRETS.contains(&setting.key) && !value.is_empty();
            let assignment = match is_hidden {
                true => format!("# {name} is set, and not shown"),
                false => format!("{name} = {}", toml::Value::from(value.as_str())),
            };
            if with_origin {
                text.push_str(&format!("{assignment:<40} # {origin}; {}\n", setting.help));
            } else {
                text.push_str(&format!("{assignment}\n"));
            }
        }
        text
    }

    fn read_file(&mut self, file: Option<&Path>) -> Result<(), ConfigError> {
        let path = file.unwrap_or(Path::new(FILE_DEFAULT));
        let error = |what: String| ConfigError::File { path: path.to_owned(), what };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if file.is_none() && e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => {
                return Err(error(format!("{e}; mend the path (--config), or who may read it")));
            }
        };
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
            error(format!("{e}\nwrite TOML, as `config print` does"))
        })?;
        for (section, entries) in &table {
            let toml::Value::Table(entries) = entries else {
                return Err(unknown(section, Origin::File(path.to_owned())));
            };
            for (name, value) in entries {
                let key = format!("{section}.{name}");
                let value = match value {
                    toml::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                self.set(&key, &value, Origin::File(path.to_owned()))?;
            }
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str, origin: Origin) -> Result<(), ConfigError> {
        let Some(at) = SETTINGS.iter().position(|setting| setting.key == key) else {
            return Err(unknown(key, origin));
        };
        let Setting { apply, .. } = SETTINGS[at];
        apply(&mut self.settings, value).map_err(|what| ConfigError::BadValue {
            key: key.to_owned(),
            value: if SECRETS.contains(&key) { "..".to_owned() } else { value.to_owned() },
            origin: origin.clone(),
            what,
        })?;
        self.values[at] = (value.to_owned(), origin);
        Ok(())
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn unknown(key: &str, origin: Origin) -> ConfigError {
    let nearest = SETTINGS.iter().map(|it| (strsim::osa_distance(key, it.key), it.key)).min();
    let suggestion = match nearest {
        Some((distance, known)) if distance <= 1 + key.len() / 3 => format!(", perhaps `{known}`"),
        _ => String::new(),
    };
    ConfigError::UnknownKey { key: key.to_owned(), origin, suggestion }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn flag_over_environment_over_file_over_default() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("t.toml");
        let text = "[gateway]\nlisten = \"127.0.0.1:1\"\nconnections_max = 7\n[node]\nname = \"f\"";
        std::fs::write(&file, text).expect("a file");
        let environment = [pair("TENURE_GATEWAY__LISTEN", ":2"), pair("TENURE_NODE__NAME", "e")];
        let flags = [pair("node.name", "x")];
        let read = Configuration::read(Some(&file), environment, &flags).expect("readable");
        assert_eq!(read.settings().gateway_listen.port(), 2);
        assert_eq!(read.settings().connections_max, 7);
        assert_eq!(read.settings().name, "x");
        let printed = read.print(true);
        assert!(printed.contains("name = \"x\""), "{printed}");
        assert!(printed.contains("# environment TENURE_GATEWAY__LISTEN"), "{printed}");
        assert!(printed.contains(&format!("# file {}", file.display())), "{printed}");
        assert!(printed.contains("# command line"), "{printed}");
        let again = folder.path().join("again.toml");
        std::fs::write(&again, read.print(false)).expect("a file");
        let again = Configuration::read(Some(&again), [], &[]).expect("what is printed is read");
        assert_eq!(again.settings(), read.settings());
    }

    #[test]
    fn secrets_are_read_and_never_shown() {
        let variables = [
            pair("TENURE_AUTH__API_KEYS", "alice hunter2hunter2hunter2"),
            pair("TENURE_AUTH__JWT_SECRET", "hunter2 and more"),
            pair("TENURE_AUTH__JWT_SECRET_FILE", "/run/secrets/jwt"),
        ];
        let read = Configuration::read(None, variables, &[]).expect("readable");
        let auth = &read.settings().auth;
        assert_eq!(auth.api_keys.reveal(), Some("alice hunter2hunter2hunter2"));
        assert_eq!(auth.jwt_secret_file.as_deref(), Some(Path::new("/run/secrets/jwt")));
        let shown = format!("{}{}{:?}", read.print(true), read.print(false), read.settings());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("# jwt_secret is set, and not shown"), "{shown}");
        assert!(!format!("{read:?}").contains("hunter2"));
        let flags = [pair("auth.api_keys", "[\"hunter2")];
        let error = Configuration::read(None, [], &flags).expect_err("this is no list");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_what_to_do() {
        for (key, value, expected) in [
            (
                "gateway.lissten",
                ":1",
                "there is no setting `gateway.lissten`, perhaps `gateway.listen`",
            ),
            ("colour", "x", "there is no setting `colour`;"),
            ("gateway.listen", "here", "`gateway.listen` cannot be `here`: write an address"),
            ("actors.idle_after", "10", "write a duration as 200ms"),
            ("gateway.connections_max", "0", "write a number from 1"),
            ("node.name", "a b", "write 1 to 64 letters"),
            ("log.format", "xml", "write text or json"),
        ] {
            let error = Configuration::read(None, [], &[pair(key, value)]).expect_err(key);
            assert!(error.to_string().contains(expected), "{error}");
        }
        let missing = Configuration::read(Some(Path::new("/nowhere/t.toml")), [], &[]);
        assert!(matches!(missing, Err(ConfigError::File { .. })));
    }
}
