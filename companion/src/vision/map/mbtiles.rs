//! Tiles in a SQLite file, as MBTiles 1.3 lays them out; read without ever changing it.
//!
//! Source: github.com/mapbox/mbtiles-spec, version 1.3. Rows count from the south there, and nowhere
//! else in this program.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::mercator::{TileId, ZOOM_MAX};

/// Longest tile that is read, bytes.
pub const TILE_BYTES_MAX: usize = 1 << 20;

/// Why a file of tiles cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MbTilesError {
    /// SQLite says so.
    #[error("{path}: {source}; an MBTiles file is expected")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// It has no tile.
    #[error("{path}: no tile in it")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Rows of it are no tiles.
    #[error("{path}: zoom {zoom}, column {column}, row {row} is no tile")]
    NoTile {
        /// The file.
        path: PathBuf,
        /// As it stands there.
        zoom: i64,
        /// As it stands there.
        column: i64,
        /// As it stands there.
        row: i64,
    },
    /// The path cannot be handed to SQLite.
    #[error("{path}: not a path in UTF-8")]
    Path {
        /// The file.
        path: PathBuf,
    },
}

/// An open file of tiles.
#[derive(Debug)]
pub struct MbTiles {
    path: PathBuf,
    connection: Connection,
    zooms: Vec<u8>,
}

const ONE: &str = "SELECT CASE WHEN length(tile_data) <= ?4 THEN tile_data END FROM tiles \
    WHERE zoom_level = ?1 AND tile_column = ?2 AND tile_row = ?3";

impl MbTiles {
    /// Opens it read-only. Nothing beside it is read (no journal of a writer), and nothing is written.
    ///
    /// # Errors
    /// When it cannot be read or holds no tiles.
    pub fn open(path: &Path) -> Result<Self, MbTilesError> {
        let failed = |source| MbTilesError::Sqlite {
            path: path.to_owned(),
            source,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(immutable(path)?, flags).map_err(failed)?;
        // What a file says of its own functions and views is not believed; the page cache is 4 MiB.
        let settings = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; \
            PRAGMA cache_size = -4096; PRAGMA mmap_size = 0;";
        connection.execute_batch(settings).map_err(failed)?;
        let mut file = Self {
            path: path.to_owned(),
            connection,
            zooms: Vec::new(),
        };
        file.zooms = file.find_zooms().map_err(failed)?;
        if file.zooms.is_empty() {
            let path = path.to_owned();
            return Err(MbTilesError::Empty { path });
        }
        Ok(file)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Zooms that it has tiles of, from the coarsest.
    #[must_use]
    pub fn zooms(&self) -> &[u8] {
        &self.zooms
    }

    /// The bytes of a tile; absent when the file lacks it, or has one that is longer than what is read.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn tile(&self, id: TileId) -> Result<Option<Vec<u8>>, MbTilesError> {
        let read = || -> rusqlite::Result<Option<Vec<u8>>> {
            let mut statement = self.connection.prepare_cached(ONE)?;
            let limit = TILE_BYTES_MAX as i64;
            let found = statement
                .query_row(params![id.zoom, id.x, id.tms_row(), limit], |row| {
                    row.get(0)
                })
                .optional()?;
            Ok(found.flatten())
        };
        read().map_err(|source| self.failed(source))
    }

    /// A value of its table of metadata.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<String> {
        let text = "SELECT value FROM metadata WHERE name = ?1";
        let value = self.connection.query_row(text, [name], |row| row.get(0));
        value.ok()
    }

