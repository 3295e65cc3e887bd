use proptest::prelude::*;

use crate::model::path::Ambiguous;
use crate::model::path::RequestPath;

fn read(target: &str) -> Result<String, Ambiguous> {
    RequestPath::parse(target.as_bytes()).map(|path| path.as_str().to_owned())
}

#[test]
fn a_path_is_decoded_once() {
    for (target, wanted) in [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/", "/a/"),
        ("/%61/%62%2D", "/a/b-"),
        ("/gr%C3%BC%c3%9fe", "/grüße"),
        ("/a.b/..c/...", "/a.b/..c/..."),
        ("/a%20b", "/a b"),
        ("/a+b", "/a+b"),
        ("/a:b@c,d=e&f!$'()*~", "/a:b@c,d=e&f!$'()*~"),
        ("/a?x=/../%2f;\\", "/a"),
        ("/a?", "/a"),
        ("/a??b", "/a"),
    ] {
        assert_eq!(read(target).as_deref(), Ok(wanted), "{target}");
    }
}

#[test]
fn what_two_readers_could_take_for_different_paths_is_ambiguous() {
    for target in [
        "",
        "a",
        "?",
        "*",
        "http://a.example/",
        "//",
        "//a",
        "/a//b",
        "/a//",
        "/.",
        "/..",
        "/./a",
        "/a/.",
        "/a/..",
        "/a/../b",
        "/%2e",
        "/%2E%2e/a",
        "/.%2e",
        "/a;b",
        "/a\\b",
        "/a#b",
        "/a?#",
        "/a?b#c",
        "/%2f",
        "/%2F",
        "/%5c",
        "/%3b",
        "/%25",
        "/%2561",
        "/%3F",
        "/%23",
        "/%00",
        "/%0a",
        "/%7f",
        "/%C2%85",
        "/%",
        "/%4",
        "/%4g",
        "/%g4",
        "/%+1",
        "/% 1",
        "/%ff",
        "/%C3",
        "/%c0%af",
        "/%ed%a0%80",
        "/a b",
        "/a\tb",
        "/ü",
        "/a\0",
    ] {
        assert_eq!(read(target), Err(Ambiguous), "{target:?}");
    }
    assert!(RequestPath::parse(b"/\xff").is_err());
}

#[test]
fn the_query_is_all_behind_the_first_question_mark() {
    let query = |target: &str| {
        let path = RequestPath::parse(target.as_bytes()).unwrap();
        path.query().map(|query| query.0.to_vec())
    };
    assert_eq!(query("/a"), None);
    assert_eq!(query("/a?").as_deref(), Some(&b""[..]));
    assert_eq!(query("/a?b=c?d").as_deref(), Some(&b"b=c?d"[..]));
    assert_eq!(RequestPath::parse(b"/a?\xff").unwrap().query().unwrap().0, b"\xff");
}

/// A path as it is escaped byte by byte.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'/' { "/".to_owned() } else { format!("%{byte:02x}") }).collect()
}

proptest! {
    #[test]
    fn no_target_makes_it_panic_and_what_it_reads_holds_what_it_says(target in any::<Vec<u8>>()) {
        check(&target)?;
    }

    #[test]
    fn nor_does_one_that_looks_like_a_path(target in "/([a-zA-Z./;%?#\\\\ü]|%[0-9a-fA-F]{2}){0,24}") {
        check(target.as_bytes())?;
    }

    #[test]
    fn a_path_and_its_escapes_are_one_path(text in "(/[a-z]{1,5}(-[a-z]{0,4})?){1,4}") {
        prop_assert_eq!(read(&text), Ok(text.clone()));
        prop_assert_eq!(read(&escaped(&text)), Ok(text));
    }
}

/// What is promised of every path that is not ambiguous.
fn check(target: &[u8]) -> Result<(), TestCaseError> {
    let Ok(path) = RequestPath::parse(target) else { return Ok(()) };
    let text = path.as_str();
    prop_assert!(
        text.starts_with('/')
            && !text.contains(['\\', ';', '%', '?', '#'])
            && !text.contains(char::is_control)
    );
    let segments: Vec<&str> = text.split('/').skip(1).collect();
    prop_assert!(segments.iter().rev().skip(1).all(|segment| !segment.is_empty()));
    prop_assert!(segments.iter().all(|segment| !matches!(*segment, "." | "..")));
    Ok(())
}
