use std::sync::Arc;

use super::plans::UnitFault;
use crate::{Unit, UnitOutcome, UnitSink};

/// A submitted unit and what shall go wrong with it.
pub(super) struct Waiting {
    pub(super) unit: Arc<Unit>,
    pub(super) sink: Arc<dyn UnitSink>,
    pub(super) fault: Option<UnitFault>,
}

pub(super) fn fenced(reason: &str) -> UnitOutcome {
    UnitOutcome::Fenced { reason: reason.into() }
}
