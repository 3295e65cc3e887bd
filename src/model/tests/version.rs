use proptest::prelude::*;

use super::message;
use crate::model::version::Version;
use crate::model::version::Versions;

#[test]
fn versions_are_compared_by_their_first_three_numbers() {
    for (text, wanted) in [
        ("5", "5.0.0"),
        ("5.1", "5.1.0"),
        ("5.10", "5.10.0"),
        ("5.1.2", "5.1.2"),
        ("5.1.2.99", "5.1.2"),
        ("5.1.0 (1234)", "5.1.0"),
        ("5.1+build.7", "5.1.0"),
        ("5.1(7)", "5.1.0"),
        ("05.01", "5.1.0"),
        ("4294967295", "4294967295.0.0"),
    ] {
        assert_eq!(Version::parse(text).unwrap().to_string(), wanted, "{text}");
    }
    let ordered =
        ["0.9", "1", "1.0.1", "1.2", "1.10", "5.9.9", "5.10", "10"].map(|text| Version::parse(text).unwrap());
    assert!(ordered.is_sorted());
}

#[test]
fn what_does_not_read_is_no_version() {
    for text in [
        "",
        " 5",
        "v5",
        "5.",
        ".5",
        "5..1",
        "5.x",
        "5-beta",
        "5.1-rc1",
        "-5",
        "+5",
        "5,1",
        "4294967296",
        "5.1.2.x",
        "latest",
        "٥",
    ] {
        assert_eq!(Version::parse(text), None, "{text}");
        assert_eq!(
            message(text.parse::<Version>()),
            format!("`{text}` is no version; write numbers with dots, such as \"5.1.0\"")
        );
    }
    assert_eq!(Version::parse(&format!("5 {}", "x".repeat(63))), None, "more than 64 bytes");
    assert!(Version::parse(&format!("5 {}", "x".repeat(62))).is_some());
}

proptest! {
    #[test]
    fn any_three_numbers_are_ordered_as_numbers(a in any::<[u32; 3]>(), b in any::<[u32; 3]>()) {
        let version = |[x, y, z]: [u32; 3]| Version::parse(&format!("{x}.{y}.{z}")).unwrap();
        prop_assert_eq!(version(a).cmp(&version(b)), a.cmp(&b));
        prop_assert_eq!(Version::parse(&version(a).to_string()), Some(version(a)));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,70}") {
        let _ = Version::parse(&text);
    }
}

#[test]
fn a_range_of_versions_has_an_end_or_none_and_holds_what_lies_between() {
    let range = |text: &str| text.parse::<Versions>();
    let version = |text: &str| Version::parse(text).unwrap();
    for (text, within, without) in [
        (">=5.2.0", &["5.2", "5.2.0 (9)", "77"][..], &["5.1.9", "0"][..]),
        ("<6", &["0", "5.99.99"], &["6", "6.0.1"]),
        (">=5.2 <5.2.1", &["5.2.0"], &["5.1.9", "5.2.1"]),
    ] {
        let range = range(text).unwrap();
        assert!(within.iter().all(|it| range.contains(version(it))), "{text}");
        assert!(!without.iter().any(|it| range.contains(version(it))), "{text}");
    }
    for text in [
        "",
        "5.2",
        ">5",
        "<=5",
        ">=",
        "<",
        ">=6 <5",
        ">=5 <5",
        ">=5  <6",
        "<6 >=5",
        ">=5 <6 <7",
        ">=5.x",
        "^5",
        ">=5+a",
    ] {
        assert!(range(text).is_err(), "{text}");
    }
    for (one, other, meet) in [
        ("<5", ">=5", false),
        ("<5.0.1", ">=5", true),
        (">=5", ">=7", true),
        (">=1 <2", ">=2 <3", false),
        (">=1 <9", ">=2 <3", true),
    ] {
        let (one, other) = (range(one).unwrap(), range(other).unwrap());
        assert_eq!((one.meets(&other), other.meets(&one)), (meet, meet), "{one:?} {other:?}");
    }
}
