//! The tables of `tests/cases/schemas`, each row through the engine: a request with that body on a route with that
//! schema, or an answer.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use serde_json::json;

use crate::Report;
use crate::case::CaseFile;
use crate::folder;
use crate::table::Draft;
use crate::table::Group;
use crate::table::Row;
use crate::table::SUBJECT;
use crate::table::Verdict;
use crate::table::Way;

/// The words that are claimed: the drafts in which they mean something, as places in [`Draft::ALL`], and the words.
const KEYWORDS: &[(std::ops::RangeInclusive<usize>, &str)] = &[
    (
        0..=4,
        "type enum minimum maximum multipleOf minLength maxLength pattern format items minItems maxItems uniqueItems \
         properties patternProperties additionalProperties required minProperties maxProperties allOf anyOf oneOf not $ref \
         exclusiveMinimum exclusiveMaximum",
    ),
    (0..=0, "id"),
    (0..=2, "definitions dependencies"),
    (0..=3, "additionalItems"),
    (1..=4, "const contains propertyNames"),
    (1..=2, "$id"),
    (2..=4, "if then else"),
    (2..=2, "contentEncoding contentMediaType"),
    (
        3..=4,
        "dependentRequired dependentSchemas minContains maxContains unevaluatedItems unevaluatedProperties $defs $anchor $id",
    ),
    (3..=3, "$recursiveRef $recursiveAnchor"),
    (4..=4, "prefixItems $dynamicRef $dynamicAnchor"),
    (
        5..=5,
        "type enum minimum maximum multipleOf minLength maxLength pattern format items minItems maxItems uniqueItems \
         properties additionalProperties required minProperties maxProperties allOf anyOf oneOf not $ref exclusiveMinimum \
         exclusiveMaximum nullable readOnly writeOnly",
    ),
];

fn groups() -> Vec<(String, Group)> {
    let mut groups = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(folder().join("schemas")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let read = Group::read(&fs::read_to_string(&path).unwrap());
        let read = read.map_err(|why| format!("{name}: {why}")).unwrap();
        groups.extend(read.into_iter().map(|group| (name.clone(), group)));
    }
    groups
}

/// A policy with this schema alone.
fn policy(group: &Group, draft: Draft) -> Value {
    json!({
        "version": 1, "name": "schemas", "limits_memory": "64KiB", "schemas": group.schemas(SUBJECT, draft),
        "routes": [group.route(SUBJECT)],
    })
}

/// The group's rows, on the route `name`.
fn rows(group: &Group, name: &str) -> Vec<Value> {
    let path = format!("/{name}");
    let headers = json!({ "content-type": "application/json" });
    let row = |row: &Row| match group.way {
        Way::Request => {
            let expect = match &row.verdict {
                Verdict::Valid => json!({ "admit": name }),
                Verdict::Invalid => json!({ "refuse": "request.schema", "status": 422 }),
                Verdict::Unread(reason) => json!({ "refuse": reason, "status": 400 }),
            };
            let request = json!({ "method": "POST", "path": path, "headers": headers, "body": row.text });
            json!({ "row": row.name, "request": request, "expect": expect })
        }
        Way::Answer => {
            let response = match &row.verdict {
                Verdict::Valid => "passes",
                Verdict::Invalid => "response.schema",
                Verdict::Unread(reason) => reason,
            };
            let upstream = json!({ "headers": headers, "body": row.text });
            let expect = json!({ "admit": name, "response": response });
            json!({ "row": row.name, "request": { "path": path }, "upstream": upstream, "expect": expect })
        }
    };
    group.rows.iter().map(row).collect()
}

/// The group as a file of cases.
fn file(group: &Group, draft: Draft) -> Value {
    json!({ "about": group.about, "policy": policy(group, draft), "sequence": true, "rows": rows(group, SUBJECT) })
}

/// A row is one verdict of one draft.
#[test]
fn every_row_is_judged_as_it_says() {
    let mut report = Report::default();
    let mut in_drafts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, group) in groups().iter().filter(|(_, group)| group.refused.is_none()) {
        for draft in &group.drafts {
            let file =
                CaseFile::parse(&folder(), file(group, *draft)).unwrap_or_else(|why| panic!("{name}: {why}"));
            report.run(&format!("{name} {draft:?}"), &file);
            *in_drafts.entry(format!("{draft:?}")).or_default() += group.rows.len();
        }
    }
    assert!(report.wrong.is_empty(), "\n{}", report.wrong.join("\n"));
    assert!(report.rows >= 3_000, "only {} rows: {in_drafts:?}", report.rows);
    assert_eq!(in_drafts.len(), Draft::ALL.len(), "{in_drafts:?}");
}

