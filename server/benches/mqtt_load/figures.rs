//! What was measured, beside what is to be reached.

use anyhow::{Result, ensure};

/// The figures of one run.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

struct Figure {
    what: String,
    measured: f64,
    unit: &'static str,
    at_most: f64,
}

impl Figure {
    fn is_reached(&self) -> bool {
        self.measured <= self.at_most
    }
}

impl Figures {
    pub fn note(&mut self, what: impl Into<String>, measured: f64, unit: &'static str, at_most: f64) {
        self.0.push(Figure { what: what.into(), measured, unit, at_most });
    }

    /// Prints all of them with the machine they were measured on; an error where one was not reached.
    pub fn conclude(self) -> Result<()> {
        println!("\n{}", machine());
        for figure in &self.0 {
            let verdict = if figure.is_reached() { "reached" } else { "MISSED" };
            println!("{:<72} {:>9.2} {:<4} ≤ {:>6} {verdict}", figure.what, figure.measured, figure.unit, figure.at_most);
        }
        let missed = self.0.iter().filter(|figure| !figure.is_reached()).count();
        ensure!(missed == 0, "{missed} of {} figures were missed", self.0.len());
        Ok(())
    }
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let [cpu, memory] = [("/proc/cpuinfo", "model name"), ("/proc/meminfo", "MemTotal")].map(|(path, name)| {
        let text = read(path);
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim_start_matches([':', ' ', '\t']).trim().to_owned()
    });
    let gib = memory.trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / f64::from(1 << 20);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cores} × {cpu}, {gib:.0} GiB, Linux {}, load {load}", read("/proc/sys/kernel/osrelease").trim())
}
