//! Names of devices and channels as small numbers.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::Sql;

/// Numbers that were looked up; forgotten after a transaction that failed.
#[derive(Debug, Default)]
pub struct NameCache(HashMap<String, i64>);

impl NameCache {
    /// The number of a name, new if need be.
    pub fn number(&mut self, connection: &Connection, name: &str) -> Sql<i64> {
        if let Some(number) = self.0.get(name) {
            return Ok(*number);
        }
        let known = connection
            .prepare_cached("SELECT id FROM names WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let number = match known {
            Some(number) => number,
            None => {
                connection
                    .prepare_cached("INSERT INTO names(name) VALUES (?1)")?
                    .execute([name])?;
                connection.last_insert_rowid()
            }
        };
        self.0.insert(name.to_owned(), number);
        Ok(number)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Every name by its number.
pub(super) fn all(connection: &Connection) -> Sql<HashMap<i64, String>> {
    connection
        .prepare_cached("SELECT id, name FROM names")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
