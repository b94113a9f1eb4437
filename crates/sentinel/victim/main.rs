//! A process that the tests kill: it holds slots with several threads and says when it does.

#![expect(clippy::print_stdout, reason = "the test reads what it says")]

use std::io::Read;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use tenure_sentinel::{Sentinel, run_if_asked};

/// Whom to tell, and how many MiB to fill.
fn main() -> ExitCode {
    if let Some(code) = run_if_asked() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let peer: SocketAddr = arguments[0].parse().expect("an address");
    let filled = vec![1_u8; arguments[1].parse::<usize>().expect("a number") << 20];
    let sentinel = Arc::new(Sentinel::new().expect("shared memory"));
    sentinel.tell(&[peer]);
    for _ in 0..4 {
        let sentinel = Arc::clone(&sentinel);
        thread::spawn(move || {
            sentinel.hold();
            loop {
                thread::park();
            }
        });
    }
    // One that ends while the process lives proves nothing.
    let early = Arc::clone(&sentinel);
    thread::spawn(move || early.hold()).join().expect("it holds");
    sentinel.start().expect("a sentinel");
    let bytes = sentinel.commitment().as_bytes().map(|byte| format!("{byte:02x}")).concat();
    println!("{bytes}");
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.as_str() {
            "pid" => println!("{}", sentinel.pid().unwrap_or(0)),
            _ => break,
        }
    }
    drop(filled);
    sentinel.end();
    println!("ended");
    let _closed = std::io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}
