//! Followers that know nothing of Tenure: npm's `centrifuge` in a process of its own, which says line by line what its
//! clients are told.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::balancer::Balancer;
use super::follower::Follower;
use super::heard::Told;
use crate::cluster::client::Doors;

/// Node looks for packages where a program lies: so this one is put beside them.
const PROGRAM: (&str, &str) = ("followers.mjs", include_str!("../../clients/followers.mjs"));

/// The process, killed when dropped.
pub(super) struct Official {
    child: Child,
    reader: Option<JoinHandle<()>>,
    _balancer: Balancer,
}

/// What one of its clients was told. Positions are `epoch:offset`.
#[derive(Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
enum Line {
    /// It is let in.
    Joined {
        follower: usize,
    },
    /// It begins, perhaps anew.
    Began {
        follower: usize,
        at: String,
    },
    Event {
        follower: usize,
        at: String,
        id: Option<u64>,
    },
    Wrong {
        follower: usize,
        why: String,
    },
}

impl Official {
    /// How many followers it has.
    pub(super) const FOLLOWERS: usize = 8;

    /// Starts it in a folder where npm's `centrifuge` and `ws` are.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn start(
        clients: &Path,
        doors: &Arc<Doors>,
        followers: &[Arc<Follower>],
    ) -> anyhow::Result<Self> {
        let (name, text) = PROGRAM;
        let shown = clients.display();
        std::fs::write(clients.join(name), text)
            .with_context(|| format!("could not put {name} into {shown}"))?;
        let balancer = Balancer::start(doors)?;
        let topics = followers.iter().map(|it| format!("{}:{}", it.actor_type, it.actor));
        let mut child = Command::new("node")
            .current_dir(clients)
            .arg(name)
            .arg(format!("ws://{}/connection/websocket", balancer.address))
            .args(topics)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start node {name} in {shown}"))?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let followers = followers.to_vec();
        let reader = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                take(&followers, &line);
            }
        });
        Ok(Self { child, reader: Some(reader), _balancer: balancer })
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the official clients ended with {status}");
        }
        self.child.kill()?;
        if let Some(Err(panic)) = self.reader.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        Ok(())
    }
}

impl Drop for Official {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn take(followers: &[Arc<Follower>], text: &str) {
    let line = serde_json::from_str::<Line>(text).unwrap_or_else(|error| Line::Wrong {
        follower: 0,
        why: format!("the official clients said {text}: {error}"),
    });
    let (Line::Joined { follower }
    | Line::Began { follower, .. }
    | Line::Event { follower, .. }
    | Line::Wrong { follower, .. }) = &line;
    let Some(follower) = followers.get(*follower) else { return };
    let mut heard = follower.heard.lock();
    let (text, told) = match line {
        Line::Joined { .. } => {
            follower.connections.fetch_add(1, Ordering::Relaxed);
            return;
        }
        Line::Wrong { why, .. } => return heard.find(why),
        Line::Began { at, .. } => (at.clone(), at.parse().map(Told::Began)),
        Line::Event { at, id, .. } => (at.clone(), at.parse().map(|at| Told::Event(at, id))),
    };
    match told {
        Ok(told) => heard.take(told),
        Err(_) => heard.find(format!("{text} is no position")),
    }
}