    /// West, south, east, north of what it covers, degrees: of its deepest zoom.
    ///
    /// # Errors
    /// When the file is damaged or its rows are no tiles.
    pub fn bounds_deg(&self) -> Result<[f64; 4], MbTilesError> {
        let Some(zoom) = self.zooms.last() else {
            return Ok([0.0; 4]);
        };
        let text = "SELECT min(tile_column), max(tile_column), min(tile_row), max(tile_row) \
            FROM tiles WHERE zoom_level = ?1";
        let found = self.connection.query_row(text, [zoom], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        });
        let [west, east, south, north] = found.map_err(|source| self.failed(source))?;
        let [west, south, _, _] = self.id(i64::from(*zoom), west, south)?.bounds_deg();
        let [_, _, east, north] = self.id(i64::from(*zoom), east, north)?.bounds_deg();
        Ok([west, south, east, north])
    }

    /// Hands every tile to `each`, in the order of [`TileId`].
    ///
    /// # Errors
    /// When the file is damaged or a row of it is no tile.
    pub fn for_each(&self, mut each: impl FnMut(TileId, &[u8])) -> Result<(), MbTilesError> {
        let failed = |source| self.failed(source);
        let text = "SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles \
            ORDER BY zoom_level, tile_column, tile_row DESC";
        let mut statement = self.connection.prepare(text).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let number = |column: usize| row.get::<_, i64>(column).map_err(failed);
            let id = self.id(number(0)?, number(1)?, number(2)?)?;
            let data = row.get_ref(3).map_err(failed)?;
            each(id, data.as_blob().map_err(|source| failed(source.into()))?);
        }
        Ok(())
    }

    fn id(&self, zoom: i64, column: i64, row: i64) -> Result<TileId, MbTilesError> {
        let id = || {
            let level = u8::try_from(zoom).ok().filter(|zoom| *zoom <= ZOOM_MAX)?;
            let from_south = u32::try_from(row).ok()?;
            let from_north = ((1u32 << level) - 1).checked_sub(from_south)?;
            TileId::new(level, u32::try_from(column).ok()?, from_north)
        };
        id().ok_or_else(|| MbTilesError::NoTile {
            path: self.path.clone(),
            zoom,
            column,
            row,
        })
    }

    fn find_zooms(&self) -> rusqlite::Result<Vec<u8>> {
        let text = "SELECT DISTINCT zoom_level FROM tiles ORDER BY zoom_level";
        let mut statement = self.connection.prepare(text)?;
        let zooms = statement.query_map([], |row| row.get::<_, i64>(0))?;
        let zooms = zooms.collect::<rusqlite::Result<Vec<_>>>()?;
        let known = |zoom: i64| u8::try_from(zoom).ok().filter(|zoom| *zoom <= ZOOM_MAX);
        Ok(zooms.into_iter().filter_map(known).collect())
    }

    fn failed(&self, source: rusqlite::Error) -> MbTilesError {
        let path = self.path.clone();
        MbTilesError::Sqlite { path, source }
    }
}

/// A new file of tiles.
#[derive(Debug)]
pub struct MbTilesWriter {
    path: PathBuf,
    connection: Connection,
}

impl MbTilesWriter {
    /// Makes the file, which must not exist.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> Result<Self, MbTilesError> {
        let failed = |source| MbTilesError::Sqlite {
            path: path.to_owned(),
            source,
        };
        if path.exists() {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
            let exists = Some("the file exists".to_owned());
            return Err(failed(rusqlite::Error::SqliteFailure(code, exists)));
        }
        let connection = Connection::open(path).map_err(failed)?;
        // 0x4d504258 is `MPBX`, the application id of MBTiles.
        let schema = "PRAGMA journal_mode = OFF; PRAGMA application_id = 0x4d504258; BEGIN; \
            CREATE TABLE metadata (name TEXT, value TEXT); \
            CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB); \
            CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row);";
        connection.execute_batch(schema).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            connection,
        })
    }

    /// Adds a value to its table of metadata.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn metadata(&self, name: &str, value: &str) -> Result<(), MbTilesError> {
        let text = "INSERT INTO metadata VALUES (?1, ?2)";
        self.run(|connection| connection.execute(text, [name, value]))
    }

    /// Adds a tile.
    ///
    /// # Errors
    /// When it cannot be written or is there already.
    pub fn tile(&self, id: TileId, bytes: &[u8]) -> Result<(), MbTilesError> {
        self.run(|connection| {
            let mut statement =
                connection.prepare_cached("INSERT INTO tiles VALUES (?1, ?2, ?3, ?4)")?;
            statement.execute(params![id.zoom, id.x, id.tms_row(), bytes])
        })
    }

    /// Writes everything to the device.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<(), MbTilesError> {
        self.run(|connection| {
            connection
                .execute_batch("COMMIT; PRAGMA optimize;")
                .map(|()| 0)
        })
    }

    fn run(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
    ) -> Result<(), MbTilesError> {
        let path = self.path.clone();
        let done = act(&self.connection);
        done.map(|_| ())
            .map_err(|source| MbTilesError::Sqlite { path, source })
    }
}

/// SQLite's address of a file that nobody changes: it then reads no journal, takes no lock and leaves
/// nothing beside it.
fn immutable(path: &Path) -> Result<String, MbTilesError> {
    let no_text = || MbTilesError::Path {
        path: path.to_owned(),
    };
    let text = path.to_str().ok_or_else(no_text)?;
    let mut address = String::from("file:");
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                address.push(char::from(byte));
            }
            byte => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address.push_str("?immutable=1");
    Ok(address)
}
