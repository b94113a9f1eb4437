//! Redis: `redis-server` of Debian with an append-only file.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::free_port;
use crate::process::{End, Process, drain, line_with};

/// What Redis counts that writes, from scripts too.
const WRITES: [&str; 5] = ["hset", "hsetnx", "sadd", "rpush", "del"];

pub(super) fn start(folder: &Path, is_always: bool) -> anyhow::Result<(Process, u16)> {
    let port = free_port()?;
    let fsync = if is_always { "always" } else { "everysec" };
    let arguments = [
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--dir",
        &folder.display().to_string(),
        "--save",
        "",
        "--appendonly",
        "yes",
        "--appendfsync",
        fsync,
    ];
    let arguments = arguments.map(str::to_owned);
    let program = PathBuf::from("redis-server");
    let log = folder.join("redis.log");
    let (process, mut lines) = Process::start(&program, &arguments, None, End::Kill, &log)?;
    wait(&mut lines)
        .context("could not start `redis-server`; it is in the package redis-server")?;
    drain(lines);
    Ok((process, port))
}

fn wait(lines: &mut impl std::io::BufRead) -> anyhow::Result<()> {
    loop {
        let line = line_with(lines, "")?;
        if line.contains("Ready to accept connections") {
            return Ok(());
        }
    }
}

/// How many write commands it has done.
pub(super) fn writes(port: u16) -> anyhow::Result<f64> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let text: String = runtime.block_on(async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await
    })?;
    let count = write_commands(&text);
    ensure!(count > 0, "Redis has counted no write: {text}");
    Ok(count as f64)
}

fn write_commands(text: &str) -> u64 {
    let calls = |line: &str| {
        let (name, rest) = line.trim().strip_prefix("cmdstat_")?.split_once(":calls=")?;
        WRITES.contains(&name).then(|| rest.split(',').next()?.parse::<u64>().ok())?
    };
    text.lines().filter_map(calls).sum()
}

#[cfg(test)]
mod tests {
    use super::write_commands;

    #[test]
    fn commands_that_write_are_counted() {
        let text = "# Commandstats\r\ncmdstat_hset:calls=3,usec=9\r\ncmdstat_hget:calls=5,usec=1\r\n\
                    cmdstat_sadd:calls=4,usec=9\r\n";
        assert_eq!(write_commands(text), 7);
    }
}
