//! The cases: each runs alone in a process of its own and answers with one report.

mod actors;
mod ask;
mod commit;
mod engine;
mod fairness;
mod http;
mod http_client;
mod idle;
mod lanes;
mod load_rows;
mod mux;
mod plain;
mod postgres;
mod remote;
mod served;
mod setting;
mod sockets;

use std::path::Path;

use anyhow::{Context, bail};

use crate::report::Report;

pub(crate) use postgres::SERVER;
pub(crate) use setting::{Setting, remove};
pub(crate) use sockets::FAN_OUT;

/// Runs the case `name`: words separated by `/`, the system first.
pub(crate) fn run(name: &str, setting: &Setting) -> anyhow::Result<Report> {
    let words: Vec<&str> = name.split('/').collect();
    let number = |at: usize| -> anyhow::Result<usize> {
        let word = words.get(at).with_context(|| format!("{name}: word {at} is missing"))?;
        word.parse().with_context(|| format!("{name}: `{word}` is not a number"))
    };
    match words[..] {
        ["tenure", "ask", ..] => ask::by_key(number(2)?, number(3)?, setting),
        ["tenure", "ask-kept", ..] => ask::kept(number(2)?, number(3)?, setting),
        ["tenure", "ask-async", ..] => ask::by_async(number(2)?, number(3)?, setting),
        ["dashmap", "ask", ..] => plain::dashmap(number(2)?, number(3)?, setting),
        ["shards", "ask", ..] => plain::shards(number(2)?, number(3)?, setting),
        ["channel", "ask", ..] => plain::channel(number(2)?, number(3)?, setting),
        ["tenure", "idle", ..] => idle::actors(number(2)?, number(3)?),
        ["map", "idle", ..] => idle::map(number(2)?),
        ["map-inline", "idle", ..] => idle::map_inline(number(2)?),
        ["shards", "idle", ..] => idle::shards(number(2)?, number(3)?),
        ["prepare", "rows", ..] => load_rows::prepare(number(2)?, setting),
        ["tenure", "load", ..] => load_rows::by_node(number(2)?, number(3)?, setting),
        ["engine", "get", ..] => load_rows::by_engine(number(2)?, number(3)?, setting),
        ["tenure", "turn-alone"] => commit::turn_alone(setting),
        ["engine", "commit-alone"] => commit::engine_alone(true, setting),
        ["engine", "commit-each"] => commit::engine_alone(false, setting),
        ["tenure", "turns", ..] => commit::turns(number(2)?, number(3)?, setting),
        ["tenure", "http"] => http::measure("tenure", setting),
        ["axum", "http"] => http::measure("axum", setting),
        ["tenure", "echo", ..] => sockets::echo("tenure", number(2)?, setting),
        ["axum", "echo", ..] => sockets::echo("axum-echo", number(2)?, setting),
        ["tenure", "sockets", ..] => sockets::idle(number(2)?, setting),
        ["tenure", "fan-out", ..] => sockets::fan_out(number(2)?, setting),
        ["bare", "fan-out", ..] => sockets::bare_fan_out(number(2)?, setting),
        ["postgres", "turns", ..] => postgres::turns(number(2)?, number(3)?, setting),
        ["postgres", "each", ..] => postgres::each(number(2)?, number(3)?, setting),
        ["postgres", "batched"] => postgres::batched(setting),
        ["postgres", "prepare", ..] => postgres::prepare(number(2)?),
        ["postgres", "load", ..] => postgres::load(number(2)?, number(3)?, 64),
        ["postgres", "load-single", ..] => postgres::load(number(2)?, number(3)?, 1),
        ["raw", "frames", ..] => lanes::raw_frames(number(2)?, number(3)?, setting),
        ["raw", "round-trip"] => lanes::raw_round_trip(setting),
        [system, "frames", ..] => lanes::frames(system, number(2)?, number(3)?, setting),
        [system, "round-trip"] => lanes::round_trip(system, setting),
        ["tenure", "remote", ..] => remote::measure(number(2)?, false, setting),
        ["tenure", "remote-pinned", ..] => remote::measure(number(2)?, true, setting),
        ["mux", "remote", ..] => mux::measure(number(2)?, false, setting),
        ["mux", "remote-pinned", ..] => mux::measure(number(2)?, true, setting),
        ["tenure", "fairness"] => fairness::measure(setting),
        _ => bail!("there is no case `{name}`"),
    }
}

/// Serves the calls of a case until it is killed.
pub(crate) fn serve(system: &str, folder: &Path) -> anyhow::Result<()> {
    match system {
        remote::SERVER => remote::serve(folder),
        mux::SERVER => mux::serve(),
        system => http::serve(system, folder),
    }
}
