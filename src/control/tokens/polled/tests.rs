#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it must")]

use std::time::Duration;

use proptest::prelude::*;

use super::sheet::COOL_DOWN;
use super::*;
use crate::model::headers::Headers;
use crate::model::time::Nanos;

const NOW: u64 = 1_800_000_000_000;

/// So many milliseconds after a fixed time.
fn at(ms: u64) -> Nanos {
    Nanos((NOW + ms) * 1_000_000)
}

fn seconds(it: u64) -> Duration {
    Duration::from_secs(it)
}

fn source(refresh: u64) -> Source {
    Source {
        cluster: "idp".into(),
        authority: "id".into(),
        path: "/k".into(),
        refresh: seconds(refresh),
        timeout: seconds(2),
    }
}

fn good(changed: bool) -> Heard {
    Heard { changed, whole: true, fresh: None }
}

/// Sent at once, answered 100 ms later.
fn fetched(sheet: Sheet, ms: u64, source: &Source, wished: bool, heard: Heard) -> Option<Sheet> {
    Some(sheet.take(at(ms), source, || wished)?.kept(at(ms + 100), source, heard, 0.0))
}

#[test]
fn a_sheet_and_a_document_read_as_they_were_written() {
    let source = source(300);
    let sheet = fetched(Sheet::default(), 0, &source, false, good(true)).unwrap();
    assert_eq!(Sheet::read(&sheet.to_bytes()), Some(sheet));
    assert_eq!(Sheet::read(&[0; 71]), None);
    for tag in [&b""[..], b"\"one\"", &[b'x'; 255]] {
        let kept = Kept { tag: tag.to_vec(), body: b"{}".to_vec() };
        assert_eq!(Kept::read(kept.to_bytes()), Some(kept));
    }
    let long = Kept { tag: vec![b'x'; 256], body: b"{}".to_vec() };
    assert_eq!(Kept::read(long.to_bytes()), Some(Kept { tag: Vec::new(), body: b"{}".to_vec() }));
    assert_eq!(Kept::read(Vec::new()), None);
    assert_eq!(Kept::read(vec![3, 1, 2]), None);
}

#[test]
fn a_lease_is_one_workers_until_the_fetch_must_have_ended() {
    let source = source(300);
    let leased = Sheet::default().take(at(0), &source, || false).unwrap();
    assert!(leased.is_open(at(2_999), &source));
    assert_eq!(leased.take(at(2_999), &source, || true), None);
    assert!(leased.take(at(3_000), &source, || false).is_some(), "whoever had it is gone");
}

#[test]
fn the_provider_moves_the_next_fetch_within_bounds() {
    for (row, refresh, fresh, wait) in [
        ("it does not say", 300, None, 300),
        ("sooner", 300, Some(60), 60),
        ("now: we do not hammer it", 300, Some(0), 30),
        ("never: it does not stop us", 300, Some(u64::MAX), 300),
        ("a tenth would be under the cool-down", 60, Some(0), 10),
        ("never more seldom than the policy says", 5, Some(0), 5),
    ] {
        let heard = Heard { fresh: fresh.map(seconds), ..good(true) };
        let sheet = fetched(Sheet::default(), 0, &source(refresh), false, heard).unwrap();
        assert_eq!(sheet.due, at(100 + wait * 1000), "{row}");
    }
    let leased = Sheet::default().take(at(0), &source(300), || false).unwrap();
    assert_eq!(leased.kept(at(0), &source(300), good(true), 1.0).due, at(270_000), "a tenth earlier at most");
}

#[test]
fn failures_wait_twice_as_long_each_time_up_to_the_interval() {
    let source = source(10);
    let mut sheet = fetched(Sheet::default(), 0, &source, false, good(true)).unwrap();
    let mut waits = Vec::new();
    for _ in 0..6 {
        let now = sheet.due;
        sheet = sheet.take(now, &source, || false).unwrap().failed(now, &source, 0.0);
        waits.push(sheet.due.since(now).as_secs());
        assert_eq!(sheet.take(now, &source, || true), None, "nobody makes it earlier");
    }
    assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    assert_eq!((sheet.version, sheet.fetched), (1, at(100)), "what was good stays");
    let now = sheet.due;
    assert_eq!(sheet.take(now, &source, || false).unwrap().kept(now, &source, good(false), 0.0).failures, 0);
}

#[test]
fn early_fetches_come_once_a_cool_down_whether_they_bring_anything_or_not() {
    let source = source(86_400);
    let mut sheet = fetched(Sheet::default(), 0, &source, false, good(true)).unwrap();
    assert_eq!(sheet.take(at(200), &source, || false), None, "nobody wishes");
    let mut times = Vec::new();
    for ms in (200..45_000).step_by(100) {
        if let Some(next) = fetched(sheet, ms, &source, true, good(ms > 20_000)) {
            times.push(ms / 1000);
            sheet = next;
        }
    }
    assert_eq!(times, [0, 10, 20, 30, 40]);
}

