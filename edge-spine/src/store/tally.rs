//! Counters that live in the database and change with what they count.

use rusqlite::{Connection, Result, Row, params_from_iter};

macro_rules! tally {
    ($($(#[$doc:meta])* $field:ident,)*) => {
        /// Counters of a store, from its first row on.
        #[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
        pub struct Tally {
            $($(#[$doc])* pub $field: i64,)*
        }

        const COLUMNS: &[&str] = &[$(stringify!($field)),*];

        impl Tally {
            fn of_row(row: &Row<'_>) -> Result<Self> {
                Ok(Self { $($field: row.get(stringify!($field))?,)* })
            }

            fn values(&self) -> Vec<i64> {
                vec![$(self.$field),*]
            }
        }
    };
}

tally! {
    /// Number of the newest row in the buffer; numbers have no holes.
    last_row,
    /// Every row up to this number belongs to a batch.
    claimed_to,
    /// Number of the newest batch.
    last_batch,
    /// Rows taken: into the buffer, beside it, or to the dead letters.
    inserts,
    /// Rows that were there already, and were acknowledged again.
    duplicates,
    /// Rows with the key of another row and another payload.
    conflicts,
    /// Pauses longer than a channel may make.
    gaps,
    /// Rows that a sink has durably.
    delivered,
    /// Delivered rows that were removed.
    pruned,
    /// Waiting rows that the overflow policy removed.
    dropped,
    /// Dead letters that the overflow policy removed.
    dead_dropped,
    /// Dead letters that were re-injected.
    reinjected,
    /// Held rows that were re-injected.
    released,
    /// Rows held beside the buffer.
    held,
    /// Dead letters.
    dead,
    /// Bytes of payload in the buffer and beside it.
    bytes,
    /// Entries of the audit log.
    audit_size,
    /// Batches that were found half-drained when the store was opened.
    recovered,
    /// Databases that were put aside because they were damaged.
    quarantined,
}

impl Tally {
    pub(super) fn create(connection: &Connection, quarantined: i64) -> Result<()> {
        let columns: Vec<_> = COLUMNS
            .iter()
            .map(|name| format!("{name} INTEGER NOT NULL DEFAULT 0"))
            .collect();
        connection.execute_batch(&format!(
            "CREATE TABLE tally({}) STRICT",
            columns.join(", ")
        ))?;
        connection.execute("INSERT INTO tally(quarantined) VALUES (?1)", [quarantined])?;
        Ok(())
    }

    /// The counters as the transaction sees them.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        connection
            .prepare_cached("SELECT * FROM tally")?
            .query_row([], Self::of_row)
    }

    pub(super) fn save(&self, connection: &Connection) -> Result<()> {
        let set: Vec<_> = COLUMNS.iter().map(|name| format!("{name} = ?")).collect();
        connection
            .prepare_cached(&format!("UPDATE tally SET {}", set.join(", ")))?
            .execute(params_from_iter(self.values()))?;
        Ok(())
    }

    /// Gives up the oldest waiting rows.
    pub(crate) fn drop_oldest(
        &mut self,
        connection: &Connection,
        store: &[u8; 16],
        wanted: i64,
        now: super::Moment,
    ) -> Result<i64> {
        super::settle::drop_oldest(connection, self, store, wanted, now.wall_ms)
    }

    /// Rows that no batch has claimed.
    #[must_use]
    pub fn pending(&self) -> i64 {
        self.last_row - self.claimed_to
    }
}
