//! How a connection becomes a lane.
//!
//! Both ends say an [`Opening`], which names nobody: versions, kind of security, a number drawn for this
//! connection, and with a cluster key a share of a secret (X25519). With a key each proves then that it
//! has it, the dialler first (HMAC-SHA-256 over role and both openings), and from then on everything is
//! sealed with keys that follow from the cluster's key, both shares and both openings. Only then come
//! names: the dialler says who it is, whom it wants and for which class, and the acceptor answers. With
//! TLS all this happens inside it, without proof and seal.

pub(crate) mod error;
pub(crate) mod opening;
pub(crate) mod words;

use std::io;

use bytes::Bytes;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{self, InvalidMessage};

use crate::bounds::{
    CONNECT_MAX, HANDSHAKE_BYTES_MAX, HANDSHAKE_MAX, REFUSAL_MAX, REFUSED_BYTES_MAX,
};
use crate::frame::Class;
use crate::identity::{ClusterName, Peer, PeerIdentity};
use crate::key::{ClusterKey, Role, Share, random};
use crate::network::{BoxStream, Network};
use crate::security::{Security, SecurityName};
use crate::tls::{TlsIdentity, certificate_name, fault, is_for};
use crate::wire::{ReadError, Receiving, Sending, halves};

use error::HandshakeError;
use opening::{OPENING_BYTES, Opening, VERSIONS, answers_with_tls, dials_with_tls};
use words::{Introduction, Verdict};

/// Who this node is, and how it knows others.
pub(crate) struct Local {
    pub(crate) cluster: ClusterName,
    pub(crate) identity: PeerIdentity,
    pub(crate) hello: Bytes,
    pub(crate) security: Security,
    /// The versions it says it speaks: [`VERSIONS`], but for tests.
    pub(crate) versions: (u16, u16),
}

impl Local {
    pub(crate) fn new(
        cluster: ClusterName,
        identity: PeerIdentity,
        hello: Bytes,
        security: Security,
    ) -> Self {
        Self { cluster, identity, hello, security, versions: VERSIONS }
    }
}

/// A connection that both ends agreed on.
pub(crate) struct Link {
    pub(crate) receiving: Receiving,
    pub(crate) sending: Sending,
    /// What the other end said to the level above.
    pub(crate) hello: Bytes,
    /// What the acceptor lets the dialler send.
    pub(crate) credit: u64,
}

/// Reaches `peer` and makes a lane of `class`.
///
/// # Cancel safety
/// The connection is dropped.
pub(crate) async fn dial(
    local: &Local,
    network: &Network,
    peer: &Peer,
    class: Class,
) -> Result<Link, HandshakeError> {
    let connected = timeout(CONNECT_MAX, network.dial(&peer.address)).await;
    let (stream, ip) = match connected {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return Err(HandshakeError::Refused);
        }
        Ok(Err(error)) => return Err(HandshakeError::Unreachable(error)),
        Err(_late) => return Err(HandshakeError::TimedOut),
    };
    let is_open = matches!(local.security, Security::Open);
    if is_open && ip.is_some_and(|ip| !ip.to_canonical().is_loopback()) {
        return Err(HandshakeError::Unprotected);
    }
    let greeting = greet(local, stream, &peer.identity, class);
    timeout(HANDSHAKE_MAX, greeting).await.unwrap_or(Err(HandshakeError::TimedOut))
}

