//! The access log.

use std::io;
use std::sync::{Arc, Mutex};

use tenure_gateway::GatewayConfig;
use tracing_subscriber::EnvFilter;

use crate::world::{World, get, wait_until};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[test]
fn every_request_is_one_line_without_what_may_be_secret() {
    let written = Written::default();
    let writer = written.clone();
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("access=info"));
    log.with_ansi(false).with_writer(move || writer.clone()).init();
    let quiet = World::new();
    assert_eq!(quiet.ask(&get("/v1/counter/quiet/get")).status, 200);
    let world = World::with(GatewayConfig { access_log: true, ..GatewayConfig::default() });
    let request = "GET /v1/counter/a\u{1b}%0aINFO%22/range?from=7&to=8 HTTP/1.1\r\nhost: t\r\n\
                   authorization: Bearer hush\r\n\
                   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n";
    let request = request.replace('\u{1b}', "%1b");
    assert_eq!(world.ask(&request).status, 400, "no key has control characters");
    assert_eq!(world.ask(&get("/v1/counter/42/range?from=7&to=8")).body, "false");
    wait_until("both are written", || written.text().lines().count() == 2);
    let text = written.text();
    let (first, second) = text.split_once('\n').unwrap();
    for part in [
        "INFO access: method=\"GET\" path=\"/v1/counter/a%1b%0aINFO%22/range\" status=400",
        "trace=\"4bf92f3577b34da6a3ce929d0e0e4736\"",
        "peer=127.0.0.1 ",
    ] {
        assert!(first.contains(part), "{first}");
    }
    assert!(second.contains("path=\"/v1/counter/42/range\" status=200 bytes=5 us="), "{second}");
    for secret in ["hush", "from", "quiet"] {
        assert!(!text.contains(secret), "{text}");
    }
}
