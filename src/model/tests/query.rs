use proptest::prelude::*;

use crate::model::headers::Found;
use crate::model::query::Query;

fn all(query: &str) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Query(query.as_bytes()).iter().map(|(name, value)| (text(&name), text(&value))).collect()
}

#[test]
fn names_and_values_are_decoded_once_and_a_plus_is_a_space() {
    for (query, wanted) in [
        ("", &[][..]),
        ("a=1&b=2", &[("a", "1"), ("b", "2")]),
        ("a=1&&b=2&", &[("a", "1"), ("b", "2")]),
        ("a", &[("a", "")]),
        ("=1", &[("", "1")]),
        ("a=b=c", &[("a", "b=c")]),
        ("a+b=c+d", &[("a b", "c d")]),
        ("%61=%2B+%26", &[("a", "+ &")]),
        ("a=%2541", &[("a", "%41")]),
        ("a=%zz%4", &[("a", "%zz%4")]),
        ("a;b=1", &[("a;b", "1")]),
        ("a[]=1&a%5B%5D=2", &[("a[]", "1"), ("a[]", "2")]),
    ] {
        let wanted: Vec<(String, String)> =
            wanted.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        assert_eq!(all(query), wanted, "{query}");
    }
}

#[test]
fn what_comes_twice_is_ambiguous_however_it_is_written() {
    let single = |query: &'static str| Query(query.as_bytes()).single("a").map(|value| value.into_owned());
    assert_eq!(single("b=1"), Found::Missing);
    assert_eq!(single("a=1&b=2"), Found::One(b"1".to_vec()));
    assert_eq!(single("a"), Found::One(Vec::new()));
    assert_eq!(single("a=%ff"), Found::One(vec![0xff]));
    for twice in ["a=1&a=2", "a=1&a=1", "a&a", "a=1&%61=2", "a=1&b=2&a="] {
        assert_eq!(single(twice), Found::Ambiguous, "{twice}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(query in any::<Vec<u8>>()) {
        let query = Query(&query);
        for (name, _) in query.iter() {
            if let Ok(name) = std::str::from_utf8(&name) {
                prop_assert!(query.single(name) != Found::Missing);
            }
        }
    }
}
