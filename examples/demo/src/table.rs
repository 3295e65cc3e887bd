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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Aim, attack};

    fn verdict(with: &str, faults: &[&str]) -> Verdict {
        Verdict {
            row: attack("no token", [], Aim::Statuses),
            without: "200".into(),
            with: with.into(),
            reason: "tokens.missing".into(),
            faults: faults.iter().map(|&fault| fault.into()).collect(),
        }
    }

    #[test]
    fn marks_a_row_that_differs_says_how_and_does_not_count_it() {
        let fine = verdict("401", &[]);
        let different = verdict("100 x 200", &["with: expected 401"]);
        let want = [
            "     what was tried | without | with      | reason",
            "   1 no token       | 200     | 401       | tokens.missing",
            "!  2 no token       | 200     | 100 x 200 | tokens.missing",
            "     with: expected 401",
            "1 of 2 as expected\n",
        ];
        assert_eq!(of(&[fine, different], false), want.join("\n"));
    }

    #[test]
    fn ends_with_a_plain_line_also_in_colours() {
        let table = of(&[verdict("401", &[])], true);
        assert!(table.contains(GREEN) && table.ends_with("\n1 of 1 as expected\n"), "{table}");
    }
}
