//! Whole rounds with real programs.

mod browser;
mod killed;
mod pages;
mod programs;
