//! A private PostgreSQL: one for the whole test binary, or one of its own for a test that stops it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// PostgreSQL refuses to run as root, so root runs it as nobody.
const NOBODY: u32 = 65_534;

/// Starts the server, says when it is up, and ends it when its input ends, which also happens when the test process is
/// killed. Then it removes the folder, because nobody else is left to do so.
const KEEPER: &str = r#"
"$BIN/postgres" -D "$DIR/data" -k "$DIR" -c listen_addresses= -c max_connections=400 -c fsync="$SYNC" \
    -c full_page_writes="$SYNC" -c shared_buffers=32MB -c log_min_messages=fatal -c lc_messages=C >"$DIR/log" 2>&1 &
server=$!
until "$BIN/pg_isready" -q -h "$DIR"; do
    kill -0 $server 2>/dev/null || { cat "$DIR/log" >&2; exit 1; }
    sleep 0.05
done
echo up
read -r how
kill -INT $server
wait $server
[ "$how" = pause ] || { cd /; rm -rf "$DIR"; }
"#;

/// A running server, reached by a socket in its folder.
pub struct Cluster {
    /// Its data, and the socket by which it is reached.
    pub folder: TempDir,
    /// Where its programs are.
    pub bin: PathBuf,
    keeper: Option<(Child, ChildStdin)>,
    databases: AtomicU32,
    /// Whether what is committed is on the disk.
    durable: bool,
}

impl Cluster {
    /// The one that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Makes a new one and starts it.
    pub fn start() -> Self {
        Self::start_in(&std::env::temp_dir(), false)
    }

    /// Makes one below this folder; a durable one waits for the disk, as it would in earnest.
    pub fn start_in(place: &Path, durable: bool) -> Self {
        let bin = programs();
        let folder = tempfile::Builder::new().prefix("orderly-pg-").tempdir_in(place).expect("a temporary folder");
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("the folder is given to nobody");
        }
        let data = folder.path().join("data");
        let initdb = as_nobody(&bin.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(data)
            .current_dir(folder.path())
            .output()
            .expect("initdb runs");
        assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
        let mut cluster = Self { folder, bin, keeper: None, databases: AtomicU32::new(0), durable };
        cluster.resume();
        cluster
    }

    /// Stops the server; its data stays.
    pub fn pause(&mut self) {
        self.end("pause\n");
    }

    /// Starts the server again.
    pub fn resume(&mut self) {
        let mut keeper = as_nobody(Path::new("/bin/sh"))
            .args(["-c", KEEPER])
            .env("BIN", &self.bin)
            .env("DIR", self.folder.path())
            .env("SYNC", if self.durable { "on" } else { "off" })
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell runs");
        let stdin = keeper.stdin.take().expect("its input is a pipe");
        let mut line = String::new();
        let stdout = keeper.stdout.take().expect("its output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("it says something");
        assert_eq!(line, "up\n", "PostgreSQL does not start");
        self.keeper = Some((keeper, stdin));
    }

    /// Makes an empty database; its address.
    pub fn new_database(&self) -> String {
        let name = format!("shop_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = Command::new(self.bin.join("psql"))
            .args(["-X", "-q", "-U", "postgres", "-d", "postgres", "-c", &format!("create database {name}"), "-h"])
            .arg(self.folder.path())
            .output()
            .expect("psql runs");
        assert!(made.status.success(), "psql: {}", String::from_utf8_lossy(&made.stderr));
        format!("postgres://postgres@localhost/{name}?host={}", self.folder.path().display())
    }

    fn end(&mut self, how: &str) {
        use std::io::Write as _;
        if let Some((mut keeper, mut stdin)) = self.keeper.take() {
            // If the keeper is gone already there is nothing to tell it.
            let _ = stdin.write_all(how.as_bytes());
            drop(stdin);
            keeper.wait().expect("the keeper ends");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end("stop\n");
    }
}

/// Where Debian, or somebody's PATH, has the server's programs; Debian's newest first.
fn programs() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = installed.map(|version| version.path().join("bin")).collect();
    folders.sort_by(|a, b| b.cmp(a));
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let complete = |folder: &PathBuf| ["initdb", "postgres", "pg_isready", "psql"].iter().all(|name| folder.join(name).exists());
    let found = folders.into_iter().find(complete);
    found.expect("these tests need PostgreSQL: apt-get install --no-install-recommends postgresql")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn as_nobody(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    command
}
