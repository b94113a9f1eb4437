//! Who calls, and whether they may.

mod credentials;
mod hook;
mod identity;
mod keys;
mod tokens;
mod verify;

pub use credentials::Credentials;
pub use hook::{Access, Authorise, Refusal};
pub use identity::Identity;
pub use keys::{ApiKeys, ApiKeysError};
pub use tokens::{Claims, TokenError, TokenRules, TokenVerifier};
pub use verify::{Algorithm, TokenKey, TokenKeyError};