async fn greet(
    local: &Local,
    stream: BoxStream,
    wanted: &PeerIdentity,
    class: Class,
) -> Result<Link, HandshakeError> {
    let name = certificate_name(&local.cluster, &wanted.node);
    let stream = match &local.security {
        Security::Tls(tls) => dial_tls(tls, &name, stream).await?,
        Security::Open | Security::Key(_) => stream,
    };
    let (mut receiving, mut sending) = halves(stream);
    let (own, share) = open(local)?;
    let ours = own.encode();
    // Who refuses may have hung up already; what it said before is still to be read.
    let said = sending.bytes(&ours).await;
    let theirs = match receiving.exact::<OPENING_BYTES>().await {
        Ok(theirs) => theirs,
        Err(_) if answers_with_tls(&receiving.plain) => {
            let (ours, theirs) = (own.security, SecurityName::Tls);
            return Err(HandshakeError::OtherSecurity { ours, theirs });
        }
        Err(error) => return Err(with_certificate(error, &name)),
    };
    said.map_err(HandshakeError::lost)?;
    let their = Opening::decode(&theirs)?;
    own.agree(&their)?;
    if let (Security::Key(key), Some(share)) = (&local.security, share) {
        let said = [ours, theirs].concat();
        prove_first(key, &said, &mut receiving, &mut sending).await?;
        seal(key, Role::Dialler, share, &their, &said, &mut receiving, &mut sending)?;
    }
    let introduction = Introduction {
        cluster: local.cluster.clone(),
        dialler: local.identity.clone(),
        wanted: wanted.clone(),
        class,
        hello: local.hello.clone(),
    };
    sending.message(&introduction.encode()).await.map_err(HandshakeError::lost)?;
    let verdict = receiving.message(HANDSHAKE_BYTES_MAX).await;
    let verdict = verdict.map_err(|error| with_certificate(error, &name))?;
    let (credit, hello) = match Verdict::decode(verdict).ok_or(HandshakeError::Malformed)? {
        Verdict::Welcome { credit, hello } => (credit, hello),
        refused => return Err(refusal(local, wanted, refused)),
    };
    Ok(Link { receiving, sending, hello, credit })
}

/// The acceptor's refusal in the dialler's words.
fn refusal(local: &Local, wanted: &PeerIdentity, verdict: Verdict) -> HandshakeError {
    match verdict {
        Verdict::WrongCluster { cluster } => {
            let ours = local.cluster.clone();
            HandshakeError::WrongCluster { ours, theirs: Some(cluster) }
        }
        Verdict::WrongCertificate => HandshakeError::WrongCertificate {
            name: certificate_name(&local.cluster, &local.identity.node),
            detail: "the other end says it is for another node".to_owned(),
        },
        Verdict::AnotherNode { found } => {
            HandshakeError::AnotherNode { wanted: wanted.clone(), found }
        }
        Verdict::NotAPeer | Verdict::Welcome { .. } => {
            let dialler = local.identity.clone();
            HandshakeError::NotAPeer { dialler, acceptor: wanted.node.clone() }
        }
    }
}

/// A connection whose other end is authenticated and has said who it is.
pub(crate) struct Caller {
    pub(crate) introduction: Introduction,
    receiving: Receiving,
    sending: Sending,
}

/// Hears who dials. Whatever goes wrong is told to the other end as far as it may know it.
///
/// # Cancel safety
/// The connection is dropped.
pub(crate) async fn hear(local: &Local, stream: BoxStream) -> Result<Caller, HandshakeError> {
    let hearing = hear_all(local, stream);
    timeout(HANDSHAKE_MAX, hearing).await.unwrap_or(Err(HandshakeError::TimedOut))
}

async fn hear_all(local: &Local, stream: BoxStream) -> Result<Caller, HandshakeError> {
    let (stream, shown) = match &local.security {
        Security::Tls(tls) => {
            let (stream, shown) = accept_tls(local, tls, stream).await?;
            (stream, Some(shown))
        }
        Security::Open | Security::Key(_) => (stream, None),
    };
    let (mut receiving, mut sending) = halves(stream);
    let theirs = receiving.exact::<OPENING_BYTES>().await?;
    let (own, share) = open(local)?;
    let ours = own.encode();
    let their = match Opening::decode(&theirs) {
        Ok(their) => their,
        Err(_) if dials_with_tls(&theirs) => {
            // Who speaks TLS understands by this that nobody here does.
            refuse(&mut receiving, &mut sending, &ours).await;
            let (ours, theirs) = (own.security, SecurityName::Tls);
            return Err(HandshakeError::OtherSecurity { ours, theirs });
        }
        Err(error) => return Err(error),
    };
    if let Err(error) = own.agree(&their) {
        refuse(&mut receiving, &mut sending, &ours).await;
        return Err(error);
    }
    sending.bytes(&ours).await.map_err(HandshakeError::lost)?;
    if let (Security::Key(key), Some(share)) = (&local.security, share) {
        let said = [theirs, ours].concat();
        prove_second(key, &said, &mut receiving, &mut sending).await?;
        seal(key, Role::Acceptor, share, &their, &said, &mut receiving, &mut sending)?;
    }
    let introduction = receiving.message(HANDSHAKE_BYTES_MAX).await?;
    let introduction = Introduction::decode(introduction).ok_or(HandshakeError::Malformed)?;
    let mut caller = Caller { introduction, receiving, sending };
    match judge(local, &caller.introduction, shown.as_ref()) {
        Ok(()) => Ok(caller),
        Err((verdict, error)) => {
            caller.refuse(&verdict).await;
            Err(error)
        }
    }
}

