//! `spine receive`.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::{CommandError, Done, Outcome};
use crate::receiver::Receiver;
use crate::sink::FileSink;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Where batches are kept
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Where to listen; put a TLS terminator in front of anything but this machine
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// File with the bearer token that senders must have
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Refuse batches with a row that contains this, for drills
    #[arg(long, hide = true)]
    refuse: Option<String>,
}

impl Arguments {
    pub fn run(self) -> Done {
        let token = match &self.token_file {
            None => None,
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|error| CommandError::Other(format!("{}: {error}", path.display())))?
                    .trim()
                    .to_owned(),
            ),
        };
        let sink = FileSink::open(&self.to)?;
        let listener = TcpListener::bind(self.listen)
            .map_err(|error| CommandError::Other(format!("{}: {error}", self.listen)))?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{{\"listening\":\"{}\"}}", listener.local_addr()?)
            .and_then(|()| out.flush())?;
        drop(out);
        Arc::new(Receiver::new(sink, token, self.refuse)).serve(&listener)?;
        Ok(Outcome::Clean)
    }
}
