//! What one listener hears, and whether it may.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tenure_client::{Client, Happened, Position};

/// What a listener knows.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The number of the last thing that it knows was said.
    pub last: u64,
    /// Events that came.
    pub events: u64,
    /// How often it had to begin anew.
    pub reloads: u64,
    /// What must not be.
    pub wrong: Vec<String>,
    at: Option<Position>,
}

impl Heard {
    fn take(&mut self, topic: &str, happened: Happened) {
        match happened {
            Happened::Began { data, at } => {
                self.reloads += u64::from(self.at.is_some());
                self.at = Some(at);
                self.last = data.as_u64().unwrap_or_default();
            }
            Happened::Event { data, at } => {
                self.events += 1;
                let n = data.get("n").and_then(Value::as_u64).unwrap_or_default();
                let before = self.at.replace(at).unwrap_or_default();
                if n != self.last + 1 || at.offset != before.offset + 1 {
                    let last = self.last;
                    self.wrong.push(format!("{topic}: {n} at {at} came after {last} at {before}"));
                }
                self.last = n;
            }
            Happened::Refused(why) => self.wrong.push(format!("{topic}: {why}")),
        }
    }
}

/// Listens to a topic until the client ends.
pub fn listen(client: &Client, topic: String) -> Arc<Mutex<Heard>> {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let (client, shared) = (client.clone(), Arc::clone(&heard));
    tokio::spawn(async move {
        let Ok(mut follow) = client.follow(&topic).await else { return };
        while let Some(happened) = follow.next().await {
            shared.lock().take(&topic, happened);
        }
    });
    heard
}
