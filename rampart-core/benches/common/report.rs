//! Markdown tables.

use std::time::Duration;

use super::rounds::Spread;

pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<const N: usize>(title: &str, columns: [&str; N]) -> Self {
        Self { title: title.to_owned(), rows: vec![columns.map(str::to_owned).to_vec(), vec!["---".to_owned(); N]] }
    }

    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(Vec::from(cells));
    }

    pub fn print(&self) {
        println!("\n### {}\n", self.title);
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
    }
}

/// A ratio with its spread.
pub fn times(ratio: Spread) -> String {
    format!("{:.3} ({:.3} to {:.3})", ratio.median, ratio.low, ratio.high)
}

pub fn micros(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}

/// Nanoseconds as microseconds.
pub fn nanos(time: Spread) -> String {
    format!("{:.3}", time.median / 1e3)
}
