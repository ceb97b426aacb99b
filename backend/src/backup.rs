//! A shop as a file, and a shop from a file. The file is what the database's own tools make of it: of SQLite a database of its
//! own, of PostgreSQL what `pg_dump` writes. Everything of the shop is in it, the secret that signs cookies too; the book of the card
//! provider for demos (`pay-sim.db`) is not, for a card provider keeps its own.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::catalog;
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
        settle(&part, file).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::FileExists(file.to_owned()),
            _ => BackupError::File { file: file.to_owned(), error },
        })
    };
    let result = written.await;
    // What went wrong is told; that a part of a file is left is no more news.
    let _ = fs::remove_file(&part);
    result
}

/// Makes the database of a backup, at an address where there is none yet, and brings its schema up to date. What the shop tells from then
/// on is newer than all that was told before, also of what came after the copy and is lost. No other process may have that
/// address open meanwhile: it would go on counting as before.
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
            renumber(&db).await?;
            Ok(db.migrate().await?)
        };
        let sound = sound.await;
        db.close().await;
        sound?;
        settle(&part, target).map_err(|error| match error.kind() {
            // A shop that was opened there while this one was made.
            io::ErrorKind::AlreadyExists => BackupError::NotBlank(target.display().to_string()),
            _ => BackupError::File { file: target.to_owned(), error },
        })
    };
    let result = result.await;
    for end in ["", "-wal", "-shm"] {
        // What went wrong is told; what is left over is in nobody's way.
        let _ = fs::remove_file(beside(&part, end));
    }
    result
}

async fn restore_dump(url: &Secret, file: &Path, clock: Clock) -> Result<(), BackupError> {
    let db = Db::open(url.expose(), clock).await?;
    let restored = async {
        // A server that starts meanwhile waits, instead of making the tables that are about to come.
        let alone = db.lock_schema().await?;
        let copied = async {
            if !db.is_blank().await? {
                return Err(BackupError::NotBlank("this database".to_owned()));
            }
            // All of it, or nothing.
            let how = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"].map(OsString::from);
            tool("pg_restore", url, how.into_iter().chain([file.into()])).await?;
            // Before a server that waits reads what to count from.
            Ok(renumber(&db).await?)
        };
        let copied = copied.await;
        let ended = db::unlock_schema(alone).await;
        copied?;
        ended?;
        Ok(db.migrate().await?)
    };
    let restored = restored.await;
    db.close().await;
    restored
}

/// Lets what the shop counts for the outside go on above all that it has ever been told.
async fn renumber(db: &Db) -> Result<(), DbError> {
    db.transaction(|tx| {
        Box::pin(async move {
            match db::renumber_in(tx).await? {
                Some(first) => catalog::renumber_menus_in(tx, first).await,
                None => Ok(()),
            }
        })
    })
    .await
}

/// Runs one of PostgreSQL's programs on the database to its end.
async fn tool(program: &'static str, url: &Secret, args: impl Iterator<Item = OsString>) -> Result<(), BackupError> {
    let (url, password) = for_libpq(url.expose());
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

/// The address as libpq reads it, and the password apart: everybody on the machine sees what a program is called with. sqlx knows
/// names for some options that libpq does not, and of its own ones a copy needs none.
fn for_libpq(url: &str) -> (String, Option<String>) {
    let Ok(mut parsed) = reqwest::Url::parse(url) else { return (url.to_owned(), None) };
    let mut password = parsed.password().map(decoded);
    let mut options = Vec::new();
    for (name, value) in parsed.query_pairs() {
        let name = match &*name {
            // An address may say it twice; this is the one that counts.
            "password" => {
                password = Some(value.into_owned());
                continue;
            }
            "sslmode" | "ssl-mode" => "sslmode",
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "sslrootcert",
            "sslcert" | "ssl-cert" => "sslcert",
            "sslkey" | "ssl-key" => "sslkey",
            "host" => "host",
            "hostaddr" => "hostaddr",
            "port" => "port",
            "dbname" => "dbname",
            "user" => "user",
            "options" => "options",
            _ => continue,
        };
        options.push((name, value.into_owned()));
    }
    if parsed.password().is_some() && parsed.set_password(None).is_err() {
        return (url.to_owned(), None);
    }
    parsed.query_pairs_mut().clear().extend_pairs(options);
    // A space is `+` in a form and nowhere else.
    let query = parsed.query().filter(|query| !query.is_empty()).map(|query| query.replace('+', "%20"));
    parsed.set_query(query.as_deref());
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

/// Gives a whole file its name, which nobody may have given to another meanwhile; both are on the disk then. The part stays.
fn settle(part: &Path, file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(part)?.sync_all()?;
    fs::hard_link(part, file)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_among_the_arguments() {
        for (given, url, password) in [
            (
                "postgres://kim:p%40ss%25w@db.example:5433/shop?sslmode=require",
                "postgres://kim@db.example:5433/shop?sslmode=require",
                Some("p@ss%w"),
            ),
            ("postgres://kim:old@db/shop?ssl-mode=require&password=n%26e+w", "postgres://kim@db/shop?sslmode=require", Some("n&e w")),
            ("postgres:///shop?password=x", "postgres:///shop", Some("x")),
            ("postgres://kim@db/shop", "postgres://kim@db/shop", None),
            ("postgres:///shop?host=/run/a+b&statement-cache-capacity=9", "postgres:///shop?host=%2Frun%2Fa%20b", None),
        ] {
            assert_eq!(for_libpq(given), (url.to_owned(), password.map(str::to_owned)));
        }
    }

    #[test]
    fn a_whole_file_takes_nobodys_place() {
        let folder = std::env::temp_dir().join(format!("orderly-settle-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir_all(&folder).unwrap();
        let (part, file, link) = (folder.join("shop.part"), folder.join("shop.db"), folder.join("link.db"));
        fs::write(&part, "new").unwrap();
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert_eq!(settle(&part, &link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        settle(&part, &file).unwrap();
        fs::write(&part, "newer").unwrap();
        assert_eq!(settle(&part, &file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::remove_dir_all(&folder).unwrap();
    }
}
