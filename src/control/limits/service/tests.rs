use std::time::Duration;

use proptest::prelude::*;

use super::wire::Descriptor;
use super::wire::Reply;
use super::wire::Status;
use super::wire::Verdict;
use super::*;
use crate::document::wire::Field;
use crate::document::wire::Fields;
use crate::document::wire::put_bytes;
use crate::document::wire::put_number;
use crate::fault::Problems;
use crate::model::secrets::Secrets;

/// A response as the service writes it.
fn response(overall: u64, statuses: &[(u64, Option<(u64, u64)>)]) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, 1, overall);
    for (code, reset) in statuses {
        let mut status = Vec::new();
        put_number(&mut status, 1, *code);
        // The limit as the service has it, and what is left: not looked at.
        put_bytes(&mut status, 2, b"\x08\x05\x10\x02");
        put_number(&mut status, 3, 7);
        if let Some((seconds, nanos)) = reset {
            let mut duration = Vec::new();
            put_number(&mut duration, 1, *seconds);
            put_number(&mut duration, 2, *nanos);
            put_bytes(&mut status, 4, &duration);
        }
        put_bytes(&mut out, 2, &status);
    }
    put_bytes(&mut out, 3, b"\x0a\x01x\x12\x01y");
    out
}

/// What a request says: domain, entries and own hits of each descriptor, hits.
type Asked = (String, Vec<(Vec<(String, String)>, Option<u64>)>, u64);

fn read(message: &[u8]) -> Asked {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let entry = |bytes: &[u8]| match Fields::of(bytes).map(Option::unwrap).collect::<Vec<_>>()[..] {
        [Field::Bytes(1, key), Field::Bytes(2, value)] => (text(key), text(value)),
        ref other => panic!("{other:?}"),
    };
    let (mut domain, mut descriptors, mut hits) = (String::new(), Vec::new(), 0);
    for field in Fields::of(message) {
        match field.unwrap() {
            Field::Bytes(1, bytes) => domain = text(bytes),
            Field::Varint(3, number) => hits = number,
            Field::Bytes(2, bytes) => {
                let (mut entries, mut own) = (Vec::new(), None);
                for field in Fields::of(bytes) {
                    match field.unwrap() {
                        Field::Bytes(1, bytes) => entries.push(entry(bytes)),
                        Field::Bytes(3, wrapped) => match Fields::of(wrapped).next() {
                            Some(Some(Field::Varint(1, number))) => own = Some(number),
                            other => panic!("{other:?}"),
                        },
                        other => panic!("{other:?}"),
                    }
                }
                descriptors.push((entries, own));
            }
            other => panic!("{other:?}"),
        }
    }
    (domain, descriptors, hits)
}

#[test]
fn asks_byte_for_byte_as_the_messages_are_defined() {
    let ask = Descriptor { entries: vec![("limit", "otp"), ("key", "ab")], hits: 1 };
    let message = wire::request("shop", &[ask]);
    let wanted = b"\x0a\x04shop\x12\x19\x0a\x0c\x0a\x05limit\x12\x03otp\x0a\x09\x0a\x03key\x12\x02ab\x18\x01";
    assert_eq!(message, wanted);
}

#[test]
fn hits_that_differ_are_said_of_each_and_the_most_of_all() {
    let ask = |hits| Descriptor { entries: vec![("limit", "a")], hits };
    let (_, descriptors, hits) = read(&wire::request("shop", &[ask(5), ask(2)]));
    assert_eq!(hits, 5);
    assert_eq!(descriptors.iter().map(|(_, own)| *own).collect::<Vec<_>>(), [None, Some(2)]);
}

#[test]
fn reads_a_whole_response() {
    let reply = wire::reply(&response(2, &[(1, None), (2, Some((90, 500_000_000)))])).unwrap();
    let status = |verdict, until_reset| Status { verdict, until_reset };
    let statuses =
        vec![status(Verdict::Within, None), status(Verdict::Over, Some(Duration::from_millis(90_500)))];
    assert_eq!(reply, Reply { overall: Verdict::Over, statuses });
    // A duration below zero, and one beyond all measure.
    let [(_, below), (_, beyond)] = [u64::MAX, 1 << 62].map(|seconds| {
        let reply = wire::reply(&response(2, &[(2, Some((seconds, 0)))])).unwrap();
        (seconds, reply.statuses[0].until_reset.unwrap())
    });
    assert_eq!((below, beyond), (Duration::ZERO, Duration::from_secs(365 * 86_400)));
}

#[test]
fn what_is_no_response_is_garbage_and_never_within() {
    for (row, bytes) in [
        ("nothing", &b""[..]),
        ("unknown", b"\x08\x00"),
        ("a code of tomorrow", b"\x08\x03"),
        ("text", b"<html>"),
        ("cut short", b"\x12\x05\x08"),
        ("a code that is text", b"\x0a\x01\x01"),
        ("a status that is a number", b"\x08\x01\x10\x01"),
        ("field 0", b"\x08\x01\x00\x01"),
        ("a group", b"\x08\x01\x1b"),
        ("a varint without end", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ("within, and then something", b"\x08\x01\xff"),
    ] {
        assert_eq!(judge(Ok(bytes), &[]), Err(Failure::Garbage), "{row}");
    }
    assert_eq!(judge(Ok(b"\x08\x01"), &[]), Ok(None));
    assert_eq!(judge(Ok(b"\x08\x01\x1d1234\x31abcdefgh"), &[]), Ok(None), "fields of tomorrow");
    assert_eq!(judge(Err(Failure::Timeout), &[]), Err(Failure::Timeout));
}

/// Two global limits of `shop`, and one that is not.
fn two() -> Limits {
    crate::control::limits::tests::limits(
        r#"{ "otp": { "key": ["ip"], "rate": "20/1h", "scope": "global" },
             "near": { "key": ["ip"], "rate": "9/1s" },
             "mail": { "key": ["ip"], "rate": "5/1m", "scope": "global",
                       "tiers": { "by": "route", "values": { "gold": "9/1h" } } } }"#,
    )
}

