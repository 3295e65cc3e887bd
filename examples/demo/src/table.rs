//! The table for people.

use std::fmt::Write;

use crate::play::Verdict;

const HEADS: [&str; 4] = ["what was tried", "without", "with", "reason"];
/// Terminal colours (ECMA-48, 8.3.117).
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// A line for each row; below one that differs, how. The last line counts those that are as expected.
pub(crate) fn of(verdicts: &[Verdict], colours: bool) -> String {
    let paint = |colour: &'static str| if colours { colour } else { "" };
    let plain = paint(PLAIN);
    let widths = widths(verdicts);
    let line = |cells: [&str; 4]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
    };

    let mut table = format!("{}     {}{plain}\n", paint(BOLD), line(HEADS));
    for (at, verdict) in verdicts.iter().enumerate() {
        let (colour, mark) = if verdict.as_expected() { (paint(GREEN), ' ') } else { (paint(RED), '!') };
        let number = at.saturating_add(1);
        let _ = writeln!(table, "{colour}{mark}{number:>3}{plain} {}", line(cells(verdict)));
        for fault in &verdict.faults {
            let _ = writeln!(table, "{colour}     {}{plain}", fault.trim_end().replace('\n', "\n     "));
        }
    }
    let fine = verdicts.iter().filter(|verdict| verdict.as_expected()).count();
    let _ = writeln!(table, "{fine} of {} as expected", verdicts.len());
    table
}

fn cells(verdict: &Verdict) -> [&str; 4] {
    [verdict.row.tried, &verdict.without, &verdict.with, &verdict.reason]
}

fn widths(verdicts: &[Verdict]) -> [usize; 4] {
    let mut widths = HEADS.map(str::len);
    for cells in verdicts.iter().map(cells) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    widths
}
