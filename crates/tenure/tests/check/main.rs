//! `check`, run as a program is: with files, a store, and an exit code.

mod program;
mod refused;
mod store;
mod world;
