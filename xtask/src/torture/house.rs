//! The processes of the shop, and what starts them again when they end, as an init system would.
use super::ground::{Ground, answer, free_address};
use crate::load::http::Http;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, OpenOptions},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

const LOOK: Duration = Duration::from_millis(20);
/// What ended by itself is not started again at once: what was in its way may still be.
const PAUSE: Duration = Duration::from_millis(200);
const START: Duration = Duration::from_mins(1);
/// How long somebody may take to end of what they missed.
const AFTER_A_STORM: Duration = Duration::from_secs(15);

pub struct House {
    recipe: Recipe,
    pub servers: Vec<Arc<Process>>,
    /// The card provider: a process of its own, with books that survive it.
    pub provider: Option<Arc<Process>>,
    pub weather: Arc<Weather>,
    keepers: Mutex<Vec<JoinHandle<()>>>,
}

/// How the shop's commands are run.
struct Recipe {
    binary: PathBuf,
    folder: PathBuf,
    database_url: String,
    mqtt_url: Option<String>,
    pay_url: Option<String>,
}

impl Recipe {
    /// Where text messages go, one JSON line each.
    fn messages(&self) -> PathBuf {
        self.folder.join("messages.jsonl")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ORDERLY_") {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .current_dir(&self.folder)
            .env_remove("MQTT_URL")
            .env("DATABASE_URL", &self.database_url)
            .env("ORDERLY_DATA", &self.folder)
            .env("ORDERLY_MQTT_LISTEN", "off")
            .env("ORDERLY_LIMITS", "off")
            .env("ORDERLY_SMS", format!("file:{}", self.messages().display()))
            .env("RUST_LOG", "warn")
            .envs(self.mqtt_url.as_ref().map(|url| ("MQTT_URL", url)))
            .envs(self.pay_url.as_ref().map(|url| ("ORDERLY_PAY_URL", url)));
        command
    }
}

/// A process that is to run until the house is closed.
pub struct Process {
    pub name: String,
    pub address: SocketAddr,
    command: Mutex<Command>,
    child: Mutex<Option<Child>>,
    wanted: AtomicBool,
    /// It was we who ended it.
    expected: AtomicBool,
    /// How often it ended by itself because what it needs was away, as it may.
    ended: AtomicU32,
    /// The other times: it crashed, or left while it had all that it needs.
    crashed: Mutex<Vec<String>>,
    weather: Arc<Weather>,
}

/// Whether what is under the processes is broken.
#[derive(Default)]
pub struct Weather {
    bad: AtomicBool,
    /// When it became good again.
    since: Mutex<Option<Instant>>,
}

impl Weather {
    /// Breaks it for as long as `deed` takes.
    pub fn storm<T>(&self, deed: impl FnOnce() -> T) -> T {
        self.bad.store(true, Ordering::SeqCst);
        let done = deed();
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.bad.store(false, Ordering::SeqCst);
        done
    }

    /// It is bad, or was when somebody who ends now began to.
    fn excuses(&self) -> bool {
        self.bad.load(Ordering::SeqCst)
            || self.since.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|since| since.elapsed() < AFTER_A_STORM)
    }
}

impl Process {
    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Result<()> {
        let child = self.command.lock().unwrap_or_else(PoisonError::into_inner).spawn().with_context(|| format!("{} starts", self.name))?;
        *self.child() = Some(child);
        Ok(())
    }

    /// Sends a signal; false where there is no process now.
    pub fn signal(&self, signal: Signal) -> bool {
        let mut child = self.child();
        let Some(child) = child.as_mut() else { return false };
        // One that has ended and was not waited for must not be signalled: its number may be somebody else's.
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        if matches!(signal, Signal::KILL | Signal::TERM) {
            self.expected.store(true, Ordering::SeqCst);
        }
        kill_process(Pid::from_child(child), signal).is_ok()
    }

