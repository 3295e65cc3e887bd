//! The tables in `tests/cases/tokens`: what becomes of each row, whoever verifies. `tests/envoy` sends the same rows.

use portcullis_tokens::table;
use portcullis_tokens::table::Row;

use super::*;

fn outcome(worker: &mut Worker, row: &Row) -> Result<(), &'static str> {
    let lines = row.lines(row.judged_at() as f64);
    let lines: Vec<(&str, &[u8])> =
        lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    worker.judge(&lines, Nanos(row.judged_at() * 1_000_000_000)).map_err(|refusal| refusal.reason.code())
}

/// Whoever verifies, this module or a host: the verdict is the same, and so it is from the cache.
fn every_row_ends_as_it_says(rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        for host in [HostVerifier::default(), HostVerifier::tested(super::host::able)] {
            let mut worker = Worker::of_user(&row.definition());
            worker.keys.host = host;
            for turn in ["first", "second"] {
                let outcome = outcome(&mut worker, row);
                if outcome.err().unwrap_or("pass") != row.expect {
                    wrong.push(format!("{} ({host:?}, {turn}): {outcome:?}, not {}", row.name, row.expect));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hostile_tokens_end_as_their_rows_say_also_the_second_time() {
    let rows = table::rows(table::HOSTILE);
    let refused = rows.iter().filter(|row| row.expect != "pass").count();
    assert!(refused >= 150, "only {refused} hostile rows");
    every_row_ends_as_it_says(&rows);
}

#[test]
fn the_examples_of_the_rfcs_end_as_their_rows_say() {
    every_row_ends_as_it_says(&table::rows(table::RFC));
}

#[test]
fn signatures_at_the_edges_have_one_verdict_whoever_verifies() {
    every_row_ends_as_it_says(&table::rows(table::SIGNATURES));
}

#[test]
fn nothing_that_a_row_leaves_behind_helps_or_harms_another() {
    let mut worker = Worker::of_user(&definition(&mint::jwks(&["es", "rs", "ed"])));
    for row in table::rows(table::HOSTILE).iter().filter(|row| row.is_before_the_usual()) {
        let outcome = outcome(&mut worker, row);
        assert_eq!(outcome.is_ok(), row.expect == "pass", "{}", row.name);
        assert!(worker.bearer(&mint::es256_token(json!({})), at(0)).is_ok(), "after {}", row.name);
    }
}
