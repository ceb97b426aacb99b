//! Who breaks things. What it does and when is drawn from the seed; what that meets is not in anybody's hand.
use super::{
    ground::Ground,
    house::{House, Process},
};
use crate::load::chance::Chance;
use anyhow::Result;
use rustix::process::Signal;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub struct Monkey {
    chance: Chance,
    house: Arc<House>,
    ground: Ground,
    done: BTreeMap<&'static str, u32>,
}

#[derive(Clone, Copy)]
enum Deed {
    /// SIGKILL to a server.
    Kill,
    /// SIGKILL to a server that is just starting.
    KillTwice,
    /// SIGSTOP for less or more than a lease lasts, then SIGCONT.
    Pause,
    /// SIGTERM: also a good end must lose nothing.
    Stop,
    KillProvider,
    PauseProvider,
    /// PostgreSQL ends and comes back.
    Database,
    /// No byte is left on SQLite's disk.
    Disk,
}

impl Monkey {
    pub fn new(seed: u64, house: Arc<House>, ground: Ground) -> Self {
        Self { chance: Chance::of(seed, 0), house, ground, done: BTreeMap::new() }
    }

    /// Breaks things until so many processes were killed, or the time is over.
    pub fn rage(&mut self, kills: u32, until: Instant) -> Result<()> {
        let mut deeds = vec![
            (60, Deed::Kill),
            (10, Deed::KillTwice),
            (8, Deed::Pause),
            (4, Deed::Stop),
            (8, Deed::KillProvider),
            (4, Deed::PauseProvider),
        ];
        if self.ground.has_cluster() {
            deeds.push((6, Deed::Database));
        }
        if self.ground.can_be_full() {
            deeds.push((6, Deed::Disk));
        }
        let mut told = Instant::now();
        while self.kills() < kills && Instant::now() < until {
            let rest = self.chance.millis(100, 1500);
            std::thread::sleep(rest);
            let deed = self.chance.weighted(&deeds);
            self.act(deed)?;
            if told.elapsed() > Duration::from_secs(30) {
                println!("  {}", self.words());
                told = Instant::now();
            }
        }
        Ok(())
    }

    fn act(&mut self, deed: Deed) -> Result<()> {
        let which = self.chance.below(self.house.servers.len() as u64) as usize;
        let server = self.house.servers[which].clone();
        let provider = self.house.provider.clone();
        match deed {
            Deed::Kill => self.kill(&server),
            Deed::KillTwice => {
                self.kill(&server);
                std::thread::sleep(self.chance.millis(20, 700));
                self.kill(&server);
            }
            Deed::Pause => {
                let pause = self.chance.weighted(&[(3, 700), (2, 3_000), (3, 8_000)]);
                self.pause(&server, "paused", Duration::from_millis(pause));
            }
            Deed::Stop => {
                if server.signal(Signal::TERM) {
                    self.count("stopped");
                }
            }
            Deed::KillProvider => {
                if provider.is_some_and(|provider| provider.signal(Signal::KILL)) {
                    self.count("card provider killed");
                }
            }
            Deed::PauseProvider => {
                let pause = self.chance.millis(500, 9_000);
                if let Some(provider) = provider {
                    self.pause(&provider, "card provider paused", pause);
                }
            }
            Deed::Database => {
                let pause = self.chance.millis(0, 4_000);
                let ground = &mut self.ground;
                self.house.weather.storm(|| ground.restart_cluster(pause));
                self.count("database restarted");
            }
            Deed::Disk => {
                let pause = self.chance.millis(200, 3_000);
                self.house.weather.storm(|| self.ground.fill(pause))?;
                self.count("disk full");
            }
        }
        Ok(())
    }

    fn kill(&mut self, server: &Process) {
        if server.signal(Signal::KILL) {
            self.count("killed");
        }
    }

    fn pause(&mut self, process: &Process, what: &'static str, pause: Duration) {
        if process.signal(Signal::STOP) {
            std::thread::sleep(pause);
            process.signal(Signal::CONT);
            self.count(what);
        }
    }

    /// How many processes were killed.
    pub fn kills(&self) -> u32 {
        self.done.get("killed").copied().unwrap_or_default()
    }

    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    pub fn words(&self) -> String {
        let ended = Some(("ended by itself meanwhile", self.house.ended())).filter(|(_, times)| *times > 0);
        let done = self.done.iter().map(|(what, times)| (*what, *times)).chain(ended);
        done.map(|(what, times)| format!("{times} × {what}")).collect::<Vec<_>>().join(", ")
    }

    /// Leaves the ground to whoever wants to look at it.
    pub fn keep_ground(&mut self) -> PathBuf {
        self.ground.keep()
    }
}