/// A policy compiles its schemas together where it can: none may change what another means.
#[test]
fn every_row_is_judged_alike_among_the_schemas_of_all_others() {
    let groups = groups();
    let mut policy =
        json!({ "version": 1, "name": "schemas", "limits_memory": "64KiB", "schemas": {}, "routes": [] });
    let mut all = Vec::new();
    for (at, (_, group)) in groups.iter().enumerate().filter(|(_, (_, group))| group.refused.is_none()) {
        for draft in &group.drafts {
            let name = format!("{at}-{draft:?}").to_lowercase();
            policy["schemas"].as_object_mut().unwrap().extend(group.schemas(&name, *draft));
            policy["routes"].as_array_mut().unwrap().push(group.route(&name));
            all.extend(rows(group, &name));
        }
    }
    let count = all.len();
    let mut worker = None;
    let mut wrong = Vec::new();
    for row in all {
        let first = worker.is_none();
        let policy = if first { policy.clone() } else { json!({}) };
        let whole = json!({ "about": "all", "policy": policy, "rows": [row] });
        let file = CaseFile::parse(&folder(), whole).unwrap();
        let (name, case) = &file.rows[0];
        let worker = worker.get_or_insert_with(|| crate::run::worker_for(case, &file.path).unwrap());
        wrong.extend(
            crate::run::run(worker, case)
                .err()
                .map(|why| format!("{}: {name}: {why}", String::from_utf8_lossy(&case.request.path.bytes()))),
        );
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count >= 3_000, "{count}");
}

#[test]
fn a_schema_that_cannot_be_kept_to_is_refused_with_the_policy() {
    let mut refused = 0;
    for (name, group) in groups() {
        let Some(want) = &group.refused else { continue };
        for draft in &group.drafts {
            let whole = json!({ "about": group.about, "policy": policy(&group, *draft), "request": { "path": "/" }, "expect": {} });
            let file = CaseFile::parse(&folder(), whole).unwrap();
            let why = crate::run::worker_for(&file.rows[0].1, &file.path).err();
            let why = why.unwrap_or_else(|| panic!("{name}: {}: it is taken", group.about));
            assert!(
                why.contains("the policy is refused: schemas.") && why.contains(want),
                "{name}: {}: {why}",
                group.about
            );
            refused += 1;
        }
    }
    assert!(refused >= 25, "{refused}");
}

/// A row that is judged otherwise than the suite judges it says so, and why.
#[test]
fn what_differs_from_the_suite_has_a_reason() {
    for (name, group) in groups() {
        assert_eq!(group.rows.is_empty(), group.refused.is_some(), "{name}: {}", group.about);
        for row in &group.rows {
            let Some((suite, why)) = &row.other else { continue };
            assert_ne!(*suite, row.verdict == Verdict::Valid, "{name}: {}: {}", group.about, row.name);
            assert!(!why.is_empty(), "{name}: {}: {}", group.about, row.name);
        }
    }
}

/// Without the word some row is judged otherwise, or the schema is none any more.
#[test]
fn every_keyword_that_is_claimed_makes_a_difference_in_every_draft_that_has_it() {
    let groups = groups();
    let differs = |draft: Draft, word: &str| {
        let speak =
            groups.iter().filter(|(_, group)| group.refused.is_none() && group.drafts.contains(&draft));
        speak.into_iter().any(|(name, group)| {
            let mut file = file(group, draft);
            let before = file["policy"]["schemas"].clone();
            remove(&mut file["policy"]["schemas"], word);
            if file["policy"]["schemas"] == before {
                return false;
            }
            let mut report = Report::default();
            report.run(name, &CaseFile::parse(&folder(), file).unwrap());
            !report.wrong.is_empty()
        })
    };
    let mut silent = Vec::new();
    for (drafts, words) in KEYWORDS {
        for draft in drafts.clone().map(|index| Draft::ALL[index]) {
            silent.extend(
                words
                    .split_whitespace()
                    .filter(|word| !differs(draft, word))
                    .map(|word| format!("{draft:?} {word}")),
            );
        }
    }
    assert!(silent.is_empty(), "{silent:?}");
}

/// Takes a word out of a schema, wherever it stands.
fn remove(schema: &mut Value, word: &str) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, word)),
        Value::Object(members) => {
            members.remove(word);
            members.values_mut().for_each(|child| remove(child, word));
        }
        _ => {}
    }
}
