//! The real programs: bots that buy out events, on one node and on three of which one is killed; and the page.

mod bots;
mod cluster;
mod page;
