//! Telling people outside the house: text messages. Always from a job, never inside a transaction.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt as _;

/// How long somebody who sends messages for us may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where text messages go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sms {
    /// Into the log, at `info`.
    #[default]
    Log,
    /// Into a file, one JSON line each: `{"to","text","code"}`.
    File(PathBuf),
    /// To somebody who sends them: a `POST` of the same JSON. Any 2xx is an answer.
    Http(String),
}

/// A text message.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// E.164.
    pub to: String,
    /// What the phone shows.
    pub text: String,
    /// The code in it, for whoever reads messages by program.
    pub code: String,
}

impl fmt::Debug for Message {
    /// Whom it is for and what it says is nobody else's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message(***)")
    }
}

/// A message did not leave the house; trying again may help.
#[derive(Debug, thiserror::Error)]
#[error("the message was not sent: {0}")]
pub struct NotSent(String);

/// Sends text messages. Clones share their connections.
#[derive(Debug, Clone, Default)]
pub struct Sender {
    sms: Sms,
    http: reqwest::Client,
}

impl Sender {
    pub fn new(sms: Sms) -> Self {
        Self { sms, http: reqwest::Client::new() }
    }

    /// Sends one message, at least once: whoever calls it again after a failure may send it twice.
    pub async fn send(&self, message: &Message) -> Result<(), NotSent> {
        match &self.sms {
            Sms::Log => {
                tracing::info!(to = message.to, text = message.text, "a text message (ORDERLY_SMS=log)");
                Ok(())
            }
            Sms::File(path) => append(path, message).await.map_err(|error| NotSent(format!("{}: {error}", path.display()))),
            Sms::Http(url) => {
                let sent = self.http.post(url).timeout(PATIENCE).json(message).send().await;
                // The address may hold a password of theirs: it stays out of the error.
                let answer = sent.map_err(|error| NotSent(error.without_url().to_string()))?;
                if answer.status().is_success() { Ok(()) } else { Err(NotSent(format!("they answered {}", answer.status()))) }
            }
        }
    }
}

/// Appends a line in one write, so that lines of several processes do not mix.
async fn append(path: &Path, message: &Message) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut file = tokio::fs::OpenOptions::new().create(true).append(true).open(path).await?;
    file.write_all(&line).await?;
    file.flush().await
}
