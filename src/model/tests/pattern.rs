use proptest::prelude::*;

use super::message;
use crate::model::path::RequestPath;
use crate::model::pattern::PathPattern;
use crate::model::pattern::Segment;

fn literal(text: &str) -> Segment {
    Segment::Literal(text.into())
}

#[test]
fn a_pattern_is_literals_parameters_and_a_rest_at_the_end() {
    let parameter = |name: &str| Segment::Parameter(name.into());
    for (text, wanted) in [
        ("/", vec![]),
        ("/v1/orders", vec![literal("v1"), literal("orders")]),
        ("/v1/{order_id}", vec![literal("v1"), parameter("order_id")]),
        ("/{a}/{B2}/x", vec![parameter("a"), parameter("B2"), literal("x")]),
        ("/files/{path*}", vec![literal("files"), Segment::Rest("path".into())]),
        ("/%61%20b", vec![literal("a b")]),
        ("/gr%C3%BC%C3%9Fe", vec![literal("grüße")]),
        ("/a:b", vec![literal("a:b")]),
    ] {
        let pattern: PathPattern = text.parse().unwrap();
        assert_eq!(pattern.segments(), wanted, "{text}");
        assert_eq!(pattern.to_string(), text);
    }
    let names: PathPattern = "/{a}/b/{c*}".parse().unwrap();
    assert_eq!(names.parameters().collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn what_no_request_could_mean_is_refused() {
    for (text, why) in [
        ("", "begin it with /"),
        ("v1/orders", "begin it with /"),
        ("/v1/", "leave out empty segments and the last slash"),
        ("/v1//orders", "leave out empty segments and the last slash"),
        ("/{}", "name a parameter with 1 to 64 of A-Z a-z 0-9 _"),
        ("/{*}", "name a parameter with 1 to 64 of A-Z a-z 0-9 _"),
        ("/{order-id}", "name a parameter with 1 to 64 of A-Z a-z 0-9 _"),
        ("/v{n}", "a parameter takes a whole segment, such as /{name}/"),
        ("/{a}.json", "a parameter takes a whole segment, such as /{name}/"),
        ("/a*", "a parameter takes a whole segment, such as /{name}/"),
        ("/a?b", "a parameter takes a whole segment, such as /{name}/"),
        ("/{a*}/b", "a rest such as {name*} stands last"),
        ("/..", "no request with such a segment would be let through: it is ambiguous"),
        ("/a;b", "no request with such a segment would be let through: it is ambiguous"),
        ("/a%2fb", "no request with such a segment would be let through: it is ambiguous"),
        ("/a#b", "no request with such a segment would be let through: it is ambiguous"),
        ("/grüße", "no request with such a segment would be let through: it is ambiguous"),
    ] {
        assert_eq!(message(text.parse::<PathPattern>()), format!("`{text}` is no path; {why}"));
    }
    assert_eq!(message("/{a}/{a}".parse::<PathPattern>()), "the path parameter `a` is given twice");
    let long = format!("/{{{}}}", "a".repeat(65));
    assert!(long.parse::<PathPattern>().is_err());
}

proptest! {
    #[test]
    fn a_pattern_of_literals_is_a_path_that_requests_can_have(text in "/([a-z.;%]|%[0-9a-f]{2}){0,12}(/[a-z]{0,4}){0,3}") {
        if let Ok(pattern) = text.parse::<PathPattern>() {
            let path = RequestPath::parse(text.as_bytes());
            prop_assert!(path.is_ok(), "{}", text);
            let path = path.unwrap();
            let segments: Vec<Segment> = path.as_str().split('/').skip(1).filter(|it| !it.is_empty()).map(literal).collect();
            prop_assert_eq!(pattern.segments(), segments);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<PathPattern>();
    }
}
