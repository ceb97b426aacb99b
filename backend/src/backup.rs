//! A shop as a file, and a shop from a file. The file is what the database's own tools make of it: of SQLite a database of its
//! own, of PostgreSQL what `pg_dump` writes. Everything of the shop is in it, the secret that signs cookies too; the book of the card
//! provider for demos (`pay-sim.db`) is not, for a card provider keeps its own.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::clock::Clock;
use crate::db::{self, Db, DbError};
use crate::identity::Secret;

/// Why there is no copy, or no shop of it. Nothing is half done.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A copy never takes the place of a file.
    #[error("{} is there already; name a new file", .0.display())]
    FileExists(PathBuf),
    /// The file is something else.
    #[error("{} is no backup of a shop", .0.display())]
    NoBackup(PathBuf),
    /// A shop stays with the kind of database that it was made with; of which kind the backup is.
    #[error("DATABASE_URL: this is a backup of a {0} database, and that is another")]
    OtherDatabase(&'static str),
    /// A restored shop never takes the place of another, nor mixes with it.
    #[error("DATABASE_URL: {0} has something in it already; name a database that is new, or move that one away")]
    NotBlank(String),
    /// The database itself says that its file is not whole.
    #[error("{} is damaged: {damage}", .file.display())]
    Damaged { file: PathBuf, damage: String },
    /// PostgreSQL's program is not there, or not to be run.
    #[error("{program} cannot be run ({error}); it comes with postgresql-client")]
    NoTool { program: &'static str, error: io::Error },
    /// What PostgreSQL's program said when it failed.
    #[error("{program}: {said}")]
    Tool { program: &'static str, said: String },
    /// A file cannot be read or written.
    #[error("{}: {error}", .file.display())]
    File { file: PathBuf, error: io::Error },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What a file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";
const POSTGRES: &[u8] = b"PGDMP";

/// Writes a copy of the shop, as it is at one moment, into a new file. A server may run meanwhile. `url`: the address that the database
/// was opened by.
pub async fn save(db: &Db, url: &Secret, file: &Path) -> Result<(), BackupError> {
    if file.exists() {
        return Err(BackupError::FileExists(file.to_owned()));
    }
    // Under its name there is only ever a whole one.
    let part = beside(file, &part_end());
    // With a secret in it, it is for its owner alone.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
    made.map_err(|error| BackupError::File { file: part.clone(), error })?;
    let written = async {
        if !db.copy_into(&part).await? {
            let target = [OsString::from("--file"), part.clone().into()];
            tool("pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges"].map(OsString::from).into_iter().chain(target))
                .await?;
        }
        settle(&part, file)
    };
    let result = written.await;
    if result.is_err() {
        // What went wrong is told; that a part of a file is left is no more news.
        let _ = fs::remove_file(&part);
    }
    result
}

/// Makes the database of a backup, at an address where there is none yet, and brings its schema up to date.
pub async fn restore(url: &Secret, file: &Path, clock: Clock) -> Result<(), BackupError> {
    let mut begins = Vec::new();
    let at_file = |error| BackupError::File { file: file.to_owned(), error };
    File::open(file).map_err(at_file)?.take(SQLITE.len() as u64).read_to_end(&mut begins).map_err(at_file)?;
    match db::file_of(url.expose()) {
        _ if !begins.starts_with(SQLITE) && !begins.starts_with(POSTGRES) => Err(BackupError::NoBackup(file.to_owned())),
        Some(target) if begins.starts_with(SQLITE) => restore_file(url, file, &target, clock).await,
        None if begins.starts_with(POSTGRES) => restore_dump(url, file, clock).await,
        Some(_) => Err(BackupError::OtherDatabase("PostgreSQL")),
        None => Err(BackupError::OtherDatabase("SQLite")),
    }
}

async fn restore_file(url: &Secret, file: &Path, target: &Path, clock: Clock) -> Result<(), BackupError> {
    // A log that another database has left would be played into this one.
    if let Some(there) = ["", "-wal", "-shm"].map(|end| beside(target, end)).into_iter().find(|path| path.exists()) {
        return Err(BackupError::NotBlank(there.display().to_string()));
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder).map_err(|error| BackupError::File { file: folder.to_owned(), error })?;
    }
    let end = part_end();
    let part = beside(target, &end);
    fs::copy(file, &part).map_err(|error| BackupError::File { file: part.clone(), error })?;
    let address = url.expose();
    let at = address.find('?').unwrap_or(address.len());
    let address = format!("{}{end}{}", &address[..at], &address[at..]);
    let result = async {
        let db = Db::open(&address, clock).await.map_err(|error| match error {
            // It would name the setting, and the file that it was copied into.
            DbError::Unusable(_) => BackupError::Damaged { file: file.to_owned(), damage: "it is no whole database".to_owned() },
            error => error.into(),
        })?;
        let sound = async {
            if let Some(damage) = db.damage().await? {
                return Err(BackupError::Damaged { file: file.to_owned(), damage });
            }
            if !db.is_shop().await? {
                return Err(BackupError::NoBackup(file.to_owned()));
            }
            Ok(db.migrate().await?)
        };
        let sound = sound.await;
        db.close().await;
        sound?;
        settle(&part, target)
    };
    let result = result.await;
    if result.is_err() {
        for end in ["", "-wal", "-shm"] {
            // What went wrong is told; what is left over is in nobody's way.
            let _ = fs::remove_file(beside(&part, end));
        }
    }
    result
}

async fn restore_dump(url: &Secret, file: &Path, clock: Clock) -> Result<(), BackupError> {
    let db = Db::open(url.expose(), clock.clone()).await?;
    let blank = db.is_blank().await;
    db.close().await;
    if !blank? {
        return Err(BackupError::NotBlank("this database".to_owned()));
    }
    // All of it, or nothing.
    let how = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"].map(OsString::from);
    tool("pg_restore", url, how.into_iter().chain([file.into()])).await?;
    let db = Db::open(url.expose(), clock).await?;
    let done = db.migrate().await;
    db.close().await;
    Ok(done?)
}

/// Runs one of PostgreSQL's programs on the database to its end.
async fn tool(program: &'static str, url: &Secret, args: impl Iterator<Item = OsString>) -> Result<(), BackupError> {
    let (url, password) = without_password(url.expose());
    let mut command = Command::new(program);
    command.args(args).args(["--no-password", "--dbname"]).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    let run = tokio::task::spawn_blocking(move || command.output()).await;
    let output = match run {
        Ok(output) => output.map_err(|error| BackupError::NoTool { program, error })?,
        Err(error) => return Err(BackupError::NoTool { program, error: io::Error::other(error) }),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(BackupError::Tool { program, said: if said.is_empty() { output.status.to_string() } else { said } })
}

/// The address without its password, which everybody on the machine would see in the list of processes, and the password. An address
/// may say it twice; the option is the one that counts.
fn without_password(url: &str) -> (String, Option<String>) {
    let Ok(mut parsed) = reqwest::Url::parse(url) else { return (url.to_owned(), None) };
    let (secret, options): (Vec<_>, Vec<_>) =
        parsed.query().unwrap_or_default().split('&').map(str::to_owned).partition(|option| option.starts_with("password="));
    let option = secret.last().map(|option| decoded(&option["password=".len()..]));
    let password = option.or_else(|| parsed.password().map(decoded));
    // One that cannot have a password has none.
    if password.is_none() || (parsed.password().is_some() && parsed.set_password(None).is_err()) {
        return (url.to_owned(), None);
    }
    if !secret.is_empty() {
        parsed.set_query(Some(options.join("&")).as_deref().filter(|options| !options.is_empty()));
    }
    (parsed.into(), password)
}

/// RFC 3986, 2.1. What is no such triple stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let triple = (byte == b'%').then(|| text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok())).flatten();
        out.push(triple.unwrap_or(byte));
        at += if triple.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What a file is called at its end while it is not whole: like no file that anybody has.
fn part_end() -> String {
    format!(".{}.part", uuid::Uuid::now_v7().simple())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Gives a whole file its name; both are on the disk then.
fn settle(part: &Path, file: &Path) -> Result<(), BackupError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(part)
        .and_then(|whole| whole.sync_all())
        .and_then(|()| fs::rename(part, file))
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|error| BackupError::File { file: file.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_among_the_arguments() {
        let (url, password) = without_password("postgres://kim:p%40ss%25w@db.example:5433/shop?sslmode=require");
        assert_eq!((url.as_str(), password.as_deref()), ("postgres://kim@db.example:5433/shop?sslmode=require", Some("p@ss%w")));
        let said_twice = without_password("postgres://kim:old@db/shop?sslmode=require&password=n%26ew");
        assert_eq!(said_twice, ("postgres://kim@db/shop?sslmode=require".to_owned(), Some("n&ew".to_owned())));
        assert_eq!(without_password("postgres:///shop?password=x"), ("postgres:///shop".to_owned(), Some("x".to_owned())));
        for without in ["postgres://kim@db/shop", "postgres:///shop?host=/run/postgresql"] {
            assert_eq!(without_password(without), (without.to_owned(), None));
        }
    }
}
