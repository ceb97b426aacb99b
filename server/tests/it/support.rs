//! A real `orderly` process with a database of its own, and clients that speak HTTP to it.

mod broker;
mod client;
#[path = "../../../backend/tests/it/support/cluster.rs"]
mod cluster;
mod contract;
mod tab;

use std::future::Future;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use backend::args;
use backend::clock::Clock;
use backend::db::{Db, DbError, Sql as _};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

pub use broker::{Mosquitto, Nats};
pub use client::{Client, Reply};
pub use cluster::Cluster;
pub use tab::Tab;

/// No test may take longer: one that waits for what never comes fails instead of hanging.
const LIMIT: Duration = Duration::from_mins(2);

/// Where a server of a test keeps everything. It stays while servers come and go.
pub struct Place {
    folder: TempDir,
    pub database_url: String,
}

impl Place {
    pub fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database_url = format!("sqlite:{}", folder.path().join("orderly.db").display());
        Self { folder, database_url }
    }

    pub fn on_postgres() -> Self {
        Self::on(Cluster::shared())
    }

    /// On a PostgreSQL that the test may stop.
    pub fn on(cluster: &Cluster) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), database_url: cluster.new_database() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Another folder at the same database, for a second process.
    pub fn beside(&self) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), database_url: self.database_url.clone() }
    }

    /// The program with this place's settings and nobody else's.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orderly"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ORDERLY_") {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_remove("MQTT_URL")
            .env("RUST_LOG", "warn")
            .env("DATABASE_URL", &self.database_url)
            .env("ORDERLY_DATA", self.folder.path())
            .env("ORDERLY_LISTEN", "127.0.0.1:0")
            .env("ORDERLY_MQTT_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The server, started by a shell that does something before.
    pub fn server_after(&self, before: &str) -> Command {
        let plain = self.command(&[]);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before} && exec \"$0\"")]).arg(plain.get_program()).current_dir(self.folder.path());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("orderly runs")
    }

    /// What a command that succeeds prints, without the line's end.
    pub fn answer(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "orderly {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }

    /// What a command that fails says: one line, and its exit code.
    pub fn refusal(&self, args: &[&str]) -> (String, Option<i32>) {
        refusal(self.command(args))
    }

    /// Changes the database behind everybody's back; `$1` is an empty blob.
    pub async fn execute(&self, sql: &'static str) {
        Self::execute_at(&self.database_url, sql).await;
    }

    /// Changes the books of the card provider inside behind everybody's back; `$1` is an empty blob.
    pub async fn execute_at_bank(&self, sql: &'static str) {
        Self::execute_at(&format!("sqlite:{}", self.path().join("pay-sim.db").display()), sql).await;
    }

    /// Changes a setting of its PostgreSQL database, and ends all connections, which have the old one.
    pub fn alter_database(&self, change: &str) {
        let name = self.database_url.split(['/', '?']).nth(3).expect("a database's name");
        let anew = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
        let cluster = Cluster::shared();
        let mut psql = Command::new(cluster.bin.join("psql"));
        psql.args(["-X", "-q", "-U", "postgres", "-d", "postgres", "-c", &format!("alter database {name} {change}"), "-c", &anew, "-h"]);
        let done = psql.arg(cluster.folder.path()).output().expect("psql runs");
        assert!(done.status.success(), "psql: {}", String::from_utf8_lossy(&done.stderr));
    }

    async fn execute_at(url: &str, sql: &'static str) {
        let db = Db::open(url, Clock::system()).await.expect("the database opens");
        let done: Result<u64, DbError> =
            db.transaction(move |tx| Box::pin(async move { tx.execute(sql, args![Vec::<u8>::new()]).await })).await;
        done.expect("the statement runs");
        db.close().await;
    }
}

