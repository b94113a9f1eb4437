//! Whole rounds with real programs.

mod killed;
mod pages;
mod programs;