/// Whether the dialler is of this cluster, is who it says it is, and wants this node.
fn judge(
    local: &Local,
    introduction: &Introduction,
    shown: Option<&CertificateDer<'_>>,
) -> Result<(), (Verdict, HandshakeError)> {
    let Introduction { cluster, dialler, wanted, .. } = introduction;
    if *cluster != local.cluster {
        let error = HandshakeError::WrongCluster {
            ours: local.cluster.clone(),
            theirs: Some(cluster.clone()),
        };
        return Err((Verdict::WrongCluster { cluster: local.cluster.clone() }, error));
    }
    if let Some(shown) = shown {
        let name = certificate_name(cluster, &dialler.node);
        if let Err(detail) = is_for(shown, &name) {
            let error = HandshakeError::WrongCertificate { name, detail };
            return Err((Verdict::WrongCertificate, error));
        }
    }
    if *wanted != local.identity {
        let (wanted, found) = (wanted.clone(), local.identity.clone());
        let verdict = Verdict::AnotherNode { found: found.clone() };
        return Err((verdict, HandshakeError::AnotherNode { wanted, found }));
    }
    Ok(())
}

impl Caller {
    /// Makes it a lane with this credit.
    pub(crate) async fn welcome(
        mut self,
        hello: &Bytes,
        credit: u64,
    ) -> Result<Link, HandshakeError> {
        let verdict = Verdict::Welcome { credit, hello: hello.clone() }.encode();
        let said = timeout(HANDSHAKE_MAX, self.sending.message(&verdict)).await;
        said.map_err(|_late| HandshakeError::TimedOut)?.map_err(HandshakeError::lost)?;
        let hello = self.introduction.hello;
        Ok(Link { receiving: self.receiving, sending: self.sending, hello, credit })
    }

    /// Says that the dialler is no peer.
    pub(crate) async fn refuse_as_stranger(mut self, local: &Local) -> HandshakeError {
        self.refuse(&Verdict::NotAPeer).await;
        let acceptor = local.identity.node.clone();
        HandshakeError::NotAPeer { dialler: self.introduction.dialler, acceptor }
    }

    async fn refuse(&mut self, verdict: &Verdict) {
        let said = timeout(REFUSAL_MAX, self.sending.message(&verdict.encode())).await;
        if matches!(said, Ok(Ok(()))) {
            linger(&mut self.receiving, &mut self.sending).await;
        }
    }
}

fn open(local: &Local) -> Result<(Opening, Option<Share>), HandshakeError> {
    let share = match local.security {
        Security::Key(_) => Some(Share::draw()?),
        Security::Open | Security::Tls(_) => None,
    };
    let opening = Opening {
        versions: local.versions,
        security: local.security.name(),
        nonce: random()?,
        share: share.as_ref().map_or([0; 32], |share| share.public),
    };
    Ok((opening, share))
}

/// The acceptor's answer to a dialler that has another key.
const WRONG_KEY: u8 = 1;
const RIGHT_KEY: u8 = 0;

