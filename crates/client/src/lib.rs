//! Calls actors and follows their events from outside of a node, over one WebSocket that is made anew
//! when it breaks.
//!
//! What is followed goes on where it was: every event of a log comes once and in order, and where
//! that cannot be, [`Happened::Began`] says so with what the actor's `#[attach]` answers.
//!
//! # Examples
//! ```no_run
//! use tenure_client::{Client, Happened};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("ws://127.0.0.1:7070/connection/websocket").connect();
//! let mut chat = client.follow("conversation:42").await?;
//! let question: u64 = client.call("conversation/42/ask", &"Who is there?").await?;
//! while let Some(happened) = chat.next().await {
//!     match happened {
//!         Happened::Began { data, .. } => println!("so far: {data}"),
//!         Happened::Event { data, at } => println!("{question} {at}: {data}"),
//!         Happened::Refused(why) => return Err(why.into()),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod backoff;
mod client;
mod run;
mod told;
mod words;

pub use client::{Client, ClientBuilder, Follow};
pub use tenure_protocol::session::Position;
pub use told::{CallFailed, Happened, Refusal};
