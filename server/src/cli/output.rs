//! What a command answers: lines, or JSON where it was asked for.

use std::io::{self, Write as _};

use serde::Serialize;

/// Where answers go.
pub struct Output(io::Stdout);

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self(io::stdout())
    }

    /// One line.
    pub fn line(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.0, "{text}")?;
        Ok(self.0.flush()?)
    }

    /// One line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        self.line(&serde_json::to_string(value)?)
    }

    /// Columns under their names, as wide as they need to be.
    pub fn table<const N: usize>(&mut self, names: [&str; N], rows: &[[String; N]]) -> anyhow::Result<()> {
        let names = names.map(str::to_owned);
        let width = |n: usize| rows.iter().chain([&names]).map(|row| row[n].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..N).map(width).collect();
        for row in [&names].into_iter().chain(rows) {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            self.line(cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}
