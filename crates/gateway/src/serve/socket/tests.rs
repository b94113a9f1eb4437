use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::ServerLimits;
use crate::still::Still;

/// Bytes that a client sends though nobody wants them: less than are thrown away.
const UNWANTED: usize = DISCARDED_BYTES_MAX / 2;

#[test]
#[expect(clippy::disallowed_methods, reason = "what the system does with unread bytes is tested")]
fn a_client_that_goes_on_writing_reads_the_last_words() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (mut client, (stream, _)) = (client.expect("it connects"), accepted.expect("as well"));
        let host = Still::new().host();
        let link = Arc::new(Link::new(host.clock().now()));
        let registry = Arc::new(Registry::new(host, ServerLimits::default()));
        let mut socket = Socket::new(Stream::Plain(stream), link, registry);
        client.write_all(&[0; 16 * 1_024]).await.expect("it is sent");
        socket.write_all(b"the last words").await.expect("it is sent");
        let serves = async move { socket.shutdown().await };
        let writes = async move {
            client.write_all(&vec![0; UNWANTED]).await?;
            client.shutdown().await?;
            let mut words = Vec::new();
            client.read_to_end(&mut words).await.map(|_| words)
        };
        let (served, words) = tokio::join!(serves, writes);
        served.expect("it ends in order");
        assert_eq!(words.expect("it is not reset"), b"the last words");
    });
}
