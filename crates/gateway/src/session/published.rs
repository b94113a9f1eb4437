use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tenure_protocol::session::{Position, Weigh};

/// In which protocol's words an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Centrifuge = 0,
    EventStream = 1,
}

/// An event on its way to clients: written once in each form, however many follow.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) topic: Arc<str>,
    pub(crate) at: Position,
    /// As JSON.
    pub(crate) data: Bytes,
    forms: [OnceLock<Bytes>; 2],
}

impl Published {
    pub(crate) fn new(topic: Arc<str>, at: Position, data: Bytes) -> Self {
        Self { topic, at, data, forms: [OnceLock::new(), OnceLock::new()] }
    }

    /// The event in a form, which `write` makes where nobody did before.
    pub(crate) fn form(&self, form: Form, write: fn(&Self) -> Bytes) -> &Bytes {
        self.forms[form as usize].get_or_init(|| write(self))
    }
}

/// A shared event, as topics keep it.
#[derive(Clone, Debug)]
pub(crate) struct Event(pub(crate) Arc<Published>);

impl Weigh for Event {
    fn bytes(&self) -> usize {
        self.0.data.len()
    }
}
