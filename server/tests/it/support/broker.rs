//! Brokers outside: real ones on free ports, which a test may stop and start again.

use std::fs::Permissions;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A broker that is asked to start does so within this.
const LIMIT: Duration = Duration::from_secs(30);

/// Ports of this machine that were free a moment ago.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

fn spawn(program: &str, package: &str, config: &Path) -> Child {
    let mut command = Command::new(program);
    command.args(["-c", config.to_str().expect("UTF-8")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not run ({error}): install Debian's {package}, or run scripts/install.sh unit"))
}

/// Waits until somebody listens there.
fn wait_for(port: u16, child: &mut Child) {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(child.try_wait().expect("a child").is_none(), "the broker on port {port} ended at once");
        assert!(begun.elapsed() < LIMIT, "the broker on port {port} did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Mosquitto, which keeps nothing on disk: after a stop it has forgotten everything.
pub struct Mosquitto {
    folder: TempDir,
    pub port: u16,
    child: Option<Child>,
}

impl Mosquitto {
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder"), "")
    }

    /// Where everybody has these rights, as a line of its list says.
    pub fn start_with_rights(rights: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let list = folder.path().join("rights");
        std::fs::write(&list, rights).expect("a file");
        // It reads the list as another user.
        let open = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
        open(folder.path(), 0o755);
        open(&list, 0o644);
        Self::start_in(folder, &format!("acl_file {}\n", list.display()))
    }

    fn start_in(folder: TempDir, more: &str) -> Self {
        let [port] = free_ports();
        let config =
            format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nsys_interval 1\nset_tcp_nodelay true\n{more}");
        std::fs::write(folder.path().join("mosquitto.conf"), config).expect("a file");
        let mut broker = Self { folder, port, child: None };
        broker.start_again();
        broker
    }

    /// Everybody has these rights from now on.
    pub fn set_rights(&self, rights: &str) {
        std::fs::write(self.folder.path().join("rights"), rights).expect("a file");
        let child = self.child.as_ref().expect("the broker runs");
        kill_process(Pid::from_child(child), Signal::HUP).expect("the broker runs");
    }

    pub fn start_again(&mut self) {
        let path = if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
        let child = self.child.insert(spawn(path, "mosquitto", &self.folder.path().join("mosquitto.conf")));
        wait_for(self.port, child);
    }

    pub fn stop(&mut self) {
        end(&mut self.child);
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A NATS cluster of three nodes that speak MQTT.
pub struct Nats {
    folder: TempDir,
    ports: [u16; 3],
    nodes: [Option<Child>; 3],
}

impl Nats {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (clients, routes, ports): ([u16; 3], [u16; 3], [u16; 3]) = (free_ports(), free_ports(), free_ports());
        let all = routes.map(|port| format!("nats-route://127.0.0.1:{port}")).join(", ");
        for n in 0..3 {
            let store = folder.path().join(format!("node-{n}"));
            let config = format!(
                "server_name: node-{n}\nlog_file: \"{}\"\nlisten: \"127.0.0.1:{}\"\njetstream {{ store_dir: \"{}\" }}\nmqtt {{ listen: \"127.0.0.1:{}\" }}\n\
                 cluster {{ name: orderly, listen: \"127.0.0.1:{}\", routes: [{all}] }}\n",
                store.with_extension("log").display(),
                clients[n],
                store.display(),
                ports[n],
                routes[n]
            );
            std::fs::write(store.with_extension("conf"), config).expect("a file");
        }
        let mut cluster = Self { folder, ports, nodes: [None, None, None] };
        // All, before one is waited for: alone none of them serves MQTT.
        for n in 0..3 {
            cluster.spawn(n);
        }
        for n in 0..3 {
            cluster.wait_for(n);
        }
        cluster
    }

    fn spawn(&mut self, node: usize) {
        let path = if Path::new("/usr/sbin/nats-server").exists() { "/usr/sbin/nats-server" } else { "nats-server" };
        self.nodes[node] = Some(spawn(path, "nats-server", &self.folder.path().join(format!("node-{node}.conf"))));
    }

    fn wait_for(&mut self, node: usize) {
        wait_for(self.ports[node], self.nodes[node].as_mut().expect("just started"));
    }

    pub fn kill(&mut self, node: usize) {
        end(&mut self.nodes[node]);
    }

    /// With what it had kept.
    pub fn start_again(&mut self, node: usize) {
        self.spawn(node);
        self.wait_for(node);
    }

    /// All nodes, this one first.
    pub fn url(&self, first: usize) -> String {
        let nodes = [0, 1, 2].map(|n| format!("127.0.0.1:{}", self.ports[(first + n) % 3]));
        format!("mqtt://{}", nodes.join(","))
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(end);
        if std::thread::panicking() {
            for n in 0..3 {
                let log = std::fs::read_to_string(self.folder.path().join(format!("node-{n}.log"))).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                eprintln!("node {n} said at last:\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
            }
        }
    }
}
