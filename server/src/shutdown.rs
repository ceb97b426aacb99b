//! How a server ends: nothing new is begun, what has begun is finished, and all of it within ten seconds.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long what has begun may take after the signal.
pub const GRACE: Duration = Duration::from_secs(8);
/// How long the databases may take to be closed after that: one that hangs says no good-bye.
pub const CLOSE: Duration = Duration::from_millis(1_500);

/// The signals that ask a process to stop: SIGTERM, and SIGINT from a terminal.
pub struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on they are heard instead of ending the process.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves when one comes.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => tracing::info!("SIGTERM: finishing what has begun"),
            _ = self.interrupt.recv() => tracing::info!("SIGINT: finishing what has begun"),
        }
    }
}
