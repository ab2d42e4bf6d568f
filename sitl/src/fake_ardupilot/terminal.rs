//! A pseudo-terminal: the companion opens its far end as a serial port.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// The near end. It never blocks.
#[derive(Debug)]
pub struct Terminal {
    file: File,
    device: PathBuf,
}

impl Terminal {
    /// A new pseudo-terminal.
    ///
    /// # Errors
    /// As the system has them.
    pub fn open() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        Ok(Self {
            file: File::from(master),
            device: PathBuf::from(name.to_string_lossy().into_owned()),
        })
    }

    /// The far end's device.
    #[must_use]
    pub fn device(&self) -> &Path {
        &self.device
    }
}

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
