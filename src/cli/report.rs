//! All that was found in a policy, for people and for programs.

use std::fmt;

use serde_json::Value;
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::load::Files;
use crate::document::Printable;
use crate::fault::Place;
use crate::fault::Problem;
use crate::fault::Remark;

/// How much of a long line stands on either side of the column in question.
const AROUND: usize = 60;

/// The problems and findings of one policy, in the order found. Displays as text, with the lines that they are about.
pub(crate) struct Report {
    files: Files,
    problems: Vec<Problem>,
    findings: Vec<Remark>,
}

impl Report {
    pub(crate) fn new(files: Files, problems: Vec<Problem>, findings: Vec<Remark>) -> Self {
        Self { files, problems: once(problems), findings: once(findings) }
    }

    pub(crate) fn exit(&self) -> Exit {
        match (self.problems.as_slice(), self.findings.as_slice()) {
            ([], []) => Exit::Fine,
            ([], _) => Exit::Findings,
            _ => Exit::Broken,
        }
    }

    /// `2 problems, 1 finding`; what there is none of is left out.
    pub(crate) fn counts(&self) -> String {
        let counts = [(self.problems.len(), "problem"), (self.findings.len(), "finding")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        counts.map(|(count, word)| format!("{count} {word}{}", plural(*count))).collect::<Vec<_>>().join(", ")
    }

    /// `{"problems": [{file, line, column, at, message}], "findings": [{..., kind}]}`. Lines and columns count from 1;
    /// `file`, `line` and `column` are null together, where a problem has no line of its own.
    pub(crate) fn json(&self) -> Value {
        let problem = |it: &Problem| entry(&it.at, &it.fault.to_string());
        let finding = |it: &Remark| {
            let mut entry = entry(&it.at, &it.text);
            if let Some(fields) = entry.as_object_mut() {
                fields.insert("kind".into(), it.kind.into());
            }
            entry
        };
        json!({
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    }
}

/// The same thing found twice (behind an alias, say) is worth one entry.
fn once<T: fmt::Display>(found: Vec<T>) -> Vec<T> {
    let mut seen = std::collections::HashSet::new();
    found.into_iter().filter(|it| seen.insert(it.to_string())).collect()
}

fn entry(at: &Place, message: &str) -> Value {
    let mark = at.mark();
    json!({
        "file": mark.map(|mark| &*mark.file),
        "line": mark.map(|mark| mark.line),
        "column": mark.map(|mark| mark.column),
        "at": at.pointer(),
        "message": message,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            self.show(f, &problem.at, problem)?;
        }
        for finding in &self.findings {
            self.show(f, &finding.at, finding)?;
        }
        Ok(())
    }
}

impl Report {
    fn show(&self, f: &mut fmt::Formatter<'_>, at: &Place, sentence: &dyn fmt::Display) -> fmt::Result {
        // A key can hold anything: nothing of it moves a terminal's cursor or starts a line of its own.
        writeln!(f, "{}", Printable(&sentence.to_string()))?;
        let line = at.mark().and_then(|mark| Some((mark, self.files.line(&mark.file, mark.line)?)));
        if let Some((mark, line)) = line {
            let number = mark.line.to_string();
            let (shown, caret) = window(line, mark.column);
            writeln!(f, "  {number} | {}", Printable(&shown))?;
            writeln!(f, "  {:width$} | {:caret$}^", "", "", width = number.len())?;
        }
        writeln!(f)
    }
}

/// What is shown of a line, and where the caret stands below it: the line whole, or of a long one the part around
/// `column`. A tab is shown as one space.
fn window(line: &str, column: usize) -> (String, usize) {
    let before = column.saturating_sub(1);
    let start = before.saturating_sub(AROUND);
    let mut shown: String = line.chars().skip(start).take(AROUND.saturating_mul(2)).collect();
    let (open, cut) = (start > 0, line.chars().nth(start.saturating_add(AROUND.saturating_mul(2))).is_some());
    shown = format!("{}{shown}{}", if open { "…" } else { "" }, if cut { "…" } else { "" });
    (shown.replace('\t', " "), before.saturating_sub(start).saturating_add(usize::from(open)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::fault::Mark;

    fn report(problems: usize, findings: usize) -> Report {
        let mark = Mark { file: "p.yaml".into(), line: 4, column: 3, written: None };
        let at = Place::root(None).field("to\u{1b}kens\n".into(), Some(mark));
        let problem = |n| Problem { at: at.clone(), fault: Fault::conflict(format!("problem {n}")) };
        let text = |n| format!("finding {n}").into();
        let finding = |n| Remark { at: at.clone(), kind: "issuer-any", text: text(n) };
        Report::new(
            Files::default(),
            (0..problems).map(problem).collect(),
            (0..findings).map(finding).collect(),
        )
    }

    #[test]
    fn problems_outweigh_findings_and_findings_have_an_exit_code_of_their_own() {
        for (problems, findings, exit, counts) in [
            (0, 0, Exit::Fine, ""),
            (0, 2, Exit::Findings, "2 findings"),
            (1, 0, Exit::Broken, "1 problem"),
            (2, 1, Exit::Broken, "2 problems, 1 finding"),
        ] {
            let report = report(problems, findings);
            assert_eq!((report.exit(), report.counts().as_str()), (exit, counts));
        }
    }

    #[test]
    fn a_finding_has_its_kind_and_no_key_moves_the_terminal() {
        let report = report(1, 1);
        assert_eq!(
            report.to_string(),
            "p.yaml:4 to\\u{1b}kens\\n: problem 0\n\np.yaml:4 to\\u{1b}kens\\n: finding 0 [issuer-any]\n\n"
        );
        let finding = json!({
            "file": "p.yaml", "line": 4, "column": 3, "at": "to\u{1b}kens\n", "message": "finding 0", "kind": "issuer-any",
        });
        assert_eq!(report.json()["findings"], json!([finding]));
    }

    #[test]
    fn what_is_found_twice_is_said_once() {
        let twice = [report(1, 0), report(1, 0)].map(|report| report.problems).concat();
        assert_eq!(Report::new(Files::default(), twice, Vec::new()).counts(), "1 problem");
    }

    #[test]
    fn a_long_line_is_shown_around_its_column() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let (shown, caret) = window(&line, 501);
        assert_eq!(shown, format!("…{}X{}…", "a".repeat(60), "b".repeat(59)));
        assert_eq!(shown.chars().nth(caret), Some('X'));
    }

    #[test]
    fn the_caret_stands_below_its_column_whatever_stands_before() {
        for (line, column) in [("X", 1), ("\t\tX", 3), ("é: X", 4), (&*format!("{}X", "é".repeat(61)), 62)]
        {
            let (shown, caret) = window(line, column);
            assert_eq!(shown.chars().nth(caret), Some('X'), "{line}");
        }
    }
}
