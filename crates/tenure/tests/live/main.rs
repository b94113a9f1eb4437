//! Clients that follow actors, against a program of its own: WebSockets and event streams.

mod admin;
mod attach;
mod auth;
mod cluster;
mod drain;
mod feeds;
mod gossip;
mod hostile;
mod limits;
mod node;
mod program;
mod relay;
mod resume;
mod socket;
mod stream;
mod streams;
mod tokens;
mod words;
