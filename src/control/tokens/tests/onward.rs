use super::*;

fn subjects(claims: Value) -> Subjects {
    Subjects::unproved([(0, claims)])
}

#[test]
fn forwards_what_can_stand_in_a_header_and_counts_the_rest() {
    let user = merged(
        definition(&mint::jwks(&["es"])),
        &json!({ "forward": { "X-Value": "user.value|user:/other/value" } }),
    );
    let (definitions, faults, _) = compile(&json!({ "user": user }), &[]);
    assert_eq!(faults, [""; 0]);
    let rows = [
        (json!("u1"), Some("u1")),
        (json!("Ada King, \"x\""), Some("Ada King, \"x\"")),
        (json!(" u1"), None),
        (json!("u1 "), None),
        (json!(""), None),
        (json!("a\r\nx-admin: true"), None),
        (json!("a\tb"), None),
        (json!("a\u{0}b"), None),
        (json!("a\u{7f}b"), None),
        (json!("Zoë"), None),
        (json!(42), Some("42")),
        (json!(-0.5), Some("-0.5")),
        (json!(true), Some("true")),
        (json!(["a", 1, null]), Some(r#"["a",1,null]"#)),
        (json!({ "name": "Zoë 😀\n\u{7f}" }), Some(r#"{"name":"Zo\u00eb \ud83d\ude00\n\u007f"}"#)),
    ];
    for (value, expected) in rows {
        let subjects = subjects(json!({ "value": value }));
        let out = forwarded(&definitions, &subjects);
        let sent: Vec<(&str, &str)> =
            out.headers.iter().map(|(name, value)| (&**name, std::str::from_utf8(value).unwrap())).collect();
        assert_eq!(sent, expected.map(|text| ("x-value", text)).into_iter().collect::<Vec<_>>(), "{value}");
        assert_eq!(out.unsent, usize::from(expected.is_none()), "{value}");
        assert!(sent.iter().all(|(_, text)| text.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
    }
    let absent = subjects(json!({ "value": null, "else": 1 }));
    assert_eq!(forwarded(&definitions, &absent), Forwarded::default());
    let second = subjects(json!({ "value": null, "other": { "value": "b" } }));
    assert_eq!(forwarded(&definitions, &second).headers, [("x-value".into(), b"b".to_vec())]);
    assert_eq!(forwarded(&definitions, &Subjects::default()), Forwarded::default());
    assert_eq!(definitions.forwarded_headers().collect::<Vec<_>>(), ["x-value"]);
}

#[test]
fn only_a_good_token_that_is_kept_goes_on() {
    let of = |patch: Value| merged(definition(&mint::jwks(&["es"])), &patch);
    let tokens = json!({
        "user": of(json!({ "keep": true })),
        "staff": of(json!({ "issuer": "https://staff.example" })),
        "app": of(json!({ "issuer": "https://app.example", "in": { "header": "x-app" } })),
    });
    let (definitions, faults, _) = compile(&tokens, &[]);
    assert_eq!(faults, [""; 0]);
    // By index `app`, `staff`, `user`.
    let bearer = Headers::from_pairs([("authorization", "Bearer x")]);
    let proved = |token| Subjects::unproved([(token, json!({}))]);
    let rows: [(&str, Subjects, &[&str]); 4] = [
        ("nobody is proved", Subjects::default(), &["x-app", "authorization"]),
        ("the kept one", proved(2), &["x-app"]),
        ("another in the same header", proved(1), &["x-app", "authorization"]),
        ("one that is not kept", proved(0), &["x-app", "authorization"]),
    ];
    for (row, subjects, expected) in rows {
        assert_eq!(gone(&definitions, &subjects, &bearer), expected, "{row}");
    }
}

fn gone<'d>(definitions: &'d Definitions, subjects: &Subjects, headers: &Headers) -> Vec<&'d str> {
    stripped(definitions, subjects, headers).into_iter().map(|name| &**name).collect()
}

#[test]
fn basic_credentials_that_nobody_reads_go_on_and_no_other_scheme_does() {
    let good = definition(&mint::jwks(&["es"]));
    let (definitions, ..) = compile(&json!({ "user": good }), &[]);
    let rows: [(&[&str], bool); 7] = [
        (&["Basic Y2xpZW50OnNlY3JldA=="], true),
        (&["basic Y2xpZW50OnNlY3JldA=="], true),
        (&["Basic"], false),
        (&["Bearer x"], false),
        (&["JWT x"], false),
        (&["Basic Y2xpZW50OnNlY3JldA==", "Bearer x"], false),
        (&["Basic a, Bearer x"], false),
    ];
    for (values, goes_on) in rows {
        let headers = Headers::from_pairs(values.iter().map(|value| ("authorization", value)));
        let gone = gone(&definitions, &Subjects::default(), &headers);
        assert_eq!(gone.is_empty(), goes_on, "{values:?}");
    }
    let read = merged(good, &json!({ "in": { "scheme": "Basic" } }));
    let (definitions, ..) = compile(&json!({ "user": read }), &[]);
    let headers = Headers::from_pairs([("authorization", "Basic x")]);
    assert_eq!(gone(&definitions, &Subjects::default(), &headers), ["authorization"]);
}
