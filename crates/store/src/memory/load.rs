use std::future::pending;
use std::sync::Arc;

use tenure_types::ActorId;

use super::plans::LoadFault;
use super::shared::{Shared, step_aside};
use crate::{StoreError, Stored};

/// Reads one actor, a step later than asked, as a real engine would.
pub(super) async fn run(shared: Arc<Shared>, actor: ActorId) -> Result<Option<Stored>, StoreError> {
    match shared.disk.note_load(&actor) {
        None => step_aside().await,
        Some(LoadFault::Late(delay)) => shared.sleep(delay).await,
        Some(LoadFault::Fail(error)) => return Err(error),
        Some(LoadFault::Silent) => pending().await,
    }
    shared.disk.read(shared.open(), &actor)
}
