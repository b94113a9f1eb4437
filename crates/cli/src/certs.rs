//! `tenure certs`: certificates for the nodes of a cluster, for development and tests.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use tenure_transport::{Authority, ClusterName, Issued};
use tenure_types::NodeId;

use crate::command_line::Certs;
use crate::failure::Failure;
use crate::screen::Screen;

/// The authority's certificate, which every node accepts, and its key.
const AUTHORITY: [&str; 2] = ["authority.pem", "authority.key"];

pub(crate) fn run(wanted: &Certs, screen: &Screen) -> Result<(), Failure> {
    let cluster = ClusterName::new(&wanted.cluster).map_err(|it| Failure::usage(it.to_string()))?;
    let nodes = wanted.nodes.iter().map(|node| NodeId::new(node));
    let nodes =
        nodes.collect::<Result<Vec<_>, _>>().map_err(|it| Failure::usage(it.to_string()))?;
    let folder = &wanted.folder;
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let names = nodes.iter().flat_map(|node| [format!("{node}.pem"), format!("{node}.key")]);
    if let Some(there) = names.map(|name| folder.join(name)).find(|path| path.exists()) {
        let failure = Failure::new(format!("{} is there already", there.display()));
        return Err(failure.advice("remove it first, or name another folder (--folder)"));
    }
    let authority = authority(cluster, folder)?;
    let mut made = Vec::new();
    for node in &nodes {
        let Issued { certificate, key } =
            authority.issue(node).map_err(|error| Failure::new(error.to_string()))?;
        made.push(write(&folder.join(format!("{node}.pem")), &certificate)?);
        made.push(write(&folder.join(format!("{node}.key")), &key)?);
    }
    let shown = |path: &PathBuf| path.display().to_string();
    let document = json!({
        "cluster": wanted.cluster,
        "authority": shown(&folder.join(AUTHORITY[0])),
        "made": made.iter().map(shown).collect::<Vec<_>>(),
    });
    screen.result(&document, || {
        let folder = folder.display();
        let lines = made.iter().map(|path| format!("made {}\n", path.display()));
        format!(
            "{}serve with --set cluster.tls_authority={folder}/{} --set cluster.tls_cert=.. --set \
             cluster.tls_key=..",
            lines.collect::<String>(),
            AUTHORITY[0]
        )
    })
}

/// The authority that is there, or a new one.
fn authority(cluster: ClusterName, folder: &Path) -> Result<Authority, Failure> {
    let [certificate, key] = AUTHORITY.map(|name| folder.join(name));
    let made = match fs::read_to_string(&key) {
        Ok(pem) => Authority::with_key(cluster, &pem),
        Err(error) if error.kind() == ErrorKind::NotFound => Authority::make(cluster),
        Err(error) => return Err(failed(&key, &error)),
    };
    let authority = made.map_err(|error| Failure::new(error.to_string()))?;
    if !key.exists() {
        write(&key, &authority.key())?;
    }
    if !certificate.exists() {
        write(&certificate, authority.certificate())?;
    }
    Ok(authority)
}

/// Makes a file that only its owner reads.
fn write(path: &Path, text: &str) -> Result<PathBuf, Failure> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| failed(path, &error)).map(|()| path.to_owned())
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
