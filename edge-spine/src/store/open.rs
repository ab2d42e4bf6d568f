//! Opening a store: locks, key, database; recovery is part of it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::damaged;
use super::schema::{APPLICATION_ID, TABLES, VERSION};
use super::space::{PAGE_BYTES, log_pages};
use super::{Sql, Store, StoreError, Tally};
use crate::audit::Signer;
use crate::config::Config;
use crate::row::{hex, unhex};

/// Most damaged databases that are put aside before a person has to look.
const MAX_QUARANTINED: usize = 16;

/// How often another process's transaction is waited for, half a millisecond each: 30 s.
const BUSY_TRIES: i32 = 60_000;

/// What a process does with a store; one process each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes rows.
    Ingest,
    /// Sends batches.
    Drain,
}

/// A role, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct RoleLock(#[allow(dead_code, reason = "held for its lock")] File);

impl RoleLock {
    /// Takes a role in the store at `directory`.
    ///
    /// # Errors
    /// When another process has it.
    pub fn take(directory: &Path, role: Role) -> Result<Self, StoreError> {
        let name = match role {
            Role::Ingest => "ingest.lock",
            Role::Drain => "drain.lock",
        };
        create_folder(directory)?;
        let path = directory.join(name);
        let file = lock_file(&path)?;
        file.try_lock().map_err(|_| StoreError::Busy { path })?;
        Ok(Self(file))
    }
}

pub(super) fn open(config: &Config) -> Result<Store, StoreError> {
    let directory = config.directory.clone();
    create_folder(&directory)?;
    let path = directory.join("spine.db");
    let opening = directory.join("opening.lock");
    let lock = lock_file(&opening)?;
    lock.lock().map_err(|source| StoreError::File {
        path: opening,
        source,
    })?;
    let is_new = !path.exists();
    let (signer, key_path) = signer(&directory, is_new)?;
    let wrap = |source| StoreError::Database {
        path: path.clone(),
        source,
    };
    let reserve = config.buffer.reserve_bytes;
    let connection = match connect(&path, reserve) {
        Err(error) if damaged(&error) => {
            let count = quarantine(&directory, &path)?;
            let connection = connect(&path, reserve).map_err(wrap)?;
            create(&connection, &signer, count).map_err(wrap)?;
            connection
        }
        other => {
            let connection = other.map_err(wrap)?;
            identify(&connection, &path, &signer)?;
            connection
        }
    };
    let (id, public_key): ([u8; 16], String) = connection
        .query_row("SELECT store_id, public_key FROM meta", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_err(wrap)?;
    if public_key != signer.public_key() {
        let why = format!(
            "its public half is {}, the store's {public_key}",
            signer.public_key()
        );
        return Err(StoreError::WrongKey {
            path: key_path,
            why,
        });
    }
    let store = Store {
        connection,
        path,
        directory,
        id,
        signer,
        reserve_bytes: config.buffer.reserve_bytes,
        min_free_bytes: config.buffer.min_free_bytes,
        wal_limit_bytes: config.buffer.wal_limit_bytes,
    };
    store.keep_reserve();
    Ok(store)
}

impl Store {
    /// Says that the database was found damaged; the next opening looks at all of it.
    pub fn mark_suspect(&self) {
        // Without the mark the next opening finds the damage where this one did.
        let _ = std::fs::write(self.directory.join("suspect"), b"");
    }
}

fn connect(path: &Path, reserve_bytes: u64) -> Sql<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_handler(Some(|tries| {
        std::thread::sleep(Duration::from_micros(500));
        tries < BUSY_TRIES
    }))?;
    // On a full disk the log cannot be made anew: the next opening finds this one.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let suspect = path.with_file_name("suspect");
    let log_pages = log_pages(reserve_bytes);
    let log_bytes = (log_pages * PAGE_BYTES).min(4 << 20);
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = {log_pages}; PRAGMA journal_size_limit = {log_bytes};"
    ))?;
    connection.set_prepared_statement_cache_capacity(64);
    if suspect.exists() {
        let verdict: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
                Some(verdict),
            ));
        }
        let _ = std::fs::remove_file(suspect);
    }
    Ok(connection)
}

/// Makes the tables in an empty database, and refuses one that is not ours.
fn identify(connection: &Connection, path: &Path, signer: &Signer) -> Result<(), StoreError> {
    let wrap = |source| StoreError::Database {
        path: path.to_owned(),
        source,
    };
    let number =
        |pragma: &str| connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0));
    let (id, version): (i64, i64) = (
        number("application_id").map_err(wrap)?,
        number("user_version").map_err(wrap)?,
    );
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(wrap)?;
    match (id, version, tables) {
        (0, 0, 0) => create(connection, signer, 0).map_err(wrap),
        (APPLICATION_ID, VERSION, _) => Ok(()),
        (APPLICATION_ID, found, _) => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: VERSION,
        }),
        (found, _, _) => Err(StoreError::Foreign {
            path: path.to_owned(),
            found,
        }),
    }
}

fn create(connection: &Connection, signer: &Signer, quarantined: i64) -> Sql<()> {
    let id =
        random::<16>().map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    Tally::create(connection, quarantined)?;
    connection.execute_batch(TABLES)?;
    connection.execute(
        "INSERT INTO meta VALUES (?1, ?2)",
        (id, signer.public_key()),
    )?;
    connection.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT"
    ))
}

/// The store's key; made with a new store, never for an old one.
fn signer(directory: &Path, is_new: bool) -> Result<(Signer, PathBuf), StoreError> {
    let path = directory.join("store.key");
    let wrap = |source| StoreError::File {
        path: path.clone(),
        source,
    };
    if !path.exists() && is_new {
        let secret = random::<32>().map_err(wrap)?;
        // Whole or not at all: a torn key would lock the store for ever.
        let half = directory.join("store.key.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&half)
            .map_err(wrap)?;
        file.write_all(hex(&secret).as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(wrap)?;
        std::fs::rename(&half, &path).map_err(wrap)?;
        sync_folder(directory).map_err(wrap)?;
    }
    let text = std::fs::read_to_string(&path).map_err(wrap)?;
    let secret = unhex::<32>(&text).ok_or_else(|| StoreError::WrongKey {
        path: path.clone(),
        why: "it does not hold 64 hex digits".into(),
    })?;
    Ok((Signer::new(&secret), path))
}

/// Puts a damaged database aside. Returns how many there are now.
fn quarantine(directory: &Path, path: &Path) -> Result<i64, StoreError> {
    let folder = directory.join("quarantine");
    create_folder(&folder)?;
    let wrap = |source| StoreError::File {
        path: folder.clone(),
        source,
    };
    let count = std::fs::read_dir(&folder)
        .map_err(wrap)?
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|own| own == "db"))
        .count();
    if count >= MAX_QUARANTINED {
        return Err(StoreError::QuarantineFull {
            path: folder,
            count,
        });
    }
    for suffix in ["", "-wal", "-shm"] {
        let own = PathBuf::from(format!("{}{suffix}", path.display()));
        if own.exists() {
            std::fs::rename(&own, folder.join(format!("{count:03}.db{suffix}"))).map_err(wrap)?;
        }
    }
    let _ = std::fs::remove_file(directory.join("suspect"));
    sync_folder(directory).map_err(wrap)?;
    Ok(count as i64 + 1)
}

fn lock_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|source| StoreError::File {
            path: path.to_owned(),
            source,
        })
}

fn create_folder(path: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(path).map_err(|source| StoreError::File {
        path: path.to_owned(),
        source,
    })
}

pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
