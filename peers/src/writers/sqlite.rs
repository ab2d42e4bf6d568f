//! SQLite with a write-ahead log that is synced with every transaction.

use std::path::Path;

use rusqlite::{Connection, params};

use super::Writer;

const ROWS_OF_A_TRANSACTION: u32 = 100;

pub struct Database {
    connection: Connection,
    rows: u32,
}

impl Database {
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(folder.join("flight.sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE record (sequence INTEGER PRIMARY KEY, time_ns INTEGER, body BLOB); BEGIN",
        )?;
        Ok(Self {
            connection,
            rows: 0,
        })
    }
}

impl Writer for Database {
    fn append(&mut self, time_ns: u64, record: &[u8]) -> anyhow::Result<bool> {
        self.connection
            .prepare_cached("INSERT INTO record (time_ns, body) VALUES (?1, ?2)")?
            .execute(params![time_ns.cast_signed(), record])?;
        self.rows += 1;
        if self.rows == ROWS_OF_A_TRANSACTION {
            self.connection.execute_batch("COMMIT; BEGIN")?;
            self.rows = 0;
        }
        Ok(true)
    }

    fn finish(self) -> anyhow::Result<()> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }
}