    /// Starts it again whenever it has ended.
    fn keep(&self) {
        while self.wanted.load(Ordering::SeqCst) {
            let ended = match self.child().as_mut().map(Child::try_wait) {
                Some(Ok(None)) => None,
                Some(Ok(Some(status))) => Some(format!("with {status}")),
                Some(Err(error)) => Some(format!("and nobody knows how: {error}")),
                None => Some("before it began".to_owned()),
            };
            if let Some(how) = ended {
                if !self.expected.swap(false, Ordering::SeqCst) {
                    // A start that is refused says so by 1; a panic or a signal is never right.
                    if how.ends_with("exit status: 1") && self.weather.excuses() {
                        self.ended.fetch_add(1, Ordering::SeqCst);
                    } else {
                        let mut crashed = self.crashed.lock().unwrap_or_else(PoisonError::into_inner);
                        crashed.push(format!("{} ended by itself, {how}", self.name));
                    }
                    std::thread::sleep(PAUSE);
                }
                if self.wanted.load(Ordering::SeqCst)
                    && let Err(error) = self.start()
                {
                    eprintln!("{error:#}");
                    std::thread::sleep(PAUSE);
                }
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Asks once whether it answers as it should.
    pub fn ready(&self, path: &str) -> bool {
        Http::new(self.address, Duration::from_secs(2)).send("GET", path, "", b"").is_ok_and(|reply| reply.status == 200)
    }

    pub fn wait_ready(&self, path: &str, until: Instant) -> Result<()> {
        while !self.ready(path) {
            if Instant::now() > until {
                bail!("{} is not ready", self.name);
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl House {
    /// Fills the shop and opens it.
    pub fn open(binary: PathBuf, ground: &Ground) -> Result<Self> {
        let mut recipe = Recipe {
            binary,
            folder: ground.path().to_owned(),
            database_url: ground.database_url.clone(),
            mqtt_url: ground.broker().map(|address| format!("mqtt://{address}")),
            pay_url: None,
        };
        answer(recipe.command(&["seed", "demo"]))?;
        let weather = Arc::<Weather>::default();
        // A binary that cannot run the card provider alone has it inside.
        let provider = if answer(recipe.command(&["pay-sim", "--help"])).is_ok() {
            let address = free_address()?;
            let books = recipe.folder.join("provider.db").display().to_string();
            let command = recipe.command(&["pay-sim", "--listen", &address.to_string(), "--data", &books]);
            recipe.pay_url = Some(format!("http://{address}"));
            Some(Arc::new(process("provider", address, command, &recipe, &weather)?))
        } else {
            println!("torture: the card provider is inside the servers and dies with them");
            None
        };
        let names: &[&str] = if ground.has_cluster() { &["server-a", "server-b"] } else { &["server"] };
        let mut servers = Vec::new();
        for name in names {
            let address = free_address()?;
            let mut command = recipe.command(&["serve"]);
            command.env("ORDERLY_LISTEN", address.to_string());
            servers.push(Arc::new(process(name, address, command, &recipe, &weather)?));
        }
        let house = Self { recipe, servers, provider, weather, keepers: Mutex::default() };
        house.heal()?;
        Ok(house)
    }

    /// A new token of somebody who works there.
    pub fn token(&self, role: &str, store: &str) -> Result<String> {
        answer(self.command(&["token", "issue", "--role", role, "--store", store, "--name", role]))
    }

    /// Where text messages go, one JSON line each.
    pub fn messages(&self) -> PathBuf {
        self.recipe.messages()
    }

    fn processes(&self) -> impl Iterator<Item = &Arc<Process>> {
        self.provider.iter().chain(&self.servers)
    }

    /// A command beside the running shop.
    pub fn command(&self, args: &[&str]) -> Command {
        self.recipe.command(args)
    }

    /// Everything runs again, and is ready.
    pub fn heal(&self) -> Result<()> {
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        if keepers.is_empty() {
            for process in self.processes() {
                process.start()?;
                let process = process.clone();
                keepers.push(std::thread::spawn(move || process.keep()));
            }
        }
        drop(keepers);
        for process in self.processes() {
            process.signal(Signal::CONT);
        }
        let until = Instant::now() + START;
        if let Some(provider) = &self.provider {
            provider.wait_ready("/healthz", until)?;
        }
        self.servers.iter().try_for_each(|server| server.wait_ready("/readyz", until))
    }

    /// How often somebody ended because what they need was away.
    pub fn ended(&self) -> u32 {
        self.processes().map(|process| process.ended.load(Ordering::SeqCst)).sum()
    }

    /// Stops everything by SIGTERM; what did not end as it should, now or before.
    pub fn close(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for process in self.processes() {
            process.wanted.store(false, Ordering::SeqCst);
        }
        for keeper in self.keepers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if keeper.join().is_err() {
                wrong.push("who keeps a process up ended in a panic".to_owned());
            }
        }
        for process in self.processes() {
            wrong.append(&mut process.crashed.lock().unwrap_or_else(PoisonError::into_inner));
        }
        for server in &self.servers {
            server.signal(Signal::TERM);
            let until = Instant::now() + Duration::from_secs(11);
            loop {
                match server.child().as_mut().map(Child::try_wait) {
                    Some(Ok(Some(status))) if status.success() => break,
                    Some(Ok(None)) if Instant::now() < until => std::thread::sleep(LOOK),
                    Some(Ok(status)) => {
                        wrong.push(format!("{} did not end by SIGTERM as it should: {status:?}", server.name));
                        break;
                    }
                    Some(Err(_)) | None => break,
                }
            }
        }
        wrong
    }
}

impl Drop for House {
    fn drop(&mut self) {
        for process in self.processes() {
            process.wanted.store(false, Ordering::SeqCst);
            process.signal(Signal::KILL);
            if let Some(mut child) = process.child().take() {
                let _ = child.wait();
            }
        }
    }
}

/// A process whose words go to a log of its own.
fn process(name: &str, address: SocketAddr, mut command: Command, recipe: &Recipe, weather: &Arc<Weather>) -> Result<Process> {
    let log = recipe.folder.join(format!("{name}.log"));
    fs::write(&log, "")?;
    let log = OpenOptions::new().append(true).open(log)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Ok(Process {
        name: name.to_owned(),
        address,
        command: Mutex::new(command),
        child: Mutex::default(),
        wanted: AtomicBool::new(true),
        expected: AtomicBool::new(false),
        ended: AtomicU32::new(0),
        crashed: Mutex::default(),
        weather: weather.clone(),
    })
}