async fn prove_first(
    key: &ClusterKey,
    said: &[u8],
    receiving: &mut Receiving,
    sending: &mut Sending,
) -> Result<(), HandshakeError> {
    let proof = key.prove(Role::Dialler, said);
    sending.bytes(&proof).await.map_err(HandshakeError::lost)?;
    match receiving.exact::<1>().await? {
        [RIGHT_KEY] => {}
        [WRONG_KEY] => return Err(HandshakeError::WrongKey),
        _ => return Err(HandshakeError::NotTenure),
    }
    let theirs = receiving.exact::<32>().await?;
    let is_right = key.proves(Role::Acceptor, said, &theirs);
    if is_right { Ok(()) } else { Err(HandshakeError::WrongKey) }
}

async fn prove_second(
    key: &ClusterKey,
    said: &[u8],
    receiving: &mut Receiving,
    sending: &mut Sending,
) -> Result<(), HandshakeError> {
    let theirs = receiving.exact::<32>().await?;
    if !key.proves(Role::Dialler, said, &theirs) {
        refuse(receiving, sending, &[WRONG_KEY]).await;
        return Err(HandshakeError::WrongKey);
    }
    let proof = key.prove(Role::Acceptor, said);
    let answer = [&[RIGHT_KEY], &proof[..]].concat();
    sending.bytes(&answer).await.map_err(HandshakeError::lost)
}

fn seal(
    key: &ClusterKey,
    role: Role,
    share: Share,
    their: &Opening,
    said: &[u8],
    receiving: &mut Receiving,
    sending: &mut Sending,
) -> Result<(), HandshakeError> {
    let seals = key.seals(role, share, &their.share, said);
    let (sealer, opener) = seals.ok_or(HandshakeError::Malformed)?;
    sending.seal_with(sealer);
    Ok(receiving.open_with(opener)?)
}

/// Says a last word and waits a moment until it was read: closing at once could take it back.
async fn refuse(receiving: &mut Receiving, sending: &mut Sending, word: &[u8]) {
    let said = timeout(REFUSAL_MAX, sending.bytes(word)).await;
    if matches!(said, Ok(Ok(()))) {
        linger(receiving, sending).await;
    }
}

/// Waits until the other end has closed, for [`REFUSAL_MAX`] and [`REFUSED_BYTES_MAX`] at most; what it sends is
/// thrown away.
async fn linger(receiving: &mut Receiving, sending: &mut Sending) {
    let closing = async {
        sending.finish().await;
        receiving.discard(REFUSED_BYTES_MAX).await;
    };
    let _closed = timeout(REFUSAL_MAX, closing).await;
}

async fn dial_tls(
    tls: &TlsIdentity,
    name: &str,
    stream: BoxStream,
) -> Result<BoxStream, HandshakeError> {
    tls.dial(name, stream).await.map_err(|error| match fault(&error) {
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            let (ours, theirs) = (SecurityName::Tls, SecurityName::NotTls);
            HandshakeError::OtherSecurity { ours, theirs }
        }
        _ if error.kind() == io::ErrorKind::InvalidInput => HandshakeError::WrongCertificate {
            name: name.to_owned(),
            detail: "no certificate can be for a node of this name".to_owned(),
        },
        _ => with_certificate(ReadError::Ended(Some(error)), name),
    })
}

async fn accept_tls(
    local: &Local,
    tls: &TlsIdentity,
    stream: BoxStream,
) -> Result<(BoxStream, CertificateDer<'static>), HandshakeError> {
    let name = certificate_name(&local.cluster, &local.identity.node);
    tls.accept(stream).await.map_err(|error| match fault(&error) {
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            let (ours, theirs) = (SecurityName::Tls, SecurityName::NotTls);
            HandshakeError::OtherSecurity { ours, theirs }
        }
        _ => with_certificate(ReadError::Ended(Some(error)), &name),
    })
}

/// What ended a connection, where TLS says that it was a certificate.
fn with_certificate(error: ReadError, name: &str) -> HandshakeError {
    use rustls::Error::{AlertReceived, InvalidCertificate, NoCertificatesPresented};
    if let ReadError::Ended(Some(io)) = &error
        && let Some(fault @ (AlertReceived(_) | InvalidCertificate(_) | NoCertificatesPresented)) =
            fault(io)
    {
        let (name, detail) = (name.to_owned(), fault.to_string());
        return HandshakeError::WrongCertificate { name, detail };
    }
    error.into()
}
