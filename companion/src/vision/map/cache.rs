//! Decoded tiles that were used lately, below a bound of memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mercator::TileId;

/// At most so many values, the one that was not used for longest going first. A tile that is known to be
/// missing is remembered as well: it is not looked for with every frame.
#[derive(Debug)]
pub struct TileCache<T> {
    capacity: usize,
    clock: u64,
    tiles: BTreeMap<TileId, (u64, Option<Arc<T>>)>,
}

impl<T> TileCache<T> {
    /// A cache of `capacity` tiles, one at least.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            clock: 0,
            tiles: BTreeMap::new(),
        }
    }

    /// What is known of a tile: nothing, that it is missing, or what it shows.
    pub fn get(&mut self, id: TileId) -> Option<Option<Arc<T>>> {
        self.clock += 1;
        let (used, tile) = self.tiles.get_mut(&id)?;
        *used = self.clock;
        Some(tile.clone())
    }

    /// Remembers a tile.
    pub fn put(&mut self, id: TileId, tile: Option<Arc<T>>) {
        if self.tiles.len() >= self.capacity && !self.tiles.contains_key(&id) {
            let oldest = self.tiles.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.tiles.remove(&oldest);
            }
        }
        self.clock += 1;
        self.tiles.insert(id, (self.clock, tile));
    }

    /// Tiles that it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_tile_that_was_not_used_for_longest_goes_and_the_bound_holds() {
        let id = |x| TileId::new(10, x, 0).unwrap();
        let mut cache = TileCache::new(3);
        for x in 0..3 {
            cache.put(id(x), Some(Arc::new(x)));
        }
        assert_eq!(cache.get(id(0)), Some(Some(Arc::new(0))));
        cache.put(id(3), None);
        assert_eq!(cache.len(), 3);
        assert_eq!(cache.get(id(1)), None);
        assert_eq!(cache.get(id(0)), Some(Some(Arc::new(0))));
        assert_eq!(cache.get(id(3)), Some(None));
        for x in 0..1_000 {
            cache.put(id(x), None);
            assert!(cache.len() <= 3);
        }
    }
}
