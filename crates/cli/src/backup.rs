//! `tenure backup`: a copy of a running node's store, checked while it comes.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use serde_json::{Value, json};
use tenure_store::StoreError;
use tenure_store_embedded::{Backup as Copied, UNFINISHED, verify};

use crate::command_line::{Backup, Reach};
use crate::failure::Failure;
use crate::http::{Port, Question, Reply, Server};
use crate::meter::{Meter, size};
use crate::part::{Kind, Part};
use crate::screen::Screen;

const BACKUPS: Kind = Kind { begin: b"tnr-bak", noun: "backup" };

pub(crate) fn run(backup: &Backup, reach: &Reach, screen: &Screen) -> Result<(), Failure> {
    let file = &backup.file;
    if backup.verify {
        let opened = File::open(file).map_err(|error| Failure::file("opening", file, &error))?;
        let mut copy = Passing::new(BufReader::with_capacity(1 << 20, opened), screen);
        let copied = verify(&mut copy);
        screen.progress("");
        let copied = copied.map_err(|error| {
            Failure::new(format!("{}: {error}", file.display())).advice(match error {
                StoreError::Io { .. } => "look whether the file can be read, then repeat it",
                _ => "make another backup",
            })
        })?;
        return screen.result(&told(file, copied), || {
            format!("{} is whole: {}", file.display(), described(copied))
        });
    }
    let server = Server::new(&reach.admin, Port::Admin)?;
    let part = Part::make(file, BACKUPS)?;
    let copied = download(&server, &part, screen);
    screen.progress("");
    let copied = match copied {
        Ok(copied) => part.finish().map(|()| copied),
        Err(failure) => {
            part.discard();
            Err(failure)
        }
    }?;
    screen.result(&told(file, copied), || format!("{}: {}", file.display(), described(copied)))
}

fn told(file: &Path, copied: Copied) -> Value {
    json!({
        "file": file,
        "rows": copied.rows,
        "incarnation": copied.incarnation.0,
        "bytes": copied.bytes,
    })
}

pub(crate) fn described(copied: Copied) -> String {
    let Copied { rows, incarnation, bytes } = copied;
    format!("{rows} rows of incarnation {}, {}", incarnation.0, size(bytes))
}

fn download(server: &Server, part: &Part, screen: &Screen) -> Result<Copied, Failure> {
    let mut question = Question::new("GET", "/admin/v1/backup");
    // A large store takes its time.
    question.timeout = None;
    let response = server.open(&question)?;
    let status = response.status().as_u16();
    let (parts, body) = response.into_parts();
    let mut body = body.into_reader();
    if status != 200 {
        let mut bytes = Vec::new();
        // What cannot be read of an error is not needed to tell it.
        let _ = body.by_ref().take(1 << 20).read_to_end(&mut bytes);
        let reply = Reply { status, headers: parts.headers, body: bytes };
        return Err(reply.accepted().err().unwrap_or_else(|| server.foreign()));
    }
    let mut copy = Passing { part: Some(part), ..Passing::new(body, screen) };
    let verified = verify(&mut copy);
    if let Some(error) = copy.write_error.take() {
        return Err(Failure::file("writing", part.path(), &error).advice("is the disk full?"));
    }
    verified.map_err(|error| {
        let is_of_node = matches!(&error, StoreError::Io { doing, .. } if &**doing == UNFINISHED);
        let advice = match is_of_node {
            true => "it is the node's store, not the connection: keep the backups that you have, and restore one",
            false => "the node stopped or the connection was cut: look with `tenure doctor`, then repeat it",
        };
        Failure::new(format!("the copy is not whole, and nothing is kept: {error}")).advice(advice)
    })
}

/// A copy that is read, shown as it passes, and kept in a file.
pub(crate) struct Passing<'a, R> {
    from: R,
    part: Option<&'a Part>,
    write_error: Option<io::Error>,
    meter: Meter<'a>,
}

impl<'a, R: Read> Passing<'a, R> {
    pub(crate) fn new(from: R, screen: &'a Screen) -> Self {
        Self { from, part: None, write_error: None, meter: Meter::new(screen) }
    }
}

impl<R: Read> Read for Passing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        if let Some(mut part) = self.part
            && let Err(error) = part.write_all(&buffer[..read])
        {
            self.write_error = Some(error);
            return Err(io::Error::other("the file cannot be written"));
        }
        self.meter.add(read);
        Ok(read)
    }
}