#[test]
fn a_clock_that_stepped_back_stops_nothing() {
    let source = source(300);
    let sheet = fetched(Sheet::default(), 10_000_000, &source, false, good(true)).unwrap();
    assert!(sheet.take(at(0), &source, || false).is_some());
    let leased = sheet.take(sheet.due, &source, || false).unwrap();
    assert!(leased.take(at(0), &source, || false).is_some());
}

#[test]
fn whoever_misses_a_key_knows_whether_it_may_come() {
    let source = source(300);
    let sheet = fetched(Sheet::default(), 0, &source, false, good(true)).unwrap();
    assert!(sheet.may_hear(at(200), at(2_200), &source), "an early fetch may follow");
    let leased = sheet.take(at(200), &source, || true).unwrap();
    assert!(leased.may_hear(at(300), at(2_200), &source), "one is under way");
    assert!(!leased.may_hear(at(2_200), at(2_200), &source), "the wait is over");
    let after = leased.kept(at(300), &source, good(false), 0.0);
    assert!(!after.may_hear(at(400), at(2_400), &source), "the next one comes too late");
    assert!(after.may_hear(at(8_500), at(10_500), &source), "or soon enough");
    let failed = leased.failed(at(300), &source, 0.0);
    assert!(failed.may_hear(at(400), at(2_400), &source), "it is tried again within the wait");
    assert!(!failed.may_hear(at(400), at(1_200), &source));
}

#[test]
fn what_an_answer_says_of_its_age_and_state() {
    for (row, lines, wanted) in [
        ("nothing", vec![], None),
        ("seconds", vec![("cache-control", "public, max-age=300")], Some(300)),
        ("in capitals and quotes", vec![("cache-control", "Max-Age=\"300\"")], Some(300)),
        ("less its age", vec![("cache-control", "max-age=300"), ("age", "250")], Some(50)),
        ("over", vec![("cache-control", "max-age=300"), ("age", "400")], Some(0)),
        ("twice", vec![("cache-control", "max-age=300, max-age=1")], None),
        ("on two lines", vec![("cache-control", "max-age=300"), ("cache-control", "max-age=1")], None),
        ("no number", vec![("cache-control", "max-age=-1")], None),
        ("another word", vec![("cache-control", "no-cache, s-maxage=5, x-max-age=7")], None),
        ("huge", vec![("cache-control", "max-age=99999999999999999999")], Some(u64::MAX)),
    ] {
        assert_eq!(freshness(&Headers::from_pairs(lines)), wanted.map(seconds), "{row}");
    }
    let long = format!("\"{}\"", "x".repeat(254));
    for (tag, taken) in [
        ("\"one\"", true),
        ("W/\"one\"", true),
        ("\"\"", true),
        ("one", false),
        ("\"one", false),
        ("\"", false),
        ("\"a\"b\"", false),
        ("\"a b\"", false),
        (&long, false),
    ] {
        let headers = Headers::from_pairs([("etag", tag)]);
        assert_eq!(entity_tag(&headers).is_some(), taken, "{tag}");
    }
    assert!(entity_tag(&Headers::from_pairs([("etag", "\"a\""), ("etag", "\"b\"")])).is_none());
}

proptest! {
    /// Workers look when they like, everybody wishes, the provider says what it likes: there is at most one fetch an interval,
    /// and one more for each cool-down.
    #[test]
    fn nobody_makes_the_process_ask_more_often(
        refresh in 5_u64..600,
        steps in prop::collection::vec((1_u64..3_000, any::<bool>(), any::<bool>(), prop::option::of(0_u64..1_000), 0.0_f64..1.0), 1..400),
    ) {
        let source = source(refresh);
        let least = seconds(refresh).div_f64(10.0).max(COOL_DOWN).min(seconds(refresh)).mul_f64(0.9);
        let (mut sheet, mut ms, mut regular, mut early) = (Sheet::default(), 0, 0_u32, 0_u32);
        let mut sent: Option<Sheet> = None;
        for (wait, changed, wished, fresh, jitter) in steps {
            ms += wait;
            if let Some(leased) = sent.take() {
                let heard = Heard { fresh: fresh.map(seconds), ..good(changed) };
                sheet = leased.kept(at(ms), &source, heard, jitter);
            }
            if let Some(leased) = sheet.take(at(ms), &source, || wished) {
                // Nobody else has it as well.
                prop_assert!(leased.take(at(ms), &source, || true).is_none());
                if leased.early == at(ms) { early += 1 } else { regular += 1 }
                sheet = leased;
                sent = Some(leased);
            }
        }
        let span = Duration::from_millis(ms).as_secs_f64();
        prop_assert!(f64::from(regular) <= 1.0 + span / least.as_secs_f64());
        prop_assert!(f64::from(early) <= 1.0 + span / COOL_DOWN.as_secs_f64());
    }

    #[test]
    fn no_bytes_are_a_sheet_that_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), jitter in any::<f64>()) {
        let source = source(300);
        if let Some(sheet) = Sheet::read(&bytes) {
            let _ = sheet.may_hear(at(0), at(2_000), &source);
            if let Some(leased) = sheet.take(at(0), &source, || true) {
                let _ = (leased.kept(at(1), &source, good(true), jitter), leased.failed(at(1), &source, jitter));
            }
        }
        let _ = Kept::read(bytes);
    }
}
