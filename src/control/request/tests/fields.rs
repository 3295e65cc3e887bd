//! Forms and multipart bodies: one reading, or none.

use serde_json::Value;
use serde_json::json;

use crate::control::request::Request;
use crate::control::request::tests::code;
use crate::control::request::tests::compile;
use crate::control::request::tests::headers;
use crate::refusal::Refusal;

fn read(request: &Request, content_type: &str, text: &[u8]) -> Result<Value, Refusal> {
    let headers = headers(&[("content-type", content_type)]);
    request.check_form(&headers, false)?;
    let value = request.check_json(&headers, text)?;
    request.check_schema(&value)?;
    Ok(value)
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_form_becomes_the_object_that_its_schema_judges() {
    let form = compile(&json!({"content": "form", "schema": "form"})).unwrap();
    assert!(form.needs_body() && form.has_schema());
    for (text, want) in [
        ("id=a", json!({"id": "a"})),
        ("id=a+b%2Bc", json!({"id": "a b+c"})),
        ("%69d=%C3%BC", json!({"id": "ü"})),
        ("id=&n=7&ok=true", json!({"id": "", "n": 7, "ok": true})),
        ("id=a=b", json!({"id": "a=b"})),
        ("tag=x&id=1&tag=y", json!({"id": "1", "tag": ["x", "y"]})),
        ("id=1&tag=x", json!({"id": "1", "tag": ["x"]})),
        ("id=a@b.example:/?", json!({"id": "a@b.example:/?"})),
    ] {
        assert_eq!(read(&form, FORM, text.as_bytes()), Ok(want), "{text}");
    }
    for (text, want) in [
        ("", "request.body_missing"),
        ("id", "request.malformed"),
        ("id=a&", "request.malformed"),
        ("&id=a", "request.malformed"),
        ("id=a&&n=1", "request.malformed"),
        ("=a", "request.malformed"),
        ("id=a;n=1", "request.malformed"),
        ("id=%", "request.malformed"),
        ("id=%4", "request.malformed"),
        ("id=%4g", "request.malformed"),
        ("id=%+1", "request.malformed"),
        ("id=%u0041", "request.malformed"),
        ("id=%FF", "request.malformed"),
        ("id=%C0%AF", "request.malformed"),
        ("id=%ED%A0%80", "request.malformed"),
        ("id=a b", "request.malformed"),
        ("id=a\nn=1", "request.malformed"),
        ("id=ü", "request.malformed"),
        ("i%00d=a", "request.malformed"),
        ("{\"id\":\"a\"}", "request.malformed"),
        ("id=a&id=a", "request.duplicate_name"),
        ("id=a&%69d=b", "request.duplicate_name"),
        ("id=a&ID=b", "request.duplicate_name"),
        ("user_id=a&user.id=b", "request.duplicate_name"),
        ("user_id=a&user+id=b", "request.duplicate_name"),
        ("id[]=a", "request.malformed"),
        ("id[$ne]=a", "request.malformed"),
        ("id=a&role=admin", "request.schema"),
        ("n=1", "request.schema"),
        ("id=a&n=1e1", "request.schema"),
        ("id=a&n=+1", "request.schema"),
        ("id=a&n=01", "request.schema"),
        ("id=a&ok=yes", "request.schema"),
        ("id=a&tag=x&tag=y&tag=z", "request.schema"),
    ] {
        assert_eq!(code(read(&form, FORM, text.as_bytes())), want, "{text:?}");
    }
    let long = format!("{}=a", "x".repeat(257));
    assert_eq!(code(read(&form, FORM, long.as_bytes())), "request.structure");
    let many = "tag=x&".repeat(10_001) + "id=a";
    assert_eq!(code(read(&form, FORM, many.as_bytes())), "request.structure");
    for (given, want) in [
        ("application/x-www-form-urlencoded; charset=UTF-8", "ok"),
        ("application/x-www-form-urlencoded; charset=latin1", "request.content_type"),
        ("application/json", "request.content_type"),
        ("text/plain", "request.content_type"),
        ("multipart/form-data; boundary=b", "request.content_type"),
    ] {
        assert_eq!(code(read(&form, given, b"id=a")), want, "{given}");
    }
}

const PARTS: &str = "multipart/form-data; boundary=b";

/// Parts between boundaries, each headers and what follows.
fn parts(parts: &[(&str, &str)]) -> String {
    let each = |(head, body): &(&str, &str)| format!("--b\r\n{head}\r\n\r\n{body}\r\n");
    parts.iter().map(each).collect::<String>() + "--b--\r\n"
}

#[test]
fn a_multipart_body_becomes_its_fields_and_the_size_of_its_files() {
    let request = compile(&json!({"content": "multipart", "schema": "upload"})).unwrap();
    let id = ("Content-Disposition: form-data; name=\"id\"", "a");
    let file =
        "content-disposition: form-data; name=\"file\"; filename=\"me.png\"\r\ncontent-type: image/png";
    let told = json!({"type": "image/png", "bytes": 4});
    for (row, text, want) in [
        ("a field", parts(&[id]), json!({"id": "a"})),
        (
            "a number",
            parts(&[id, ("content-disposition: form-data; name=n", "7")]),
            json!({"id": "a", "n": 7}),
        ),
        ("a file", parts(&[id, (file, "\0\r\n\u{1}")]), json!({"id": "a", "file": told})),
        ("a file with dashes", parts(&[id, (file, "\n--a")]), json!({"id": "a", "file": told})),
        (
            "headers that say what is so anyway",
            parts(&[(
                "content-disposition: form-data; name=\"id\"\r\ncontent-length: 1\r\ncontent-transfer-encoding: binary\r\ncontent-type: text/plain; charset=utf-8",
                "a",
            )]),
            json!({"id": "a"}),
        ),
        ("an empty field", parts(&[("content-disposition: form-data; name=\"id\"", "")]), json!({"id": ""})),
        ("no CRLF at the end", parts(&[id]).trim_end().to_owned(), json!({"id": "a"})),
        (
            "two files of a list",
            parts(&[
                id,
                (&file.replace("\"file\"", "\"more\""), "1234"),
                (&file.replace("\"file\"", "\"more\""), "5678"),
            ]),
            json!({"id": "a", "more": [told, told]}),
        ),
    ] {
        assert_eq!(read(&request, PARTS, text.as_bytes()), Ok(want), "{row}");
    }
    let head = |head: &str| parts(&[(head, "a")]);
    for (row, text, want) in [
        ("nothing", String::new(), "request.body_missing"),
        ("no boundary", "id=a".into(), "request.malformed"),
        ("another boundary", parts(&[id]).replace("--b", "--c"), "request.malformed"),
        (
            "no last boundary",
            "--b\r\ncontent-disposition: form-data; name=\"id\"\r\n\r\na".into(),
            "request.malformed",
        ),
        ("cut off in the last boundary", parts(&[id]).replace("--b--\r\n", "--b-"), "request.malformed"),
        ("text in front", format!("x\r\n{}", parts(&[id])), "request.malformed"),
        ("an empty line in front", format!("\r\n{}", parts(&[id])), "request.malformed"),
        ("text behind", parts(&[id]) + "x", "request.malformed"),
        ("a second body behind", parts(&[id]) + &parts(&[id]), "request.malformed"),
        (
            "a boundary with spaces behind",
            parts(&[id, id]).replacen("a\r\n--b\r\n", "a\r\n--b \r\n", 1),
            "request.malformed",
        ),
        (
            "a boundary that goes on",
            parts(&[id, id]).replacen("a\r\n--b\r\n", "a\r\n--bb\r\n", 1),
            "request.malformed",
        ),
        (
            "a boundary behind a bare LF",
            parts(&[(
                "content-disposition: form-data; name=\"id\"",
                "a\n--b\r\ncontent-disposition: form-data; name=\"n\"\r\n\r\n1",
            )]),
            "request.malformed",
        ),
        ("bare LFs", parts(&[id]).replace("\r\n", "\n"), "request.malformed"),
        ("only the last boundary", "--b--\r\n".into(), "request.schema"),
        ("no headers", "--b\r\n\r\na\r\n--b--\r\n".into(), "request.malformed"),
        ("no name", head("content-disposition: form-data"), "request.malformed"),
        ("an empty name", head("content-disposition: form-data; name=\"\""), "request.malformed"),
        ("two names", head("content-disposition: form-data; name=\"id\"; name=\"n\""), "request.malformed"),
        (
            "two dispositions",
            head("content-disposition: form-data; name=\"id\"\r\ncontent-disposition: form-data; name=\"n\""),
            "request.malformed",
        ),
        ("a name by a star", head("content-disposition: form-data; name*=utf-8''id"), "request.malformed"),
        (
            "a file's name by a star",
            head("content-disposition: form-data; name=\"id\"; filename*=utf-8''x"),
            "request.malformed",
        ),
        ("a backslash in a name", head("content-disposition: form-data; name=\"i\\d\""), "request.malformed"),
        (
            "a quote within a name",
            head("content-disposition: form-data; name=\"id\"x\""),
            "request.malformed",
        ),
        ("an attachment", head("content-disposition: attachment; name=\"id\""), "request.malformed"),
        (
            "another parameter",
            head("content-disposition: form-data; name=\"id\"; size=1"),
            "request.malformed",
        ),
        ("a folded header", head("content-disposition: form-data;\r\n name=\"id\""), "request.malformed"),
        (
            "a path for a file's name",
            head("content-disposition: form-data; name=\"id\"; filename=\"../../x\""),
            "request.malformed",
        ),
        (
            "another header",
            head("content-disposition: form-data; name=\"id\"\r\nx-a: b"),
            "request.malformed",
        ),
        (
            "a space before the colon",
            head("content-disposition : form-data; name=\"id\""),
            "request.malformed",
        ),
        (
            "base64",
            head("content-disposition: form-data; name=\"id\"\r\ncontent-transfer-encoding: base64"),
            "request.malformed",
        ),
        (
            "another length",
            head("content-disposition: form-data; name=\"id\"\r\ncontent-length: 2"),
            "request.malformed",
        ),
        (
            "parts in a part",
            head("content-disposition: form-data; name=\"id\"\r\ncontent-type: multipart/mixed; boundary=c"),
            "request.schema",
        ),
        (
            "headers without end",
            head(&format!("content-disposition: form-data; name=\"{}\"", "x".repeat(2000))),
            "request.malformed",
        ),
        ("a name twice", parts(&[id, id]), "request.duplicate_name"),
        (
            "a name twice in another case",
            parts(&[id, ("content-disposition: form-data; name=\"Id\"", "b")]),
            "request.duplicate_name",
        ),
        ("a name of brackets", head("content-disposition: form-data; name=\"id[]\""), "request.malformed"),
        (
            "an undeclared name",
            parts(&[id, ("content-disposition: form-data; name=\"role\"", "admin")]),
            "request.schema",
        ),
        (
            "a file for a field",
            head("content-disposition: form-data; name=\"id\"; filename=\"x\""),
            "request.schema",
        ),
        (
            "a field for a file",
            parts(&[id, ("content-disposition: form-data; name=\"file\"", "x")]),
            "request.schema",
        ),
        ("a file of another type", parts(&[id, (&file.replace("png", "svg+xml"), "x")]), "request.schema"),
        ("a file that is too large", parts(&[id, (file, "12345")]), "request.schema"),
    ] {
        assert_eq!(code(read(&request, PARTS, text.as_bytes())), want, "{row}: {text:?}");
    }
    let latin =
        [b"--b\r\ncontent-disposition: form-data; name=\"id\"\r\n\r\n".as_slice(), b"\xe9\r\n--b--"].concat();
    assert_eq!(code(read(&request, PARTS, &latin)), "request.malformed");
    for (given, want) in [
        ("multipart/form-data; boundary=\"b\"", "ok"),
        ("Multipart/Form-Data;boundary=b", "ok"),
        ("multipart/form-data", "request.content_type"),
        ("multipart/form-data; boundary=", "request.content_type"),
        ("multipart/form-data; boundary=b; boundary=c", "request.content_type"),
        ("multipart/form-data; boundary=\"b \"", "request.content_type"),
        ("multipart/form-data; boundary=\"b*\"", "request.content_type"),
        ("multipart/mixed; boundary=b", "request.content_type"),
        ("application/x-www-form-urlencoded", "request.content_type"),
    ] {
        assert_eq!(code(read(&request, given, parts(&[id]).as_bytes())), want, "{given}");
    }
}

#[test]
fn without_a_schema_forms_and_multipart_stream_and_are_counted() {
    for (content, given) in [("form", FORM), ("multipart", PARTS)] {
        let request = compile(&json!({"content": content})).unwrap();
        assert!(!request.needs_body() && request.counts_body());
        assert_eq!(code(request.check_form(&headers(&[("content-type", given)]), false)), "ok");
        assert_eq!(
            code(request.check_form(&headers(&[("content-type", given)]), true)),
            "request.body_missing"
        );
        assert_eq!(
            code(request.check_form(&headers(&[("content-type", "text/plain")]), false)),
            "request.content_type"
        );
    }
}
