//! The hash of every tile of a layer, so that a tile can be checked when it is first used and not before:
//! hashing 10 GB takes longer than a restart in flight may.
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `GPSD tile hash 1` |
//! | 41 for each tile, in the order of zoom, column, row from the north | zoom `u8`, column `u32`, row `u32`, little-endian; BLAKE3 of the tile's bytes, 32 |

use fdr_format::Digest;

use super::mercator::TileId;

const MAGIC: &[u8; 16] = b"GPSD tile hash 1";
const ENTRY: usize = 41;
/// Longest table that is read: 1.5 million tiles, above 10 GB of imagery.
pub const TABLE_BYTES_MAX: u64 = 64 << 20;

/// The table of one layer.
#[derive(Clone, PartialEq, Eq)]
pub struct TileHashes {
    entries: Vec<[u8; ENTRY]>,
}

impl TileHashes {
    /// A table of tiles in the order of [`TileId`]; absent when they are not.
    #[must_use]
    pub fn new(tiles: impl IntoIterator<Item = (TileId, Digest)>) -> Option<Self> {
        let mut entries: Vec<[u8; ENTRY]> = Vec::new();
        let mut last = None;
        for (id, digest) in tiles {
            if last.is_some_and(|last| last >= id) {
                return None;
            }
            last = Some(id);
            let mut entry = [0; ENTRY];
            entry[0] = id.zoom;
            entry[1..5].copy_from_slice(&id.x.to_le_bytes());
            entry[5..9].copy_from_slice(&id.y.to_le_bytes());
            entry[9..].copy_from_slice(&digest.0);
            entries.push(entry);
        }
        Some(Self { entries })
    }

    /// Reads a table; absent when it is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.strip_prefix(MAGIC)?.as_chunks::<ENTRY>();
        let mut ids = entries.iter().map(id_of);
        let mut last = None;
        let ordered = ids.all(|id| {
            let grows = id.is_some() && last < id;
            last = id;
            grows
        });
        (rest.is_empty() && ordered).then(|| Self {
            entries: entries.to_vec(),
        })
    }

    /// The bytes of the table.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        [MAGIC.as_slice(), self.entries.as_flattened()].concat()
    }

    /// Number of tiles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The hash that a tile must have; absent when the layer has no such tile.
    #[must_use]
    pub fn get(&self, id: TileId) -> Option<Digest> {
        let found = self.entries.binary_search_by_key(&Some(id), id_of).ok()?;
        let hash = self.entries.get(found)?.last_chunk::<32>()?;
        Some(Digest(*hash))
    }
}

impl std::fmt::Debug for TileHashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hashes of {} tiles", self.len())
    }
}

fn id_of(entry: &[u8; ENTRY]) -> Option<TileId> {
    let number =
        |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
    TileId::new(entry[0], number(1), number(5))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn every_tile_is_found_and_no_other() {
        let ids: Vec<_> = (0..8)
            .flat_map(|x| (0..8).map(move |y| TileId::new(3, x, y).unwrap()))
            .filter(|id| (id.x + id.y) % 2 == 0)
            .collect();
        let hash = |id: &TileId| Digest(blake3::hash(id.to_string().as_bytes()).into());
        let table = TileHashes::new(ids.iter().map(|id| (*id, hash(id)))).unwrap();
        let table = TileHashes::read(&table.write()).unwrap();
        for id in &ids {
            assert_eq!(table.get(*id), Some(hash(id)));
            assert_eq!(table.get(TileId::new(4, id.x, id.y).unwrap()), None);
        }
        assert_eq!(table.get(TileId::new(3, 0, 1).unwrap()), None);
    }

    #[test]
    fn a_table_that_is_cut_unordered_or_of_no_tiles_is_refused() {
        let id = |x| TileId::new(3, x, 1).unwrap();
        let table = TileHashes::new([(id(1), Digest([1; 32])), (id(2), Digest([2; 32]))]).unwrap();
        let bytes = table.write();
        for length in 0..bytes.len() {
            let whole = [16, 16 + ENTRY].contains(&length);
            assert_eq!(
                TileHashes::read(&bytes[..length]).is_some(),
                whole,
                "{length}"
            );
        }
        let mut doubled = bytes.clone();
        doubled.copy_within(16..16 + ENTRY, 16 + ENTRY);
        assert_eq!(TileHashes::read(&doubled), None);
        let mut outside = bytes;
        outside[16] = 0;
        assert_eq!(TileHashes::read(&outside), None);
        assert_eq!(
            TileHashes::new([(id(2), Digest([0; 32])), (id(1), Digest([0; 32]))]),
            None
        );
    }
}
