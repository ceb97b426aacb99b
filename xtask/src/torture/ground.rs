//! What the processes stand on: a folder, a small disk of its own for SQLite, or a private PostgreSQL and a broker.
#[path = "../../../backend/tests/it/support/cluster.rs"]
#[expect(dead_code, reason = "the tests share one, a torture has its own")]
mod cluster;

use super::Database;
use crate::toolchain;
use anyhow::{Context, Result, bail};
use cluster::Cluster;
use std::{
    fs::{self, File},
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// The disk of a SQLite shop, in MiB: room for a long run, and soon full with a balloon on it.
const DISK: u64 = 512;

pub struct Ground {
    folder: Folder,
    pub database_url: String,
    /// Where the balloon goes, where the disk can be filled.
    disk: Option<PathBuf>,
    mounted: bool,
    cluster: Option<Cluster>,
    broker: Option<Broker>,
    /// Why the disk is not filled, where it is not.
    whole: Option<String>,
}

/// A folder that goes away at the end, unless somebody wants to look.
enum Folder {
    Passing(Option<TempDir>, PathBuf),
    Kept(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Passing(_, path) | Self::Kept(path) => path,
        }
    }
}

pub struct Broker {
    pub address: SocketAddr,
    child: Child,
}

impl Ground {
    pub fn lay(database: Database, keep: Option<&Path>) -> Result<Self> {
        let folder = if let Some(path) = keep {
            fs::create_dir_all(path).with_context(|| format!("{} cannot be made", path.display()))?;
            Folder::Kept(path.canonicalize()?)
        } else {
            let folder = tempfile::Builder::new().prefix("orderly-torture-").tempdir()?;
            let path = folder.path().to_owned();
            Folder::Passing(Some(folder), path)
        };
        let mut ground = Self { folder, database_url: String::new(), disk: None, mounted: false, cluster: None, broker: None, whole: None };
        match database {
            Database::Sqlite => ground.lay_disk()?,
            Database::Postgres => {
                let cluster = Cluster::start();
                ground.database_url = cluster.new_database();
                ground.cluster = Some(cluster);
                ground.broker = Some(Broker::start()?);
            }
        }
        Ok(ground)
    }

    /// A PostgreSQL that waits for the disk, below this folder, and nothing else.
    pub fn with_durable_cluster(folder: &Path) -> Self {
        let cluster = Cluster::start_in(folder, true);
        Self {
            folder: Folder::Kept(folder.to_owned()),
            database_url: cluster.new_database(),
            disk: None,
            mounted: false,
            cluster: Some(cluster),
            broker: None,
            whole: None,
        }
    }

    /// Where PostgreSQL's socket is, and where its programs are.
    pub fn cluster_place(&self) -> Option<(&Path, &Path)> {
        self.cluster.as_ref().map(|cluster| (cluster.folder.path(), cluster.bin.as_path()))
    }

    /// A small file system in memory, so that it can be full. Mounting wants root and a kernel that lets us; without, the
    /// disk is left in peace.
    fn lay_disk(&mut self) -> Result<()> {
        let disk = self.folder.path().join("disk");
        fs::create_dir_all(&disk)?;
        let size = format!("size={DISK}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "orderly-torture"]).arg(&disk).stderr(Stdio::null()).status();
        if mounted.is_ok_and(|status| status.success()) {
            self.mounted = true;
            self.disk = Some(disk.clone());
        } else {
            self.whole = Some("the disk is never full, because a tmpfs cannot be mounted here (it wants root)".to_owned());
        }
        self.database_url = format!("sqlite:{}", disk.join("orderly.db").display());
        Ok(())
    }

    pub fn words(&self) -> String {
        match (&self.cluster, &self.whole) {
            (Some(_), _) => "two processes on PostgreSQL".to_owned(),
            (None, None) => "SQLite on a small disk".to_owned(),
            (None, Some(why)) => format!("SQLite; {why}"),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn broker(&self) -> Option<SocketAddr> {
        self.broker.as_ref().map(|broker| broker.address)
    }

    pub fn has_cluster(&self) -> bool {
        self.cluster.is_some()
    }

    pub fn can_be_full(&self) -> bool {
        self.disk.is_some()
    }

    /// Takes the rest of the disk, for so long.
    pub fn fill(&self, pause: Duration) -> Result<()> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let balloon = disk.join("balloon");
        let mut file = File::create(&balloon)?;
        let block = vec![0; 1 << 20];
        // Full is what we want.
        while file.write_all(&block).is_ok() {}
        std::thread::sleep(pause);
        drop(file);
        Ok(fs::remove_file(balloon)?)
    }

    /// Stops PostgreSQL in the middle of everything, and starts it again after so long.
    pub fn restart_cluster(&mut self, pause: Duration) {
        if let Some(cluster) = &mut self.cluster {
            cluster.pause();
            std::thread::sleep(pause);
            cluster.resume();
        }
    }

    /// Leaves everything where it is.
    pub fn keep(&mut self) -> PathBuf {
        let path = self.folder.path().to_owned();
        if self.mounted {
            // The disk goes with the mount: what is on it is copied beside it.
            let copy = path.join("kept");
            let copied = Command::new("cp").arg("-r").arg(path.join("disk")).arg(&copy).status();
            if !copied.is_ok_and(|status| status.success()) {
                eprintln!("the database could not be copied to {}", copy.display());
            }
        }
        if let Folder::Passing(folder, _) = &mut self.folder
            && let Some(folder) = folder.take()
        {
            let _ = folder.keep();
        }
        path
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(broker) = &mut self.broker {
            // It may have ended by itself.
            let _ = broker.child.kill();
            let _ = broker.child.wait();
        }
        if self.mounted {
            let disk = self.folder.path().join("disk");
            let gone = Command::new("umount").arg("--lazy").arg(&disk).status();
            if !gone.is_ok_and(|status| status.success()) {
                eprintln!("{} is still mounted", disk.display());
            }
        }
    }
}

impl Broker {
    fn start() -> Result<Self> {
        let address = free_address()?;
        let program = if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
        let child = Command::new(program)
            .args(["-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("two processes need a broker outside: apt-get install --no-install-recommends mosquitto")?;
        let mut broker = Self { address, child };
        for _ in 0..100 {
            if std::net::TcpStream::connect(address).is_ok() {
                return Ok(broker);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = broker.child.kill();
        bail!("mosquitto does not answer at {address}")
    }
}

/// A port that is free now. Somebody may take it before we do; then the start says so.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Runs a command of the shop to its end.
pub fn answer(mut command: Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().context(toolchain::shown(&command))?;
    if !output.status.success() {
        let told = [output.stdout, output.stderr].concat();
        bail!("{} failed: {}", toolchain::shown(&command), String::from_utf8_lossy(&told).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}
