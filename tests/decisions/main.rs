//! Decisions as data: every file below `tests/cases` says one claim, and the engine keeps it. `tests/cases/README.md`
//! has the format.

#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on says where"
)]

mod case;
mod mint;
mod properties;
mod run;
mod schemas;
mod seen;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::LazyLock;

use portcullis::refusal::Reason;
use serde_json::json;

use crate::case::CaseFile;

/// Reasons that no case can be made to give, and why.
const NOT_AS_DATA: &[(Reason, &str)] = &[
    (
        Reason::LimitsContended,
        "it takes several workers that race for one bucket: control/limits/tests/crowd.rs",
    ),
    (
        Reason::TokensProofsUnavailable,
        "it takes a memory that is full, or workers that race for it: control/tokens/replay/tests.rs",
    ),
    (Reason::RoutingUnreadable, "it takes a host that does not hand a head over, or does not change it"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Every case file, in order. What stands in `policies` is what cases name.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.extension().and_then(|it| it.to_str()) {
                None if entry.is_dir() && !entry.ends_with("policies") => folders.push(entry),
                Some("yaml") => files.push(entry),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// What ran: rows that ended as they say, the reasons that they gave, and one line for each row that did not.
#[derive(Default)]
struct Report {
    rows: usize,
    reasons: BTreeSet<String>,
    wrong: Vec<String>,
}

/// Every file, run once for all tests.
static ALL: LazyLock<Report> = LazyLock::new(Report::of_all);

impl Report {
    fn of_all() -> Self {
        let mut report = Self::default();
        for path in files() {
            let name = path.strip_prefix(folder()).unwrap().display().to_string();
            match CaseFile::read(&path) {
                Ok(file) => report.run(&name, &file),
                Err(why) => report.wrong.push(format!("{name}: {why}")),
            }
        }
        report
    }

    fn run(&mut self, name: &str, file: &CaseFile) {
        let mut last = None;
        for (row, case) in &file.rows {
            let worker = match last.take() {
                Some(worker) if file.sequence => Ok(worker),
                _ => run::worker_for(case, &file.path),
            };
            let ended = worker.and_then(|mut worker| {
                let later = case.after.map_or(worker.now(), |after| worker.now().plus(after.0));
                worker.at(later);
                let reasons = run::run(&mut worker, case)?;
                last = Some(worker);
                Ok(reasons)
            });
            match ended {
                Ok(reasons) => {
                    self.rows += 1;
                    self.reasons.extend(reasons.iter().filter_map(|it| it.split(' ').next()).map(Into::into));
                }
                Err(why) => self.wrong.push(format!("{name}: {row}: {why}\n    {}", file.about)),
            }
        }
    }
}

#[test]
fn every_case_ends_as_it_says() {
    let report = &*ALL;
    assert!(report.wrong.is_empty(), "\n{}", report.wrong.join("\n"));
    assert!(report.rows >= 300, "only {} rows below {}", report.rows, folder().display());
}

#[test]
fn every_reason_is_given_by_a_case_or_listed_with_why_not() {
    let given = &ALL.reasons;
    for reason in Reason::ALL {
        let listed = NOT_AS_DATA.iter().any(|(known, _)| known == reason);
        assert_ne!(given.contains(reason.code()), listed, "{}", reason.code());
    }
}

#[test]
fn a_case_that_ends_otherwise_is_told_with_its_file_and_its_claim() {
    let whole = json!({
        "about": "nobody may", "policy": "policies/open.yaml", "request": { "path": "/open" },
        "expect": { "refuse": "access.scope" },
    });
    let mut file = CaseFile::parse(&folder().join("made-up.yaml"), whole).unwrap();
    let mut report = Report::default();
    report.run("made-up.yaml", &file);
    assert_eq!(
        report.wrong,
        [
            "made-up.yaml: the only row: decision: \"admitted by open\", not \"refused: access.scope\"\n    nobody may"
        ]
    );
    file.rows[0].1.expect.refuse = None;
    file.rows[0].1.expect.admit = Some("open".into());
    let mut report = Report::default();
    report.run("made-up.yaml", &file);
    assert_eq!((report.rows, report.wrong.len()), (1, 0));
}
