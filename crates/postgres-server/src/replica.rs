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
        let folder = new_folder(None)?;
        let mut copy = command("pg_basebackup")?;
        copy.args([
            "--no-sync",
            "--checkpoint=fast",
            "--write-recovery-conf",
            "--wal-method=stream",
        ]);
        copy.arg("--pgdata").arg(folder.path().join("data"));
        copy.arg("--dbname").arg(format!("{}?application_name=replica", self.url()));
        run(copy)?;
        let mut replica = PostgresServer { folder, port: 0, child: None };
        replica.run_anywhere()?;
        if is_synchronous {
            self.psql("ALTER SYSTEM SET synchronous_standby_names = 'replica'")?;
            self.psql("SELECT pg_reload_conf()")?;
        }
        Ok(replica)
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