/// What a command that fails says: one line, and its exit code.
pub fn refusal(mut command: Command) -> (String, Option<i32>) {
    let output = command.output().expect("orderly runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!output.status.success(), "it should have been refused");
    assert_eq!(text.lines().count(), 1, "one line, not {text:?}");
    (text.trim_end().to_owned(), output.status.code())
}

/// A running server. Dropping it kills it.
pub struct Server {
    pub place: Place,
    pub url: String,
    child: Child,
    stderr: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts a server at the place and waits until it says where it is.
    pub fn start(place: Place) -> Self {
        Self::start_with(place, &[])
    }

    pub fn start_with(place: Place, settings: &[(&str, &str)]) -> Self {
        let mut command = place.command(&[]);
        command.envs(settings.iter().copied());
        Self::start_by(place, command)
    }

    pub fn start_by(place: Place, mut command: Command) -> Self {
        let mut child = command.spawn().expect("orderly starts");
        let mut stderr = child.stderr.take().expect("a pipe");
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            // What is no UTF-8 is no log of ours; the test fails on what it misses.
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let stdout = child.stdout.take().expect("a pipe");
        let (tell, told) = mpsc::channel();
        // Read to its end, or the server would wait for us.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.trim().strip_prefix("HTTP at ") {
                    // The test may have given up.
                    let _ = tell.send(format!("http://{}", address.trim()));
                }
            }
        });
        let Ok(url) = told.recv_timeout(LIMIT) else {
            let _ = child.kill();
            panic!("orderly did not open: {}", stderr.join().unwrap_or_default());
        };
        Self { place, url, child, stderr: Some(stderr) }
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// SIGTERM, without waiting.
    pub fn ask_to_stop(&self) {
        kill_process(self.pid(), Signal::TERM).expect("the server runs");
    }

    /// As on a disk that is full, no file takes a byte more, or as before. A process that does not ignore SIGXFSZ is killed by it.
    pub fn fill_disk(&self, full: bool) {
        let limit = Rlimit { current: full.then_some(0), maximum: None };
        prlimit(Some(self.pid()), Resource::Fsize, limit).expect("a process that runs has limits");
    }

    /// Waits for the end, at most so long; what it was and what was logged.
    pub fn ended(mut self, within: Duration) -> (ExitStatus, String, Place) {
        let deadline = Instant::now() + within;
        let status = loop {
            match self.child.try_wait().expect("a child") {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!("the server did not end within {within:?}"),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let log = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let place =
            std::mem::replace(&mut self.place, Place { folder: tempfile::tempdir().expect("a folder"), database_url: String::new() });
        (status, log, place)
    }

    /// SIGKILL: no goodbye, as after a power cut.
    pub fn kill(self) -> Place {
        kill_process(self.pid(), Signal::KILL).expect("the server runs");
        self.ended(Duration::from_secs(10)).2
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Somebody without cookie and token.
    pub fn nobody(&self) -> Client {
        Client::new(&self.url)
    }

    /// A browser with a guest's cookie.
    pub async fn guest(&self) -> Client {
        let nobody = self.nobody();
        let reply = nobody.send(nobody.request(reqwest::Method::POST, "/session")).await;
        assert_eq!(reply.status, reqwest::StatusCode::NO_CONTENT);
        nobody.with_cookie(reply.cookie().expect("a session"))
    }

    /// A device of a store, by a new token.
    pub fn token(&self, role: &str, store: &str) -> Client {
        let token = self.place.answer(&["token", "issue", "--role", role, "--store", store]);
        self.nobody().with_token(&token)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a test with a server on this place.
pub fn run<F: Future<Output = ()>>(place: Place, test: impl FnOnce(Server) -> F) {
    run_with(place, &[], test);
}

/// The same with settings.
pub fn run_with<F: Future<Output = ()>>(place: Place, settings: &[(&str, &str)], test: impl FnOnce(Server) -> F) {
    run_within(LIMIT, place, settings, test);
}

/// The same for what may take longer.
pub fn run_within<F: Future<Output = ()>>(limit: Duration, place: Place, settings: &[(&str, &str)], test: impl FnOnce(Server) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let server = Server::start_with(place, settings);
    runtime.block_on(async { tokio::time::timeout(limit, test(server)).await.expect("the test ends in time") });
}

/// Runs each of these tests, `async fn name(server: Server)`, on both databases: `name::on_sqlite` and `name::on_postgres`.
macro_rules! on_both_databases {
    ($($name:ident)*) => {$(
        mod $name {
            #[test]
            fn on_sqlite() {
                $crate::support::run($crate::support::Place::on_sqlite(), super::$name);
            }

            #[test]
            fn on_postgres() {
                $crate::support::run($crate::support::Place::on_postgres(), super::$name);
            }
        }
    )*};
}
pub(crate) use on_both_databases;
