use std::io;

use crate::programs::{command, run};
use crate::server::{PostgresServer, new_folder};

impl PostgresServer {
    /// A replica of this server, streaming. With `is_synchronous` this server's commits wait for it
    /// from now on.
    ///
    /// # Errors
    /// When the copy fails or the replica does not start.
    pub fn replica(&self, is_synchronous: bool) -> io::Result<PostgresServer> {
        let mut replica =
            PostgresServer { folder: new_folder(None)?, port: 0, child: None, clock: None };
        self.copy_to(&replica)?;
        replica.run_anywhere()?;
        self.follow(is_synchronous)?;
        Ok(replica)
    }

    /// Makes this server, which was stopped or killed, a replica of another one, as [`PostgresServer::replica`]
    /// makes a new one, on its own port. What it had is gone.
    ///
    /// # Errors
    /// As [`PostgresServer::replica`].
    pub fn rejoin(&mut self, primary: &PostgresServer, is_synchronous: bool) -> io::Result<()> {
        std::fs::remove_dir_all(self.data())?;
        primary.copy_to(self)?;
        self.start_again()?;
        primary.follow(is_synchronous)
    }

    fn copy_to(&self, replica: &PostgresServer) -> io::Result<()> {
        let mut copy = command("pg_basebackup")?;
        copy.args([
            "--no-sync",
            "--checkpoint=fast",
            "--write-recovery-conf",
            "--wal-method=stream",
        ]);
        copy.arg("--pgdata").arg(replica.data());
        copy.arg("--dbname").arg(format!("{}?application_name=replica", self.url()));
        run(copy)
    }

    /// Lets commits wait for a replica, or for none.
    fn follow(&self, is_synchronous: bool) -> io::Result<()> {
        if is_synchronous {
            self.psql("ALTER SYSTEM SET synchronous_standby_names = 'replica'")?;
            self.psql("SELECT pg_reload_conf()")?;
        }
        Ok(())
    }

    /// Makes a replica take writes; waits until it does.
    ///
    /// # Errors
    /// When it is none.
    pub fn promote(&self) -> io::Result<()> {
        // It does not wait for a replica of its own.
        self.psql("ALTER SYSTEM RESET synchronous_standby_names")?;
        self.psql("SELECT pg_promote(true, 60)").map(drop)
    }
}
