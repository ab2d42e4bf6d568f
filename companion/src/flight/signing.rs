//! The signing key of a flight: made here, kept by the service manager while it is in force, so that a
//! process that is started again in flight goes on signing.
//!
//! | at the start | key |
//! |---|---|
//! | a descriptor named `mavlink-signing` was handed over | that one; the autopilot has it |
//! | none | fresh, from the system's random bytes |
//!
//! It lies in a memory file whose length is sealed, which is handed to the service manager (`FDSTORE=1`).
//! When the autopilot was told to forget it, it is overwritten there and removed (`FDSTOREREMOVE=1`). It is
//! on no disk. Beside the key stand its clock's ticks and the monotonic time that they belong to: in the
//! same boot the clock goes on by itself.
//!
//! Source: `sd_notify(3)`, `sd_listen_fds(3)`, `memfd_create(2)`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketType, sendmsg_addr, socket,
};
use zeroize::{Zeroize, Zeroizing};

use super::error::FlightError;
use super::identity::{random, unix_ns};
use crate::autopilot::ardupilot::{Install, SigningStart};
use crate::autopilot::mavlink::{
    FrameSigner, KEY_BYTES, NEW_STREAM_TICKS, Signing, SigningClock, SigningKey, TICK_NS,
};
use crate::navigator::MonotonicNs;

/// Name of the descriptor in the service manager's store.
const NAME: &str = "mavlink-signing";
/// First descriptor that a service manager hands over.
const FIRST_HANDED: RawFd = 3;
/// Most descriptors that are looked at.
const HANDED_MAX: RawFd = 16;
/// Key, ticks of the signing clock, monotonic time of them.
const CONTENT: usize = KEY_BYTES + 8 + 8;
/// Number of our signing stream.
const LINK_ID: u8 = 0;

/// Where the key is kept.
#[derive(Debug, Default)]
pub(super) struct KeyStore {
    signing: Option<Arc<Signing>>,
    kept: Option<OwnedFd>,
}

impl KeyStore {
    /// Takes up what the service manager kept.
    pub(super) fn take_up() -> Self {
        Self {
            signing: None,
            kept: handed_over(),
        }
    }

    /// The key to begin with.
    pub(super) fn start(
        &mut self,
        signer: &Arc<FrameSigner>,
        now: MonotonicNs,
    ) -> Result<SigningStart, FlightError> {
        let (signing, install) = match self.kept.as_ref().and_then(|kept| read(kept, now)) {
            Some(signing) => (signing, Install::Resumed),
            None => {
                let mut bytes: [u8; KEY_BYTES] = random()?;
                let key = SigningKey::from_bytes(&bytes);
                bytes.zeroize();
                let ticks = SigningClock::ticks_of_unix(unix_ns());
                let clock = SigningClock::starting_at(ticks, now);
                (Signing::new(key, LINK_ID, clock), Install::New)
            }
        };
        let signing = Arc::new(signing);
        self.signing = Some(Arc::clone(&signing));
        Ok(SigningStart {
            signing,
            signer: Arc::clone(signer),
            install,
        })
    }

    /// The autopilot uses the key (`keep`), or was told to forget it.
    pub(super) fn keep(&mut self, keep: bool) {
        if !keep {
            self.forget();
            return;
        }
        if self.kept.is_some() {
            return;
        }
        // Without a store a restart in flight is unsigned; that is what the manual says of it.
        if let Some(signing) = &self.signing
            && let Ok(file) = seal(signing)
            && notify(&format!("FDSTORE=1\nFDNAME={NAME}\n"), Some(file.as_fd())).is_ok()
        {
            self.kept = Some(file);
        }
    }

    fn forget(&mut self) {
        if let Some(file) = self.kept.take() {
            // The service manager's descriptor is of the same file.
            let _ = rustix::io::pwrite(&file, &[0; CONTENT], 0);
            let _ = notify(&format!("FDSTOREREMOVE=1\nFDNAME={NAME}\n"), None);
        }
    }
}

/// A memory file that holds the key, as long as it will ever be.
fn seal(signing: &Signing) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create(NAME, flags)?;
    let now = super::identity::monotonic_ns();
    let mut content = Zeroizing::new([0; CONTENT]);
    content[..KEY_BYTES].copy_from_slice(signing.key().secret_bytes());
    let ticks = signing.clock().ticks(MonotonicNs(now));
    content[KEY_BYTES..KEY_BYTES + 8].copy_from_slice(&ticks.to_le_bytes());
    content[KEY_BYTES + 8..].copy_from_slice(&now.to_le_bytes());
    let written = rustix::io::pwrite(&file, &content[..], 0)?;
    if written != CONTENT {
        return Err(io::ErrorKind::WriteZero.into());
    }
    // Not against writing: it must be possible to overwrite the key.
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// The key in a memory file; `None` when it holds none.
fn read(file: &OwnedFd, now: MonotonicNs) -> Option<Signing> {
    let mut content = Zeroizing::new([0; CONTENT]);
    let count = rustix::io::pread(file, &mut content[..], 0).ok()?;
    let (key, clock) = content.split_at(KEY_BYTES);
    let key: &[u8; KEY_BYTES] = key.try_into().ok()?;
    if count != CONTENT || *key == [0; KEY_BYTES] {
        return None;
    }
    let (ticks, then) = clock.split_at(8);
    let ticks = u64::from_le_bytes(ticks.try_into().ok()?);
    let then = u64::from_le_bytes(then.try_into().ok()?);
    let since = now.0.saturating_sub(then) / TICK_NS;
    // What the old process sent since may have been ahead of its clock by a little.
    let ticks = ticks
        .saturating_add(since)
        .saturating_add(NEW_STREAM_TICKS / 60);
    let clock = SigningClock::starting_at(ticks, now);
    Some(Signing::new(SigningKey::from_bytes(key), LINK_ID, clock))
}

/// The descriptor that the service manager kept for us.
fn handed_over() -> Option<OwnedFd> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    if number("LISTEN_PID") != Some(std::process::id()) {
        return None;
    }
    let count = RawFd::try_from(number("LISTEN_FDS")?).ok()?.min(HANDED_MAX);
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let index = names.split(':').position(|name| name == NAME)?;
    let index = RawFd::try_from(index).ok().filter(|index| *index < count)?;
    Some(own(FIRST_HANDED + index))
}

#[expect(
    unsafe_code,
    reason = "a descriptor that was handed over is a number and nothing else"
)]
fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: the service manager opened it for this process (LISTEN_PID is ours, the index below
    // LISTEN_FDS) and nothing else here looks at the handed-over numbers.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Tells the service manager something, with or without a descriptor; nothing when there is none.
fn notify(text: &str, fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let path = std::env::var("NOTIFY_SOCKET").map_err(|_| io::ErrorKind::NotFound)?;
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes())?,
        None => SocketAddrUnix::new(path.as_str())?,
    };
    let socket = socket(AddressFamily::UNIX, SocketType::DGRAM, None)?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds;
    if let Some(fd) = fd {
        fds = [fd];
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let slices = [io::IoSlice::new(text.as_bytes())];
    sendmsg_addr(
        &socket,
        &address,
        &slices,
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}
