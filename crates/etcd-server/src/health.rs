use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// How long one look may take.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// The most bytes of an answer that are looked at.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// Whether the server on this port, which tells its health there, has a leader and takes writes.
pub(crate) fn is_healthy(port: u16) -> bool {
    let looked = || -> std::io::Result<String> {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let mut stream = TcpStream::connect_timeout(&address, LOOK_MAX)?;
        stream.set_read_timeout(Some(LOOK_MAX))?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
        Ok(answer)
    };
    looked().is_ok_and(|answer| answer.contains("\"health\":\"true\""))
}
