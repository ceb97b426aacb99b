//! The loop of `dev`: build, run, and again when a source file changes.
//!
//! It looks at the times of a few hundred files three times a second, which costs nothing and needs no library;
//! a build that fails leaves the last good server running.
use crate::{
    server, site,
    stamp::Fingerprint,
    workspace::{Mode, Workspace},
};
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    process::Child,
    thread::sleep,
    time::{Duration, Instant},
};

const WATCHED: [&str; 9] = ["Cargo.lock", "Cargo.toml", "app", "backend", "domain", "frontend", "public", "server", "style"];
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// The server drains within 10 s of SIGTERM.
const DRAIN: Duration = Duration::from_secs(10);

pub fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let mut running: Option<Child> = None;
    loop {
        let seen = sources(workspace);
        let started = Instant::now();
        match build(workspace) {
            Ok(binary) => {
                if let Some(old) = running.take() {
                    stop(old)?;
                }
                eprintln!("       Built in {:.1} s; watching for changes", started.elapsed().as_secs_f32());
                let child = server::command(workspace, &binary, args).spawn();
                running = Some(child.with_context(|| format!("{} did not start", binary.display()))?);
            }
            Err(error) => eprintln!("{error:#}\nWaiting for the next change."),
        }
        while sources(workspace) == seen {
            sleep(LOOK_EVERY);
        }
    }
}

fn build(workspace: &Workspace) -> Result<std::path::PathBuf> {
    site::build(workspace, Mode::Debug)?;
    server::build(workspace, Mode::Debug)
}

/// A fingerprint of all sources. An editor may replace a file just while it is looked at: then it looks again.
fn sources(workspace: &Workspace) -> String {
    loop {
        let all = WATCHED.iter().try_fold(Fingerprint::default(), |all, name| all.with_tree(&workspace.in_root(name)));
        match all {
            Ok(all) => return all.finish(),
            Err(_) => sleep(LOOK_EVERY),
        }
    }
}

/// Asks the server to drain, and ends it when it does not.
fn stop(mut server: Child) -> Result<()> {
    if server.try_wait()?.is_none()
        && let Some(pid) = i32::try_from(server.id()).ok().and_then(Pid::from_raw)
    {
        // It may have ended meanwhile, which is what is wanted.
        let _ = kill_process(pid, Signal::TERM);
        let asked = Instant::now();
        while server.try_wait()?.is_none() {
            if asked.elapsed() > DRAIN {
                server.kill()?;
            }
            sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}