/// A question about the limit of this index, of a caller of this tier.
fn ask(limits: &Limits, limit: usize, tier: Option<&str>) -> Ask {
    let of = limits.get(limit).unwrap();
    let found = tier.map(|tier| of.tiers().find(|(name, _)| *name == tier).unwrap().1);
    let budget = *found.unwrap_or(of.budget());
    Ask { limit, key: "k".into(), tier: tier.map(Into::into), budget, hits: 1 }
}

#[test]
fn a_tier_is_told_beside_the_key_and_in_the_first_descriptor_under_a_name_that_no_limit_has() {
    let limits = two();
    let json = r#"{ "cluster": "c", "domain": "shop", "on_error": "deny" }"#;
    let node = crate::document::Node::from_json(json.as_bytes(), &Problems::default()).unwrap();
    let service = Service::compile(&node, Secrets::if_there(&|_| None), &Problems::default()).unwrap();
    let question = service.question(&[ask(&limits, 0, None), ask(&limits, 2, Some("gold"))], &limits);
    let (_, descriptors, _) = read(&question);
    let entries: Vec<_> = descriptors.into_iter().map(|(entries, _)| entries).collect();
    let pairs = |pairs: &[(&str, &str)]| -> Vec<_> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let wanted = [
        pairs(&[("otp", "k"), ("mail", "k"), ("mail:tier", "gold")]),
        pairs(&[("limit", "otp"), ("key", "k")]),
        pairs(&[("limit", "mail"), ("tier", "gold"), ("key", "k")]),
    ];
    assert_eq!(entries, wanted);
}

#[test]
fn a_service_that_does_not_say_how_long_is_taken_for_the_callers_own_window() {
    let limits = two();
    for (tier, wait) in [(None, 60), (Some("gold"), 3_600)] {
        let spent = judge(Ok(&response(2, &[])), &[ask(&limits, 2, tier)]).unwrap().unwrap();
        assert_eq!(spent.wait, Duration::from_secs(wait), "{tier:?}");
    }
}

#[test]
fn of_several_that_are_spent_the_one_that_takes_longest_is_told() {
    let limits = two();
    let asks = [ask(&limits, 0, None), ask(&limits, 2, None)];
    let (hour, minute) = (Duration::from_secs(3_600), Duration::from_secs(60));
    for (row, statuses, limit, wait) in [
        ("nobody says which", &[][..], 0, hour),
        ("the second", &[(1, None), (2, Some((7, 0)))], 2, Duration::from_secs(7)),
        ("the second, and not how long", &[(1, None), (2, None)], 2, minute),
        ("both", &[(2, Some((7, 0))), (2, Some((9, 0)))], 2, Duration::from_secs(9)),
        ("a status too few", &[(2, Some((7, 0)))], 0, hour),
        ("statuses that say nothing", &[(0, None), (1, None)], 0, hour),
    ] {
        let all = [&[(1, None)], statuses].concat();
        let statuses = if statuses.is_empty() { &[][..] } else { &all };
        let spent = judge(Ok(&response(2, statuses)), &asks).unwrap().unwrap();
        assert_eq!((spent.limit, spent.wait), (limit, wait), "{row}");
    }
}

proptest! {
    #[test]
    fn what_is_asked_can_be_read_again(
        domain in "[a-z]{1,9}",
        descriptors in prop::collection::vec(("[a-z.-]{1,64}", "[0-9a-f]{32}", 1_u32..1_000_000), 0..5),
    ) {
        let asked: Vec<_> = descriptors.iter().map(|(limit, key, hits)| Descriptor {
            entries: vec![(LIMIT, &**limit), (KEY, &**key)], hits: *hits,
        }).collect();
        let (read_domain, read_descriptors, most) = read(&wire::request(&domain, &asked));
        prop_assert_eq!(read_domain, domain);
        prop_assert_eq!(read_descriptors.len(), descriptors.len());
        for ((entries, own), (limit, key, hits)) in read_descriptors.into_iter().zip(descriptors) {
            prop_assert_eq!(entries, [("limit".to_owned(), limit), ("key".to_owned(), key)]);
            prop_assert_eq!(own.unwrap_or(most), u64::from(hits));
        }
    }

    /// Whatever a service sends, nothing breaks, and no prefix of an answer is taken for another one that lets pass more.
    #[test]
    fn any_bytes_are_an_answer_or_none(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = wire::reply(&bytes);
    }

    #[test]
    fn a_response_that_is_over_is_never_within_when_it_is_cut(
        statuses in prop::collection::vec((0_u64..3, prop::option::of((0_u64..99, 0_u64..99))), 0..4), cut in 0_usize..99,
    ) {
        let whole = response(2, &statuses);
        let part = whole.get(..cut).unwrap_or(&whole);
        prop_assert!(wire::reply(part).is_none_or(|reply| reply.overall != Verdict::Within));
    }
}
