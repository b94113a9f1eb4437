//! The `tenure` command as a process, against a real program over real sockets.

mod actors;
mod backups;
mod calls;
mod certs;
mod command_line;
mod deploy;
mod doctor;
mod documentation;
mod exports;
mod projects;
mod sessions;
mod world;
