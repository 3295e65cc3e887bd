use proptest::prelude::*;

use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::headers::is_token;

/// The ABI's serialised map.
fn abi(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let number = |it: usize| u32::try_from(it).unwrap().to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.push(0);
    }
    bytes
}

#[test]
fn what_may_stand_once_is_missing_one_or_ambiguous() {
    let headers = Headers::from_pairs([
        ("X-One", "1"),
        ("two", "a"),
        ("TWO", "a"),
        ("accept", "a, b"),
        ("authorization", "Bearer a,b"),
        ("content-type", "text/plain"),
        ("empty", ""),
    ]);
    for (name, wanted) in [
        ("x-one", Found::One(&b"1"[..])),
        ("two", Found::Ambiguous),
        ("none", Found::Missing),
        ("accept", Found::One(b"a, b")),
        ("authorization", Found::Ambiguous),
        ("content-type", Found::One(b"text/plain")),
        ("empty", Found::One(b"")),
        // Names are compared in lower case: whoever asks otherwise finds nothing.
        ("X-One", Found::Missing),
    ] {
        assert_eq!(headers.single(name), wanted, "{name}");
        assert_eq!(headers.has(name), wanted != Found::Missing, "{name}");
    }
    assert_eq!(headers.all("two").count(), 2);
    assert_eq!(headers.iter().count(), 7);
}

#[test]
fn found_keeps_what_it_is() {
    assert_eq!(Found::One(2).map(|it| it * 2), Found::One(4));
    assert_eq!(Found::<u8>::Ambiguous.map(|it| it * 2), Found::Ambiguous);
    assert_eq!(Found::<u8>::Missing.map(|it| it * 2), Found::Missing);
    assert_eq!((Found::One(2).one(), Found::<u8>::Ambiguous.one()), (Some(2), None));
}

#[test]
fn reads_the_hosts_map_in_place() {
    let headers = Headers::from_abi(abi(&[(b":path", b"/a"), (b"x", b"\xff\x00y"), (b"x", b"")])).unwrap();
    let lines: Vec<(&[u8], &[u8])> = headers.iter().collect();
    assert_eq!(lines, [(&b":path"[..], &b"/a"[..]), (b"x", b"\xff\x00y"), (b"x", b"")]);
    assert_eq!(headers.single("x"), Found::Ambiguous);
    assert_eq!(Headers::from_abi(Vec::new()).unwrap().iter().count(), 0);
    assert_eq!(Headers::from_abi(abi(&[])).unwrap().iter().count(), 0);
}

#[test]
fn lengths_that_do_not_fit_the_bytes_are_no_map() {
    let good = abi(&[(b"name", b"value")]);
    for (row, bytes) in [
        ("one byte", vec![1]),
        ("a count and nothing", vec![1, 0, 0, 0]),
        ("more pairs than bytes", vec![255, 255, 255, 255, 0]),
        ("the end cut off", good[..good.len() - 2].to_vec()),
        ("lengths cut off", good[..10].to_vec()),
    ] {
        assert!(Headers::from_abi(bytes).is_none(), "{row}");
    }
    let mut long = good.clone();
    long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(Headers::from_abi(long).is_none(), "a name that is longer than the bytes");
}

#[test]
fn a_token_is_what_rfc_9110_says() {
    for (text, wanted) in [
        ("a", true),
        ("X-App_1.0!", true),
        ("", false),
        ("a b", false),
        ("a:", false),
        ("ü", false),
        ("(a)", false),
    ] {
        assert_eq!(is_token(text), wanted, "{text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_of_a_host_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(headers) = Headers::from_abi(bytes) {
            for (name, _) in headers.iter() {
                let _ = std::str::from_utf8(name).map(|name| headers.single(name));
            }
        }
    }

    #[test]
    fn every_map_reads_as_it_was_written(pairs in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..8)) {
        let borrowed: Vec<(&[u8], &[u8])> = pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        let headers = Headers::from_abi(abi(&borrowed)).unwrap();
        prop_assert_eq!(headers.iter().collect::<Vec<_>>(), borrowed);
    }

    #[test]
    fn a_map_that_is_cut_anywhere_is_none(pairs in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 1..4), cut in any::<prop::sample::Index>()) {
        let borrowed: Vec<(&[u8], &[u8])> = pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        let whole = abi(&borrowed);
        // The last NUL is the host's habit and nobody's need; an empty buffer is an empty map.
        let cuts: Vec<usize> = (1..whole.len().saturating_sub(1)).collect();
        prop_assert!(Headers::from_abi(whole[..*cut.get(&cuts)].to_vec()).is_none());
    }
}
