//! Configuration: flag over environment over file over default, each value with its origin.

mod read;
mod settings;
mod value;

pub use read::{ConfigError, Configuration, Origin};
pub use settings::Settings;
