//! The bytes of a simulated file, in pages that snapshots share.

use std::sync::Arc;

/// What reaches the device as a whole at most: smaller parts may be torn.
pub const PAGE: usize = 4096;
/// What a device writes as a whole at least.
pub const SECTOR: usize = 512;

/// 4 KiB and their hash.
#[derive(Debug)]
pub struct Page {
    pub bytes: [u8; PAGE],
    pub hash: u64,
}

impl Page {
    pub fn new(bytes: [u8; PAGE]) -> Arc<Self> {
        let hash = hash(&bytes);
        Arc::new(Self { bytes, hash })
    }
}

/// Multiply and fold, eight bytes at a time: quick, and good enough to tell states apart.
fn hash(bytes: &[u8; PAGE]) -> u64 {
    bytes
        .as_chunks::<8>()
        .0
        .iter()
        .fold(0x243F_6A88, |state, word| {
            mix(state ^ u64::from_le_bytes(*word))
        })
}

/// Spreads the bits of `value`.
pub fn mix(value: u64) -> u64 {
    let product = u128::from(value ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93_u128;
    (product as u64) ^ ((product >> 64) as u64)
}

/// The content of a file. A page that is missing is zeros.
#[derive(Debug, Clone, Default)]
pub struct Content {
    pub length: u64,
    pages: Vec<Option<Arc<Page>>>,
}

impl Content {
    pub fn page(&self, index: usize) -> Option<&Arc<Page>> {
        self.pages.get(index).and_then(Option::as_ref)
    }

    pub fn put(&mut self, index: usize, page: Arc<Page>) {
        if self.pages.len() <= index {
            self.pages.resize(index + 1, None);
        }
        self.pages[index] = Some(page);
    }

    /// Pages that hold something, or that a file of this length has.
    pub fn page_count(&self) -> usize {
        (self.length as usize).div_ceil(PAGE)
    }

    /// What the page would hold with `bytes` at `offset` of it.
    pub fn patched(&self, index: usize, offset: usize, bytes: &[u8]) -> Arc<Page> {
        if bytes.len() == PAGE
            && let Ok(whole) = bytes.try_into()
        {
            return Page::new(whole);
        }
        let mut page = self.page(index).map_or([0; PAGE], |page| page.bytes);
        page[offset..offset + bytes.len()].copy_from_slice(bytes);
        Page::new(page)
    }

    pub fn cut(&mut self, length: u64) {
        self.length = length;
        self.pages.truncate(self.page_count());
        let rest = length as usize % PAGE;
        if rest > 0
            && let Some(Some(last)) = self.pages.get_mut(length as usize / PAGE)
        {
            let mut bytes = last.bytes;
            bytes[rest..].fill(0);
            *last = Page::new(bytes);
        }
    }

    pub fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        let end = self.length.min(offset.saturating_add(length as u64));
        let mut bytes = Vec::new();
        let mut at = offset;
        while at < end {
            let (index, from) = (at as usize / PAGE, at as usize % PAGE);
            let take = (PAGE - from).min((end - at) as usize);
            match self.page(index) {
                Some(page) => bytes.extend_from_slice(&page.bytes[from..from + take]),
                None => bytes.resize(bytes.len() + take, 0),
            }
            at += take as u64;
        }
        bytes
    }

    /// Changes the bit `bit` of the file.
    pub fn flip(&mut self, bit: u64) {
        let (byte, mask) = ((bit / 8) as usize, 1_u8 << (bit % 8));
        let mut bytes = self.page(byte / PAGE).map_or([0; PAGE], |page| page.bytes);
        bytes[byte % PAGE] ^= mask;
        self.put(byte / PAGE, Page::new(bytes));
    }

    pub fn hash(&self) -> u64 {
        let pages =
            (0..self.page_count()).map(|index| self.page(index).map_or(0, |page| page.hash));
        pages.fold(mix(self.length), |state, page| mix(state ^ page))
    }
}
