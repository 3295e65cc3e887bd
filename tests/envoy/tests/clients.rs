//! The clients and the recording upstream tell the truth: what is sent arrives, byte for byte, through an Envoy without
//! a filter. Every other suite stands on this.
#![cfg(test)]

use portcullis_envoy::{Gate, Headers, Protocol, Recorder, Request, Result, Version};

fn values(headers: &Headers, name: &str) -> Vec<Vec<u8>> {
    headers.all(name).map(<[u8]>::to_vec).collect()
}

#[test]
fn headers_arrive_as_bytes_and_as_often_as_they_were_sent() -> Result {
    let upstream =
        Recorder::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-back: caf\xe9\r\n\r\nhello")?;
    let gate = Gate::before(upstream.address()).start()?;
    for protocol in Protocol::BOTH {
        let request =
            Request::get("/v1/orders/1?a=b").header("x-odd", b"caf\xe9\xff").header("x-odd", "second");
        let answer = gate.client(protocol).send(&request)?;
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello"), "{protocol:?}");
        assert_eq!(values(&answer.headers, "x-back"), [b"caf\xe9"], "{protocol:?}");

        let seen = upstream.take();
        let [seen] = seen.as_slice() else { panic!("{protocol:?}: {seen:?}") };
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/v1/orders/1?a=b"));
        assert_eq!(values(&seen.headers, "x-odd"), [b"caf\xe9\xff".as_slice(), b"second"], "{protocol:?}");
        assert_eq!(values(&seen.headers, "host"), [b"api.shop.example"], "{protocol:?}");
    }
    Ok(())
}

#[test]
fn bodies_in_chunks_with_trailers_arrive_whole() -> Result {
    let upstream = Recorder::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n",
    )?;
    let gate = Gate::before(upstream.address()).h1_trailers().start()?;
    for protocol in Protocol::BOTH {
        let request = Request::new("POST", "/").chunk("one").chunk("").chunk("two").trailer("x-check", "6");
        // An empty chunk would end an HTTP/1.1 body.
        let request = match protocol {
            Protocol::H1 => Request { body: vec![b"one".into(), b"two".into()], ..request },
            Protocol::H2 => request,
        };
        let answer = gate.client(protocol).send(&request)?;
        assert_eq!(
            (answer.text().as_str(), answer.trailers.get("x-sum").as_deref()),
            ("abcde", Some("5")),
            "{protocol:?}"
        );

        let seen = upstream.take();
        let [seen] = seen.as_slice() else { panic!("{protocol:?}: {seen:?}") };
        assert_eq!(seen.body, b"onetwo", "{protocol:?}");
        assert_eq!(seen.trailers.get("x-check").as_deref(), Some("6"), "{protocol:?}");
    }
    Ok(())
}

#[test]
fn five_mebibytes_go_and_come_back_unchanged() -> Result {
    let upstream = Recorder::start(|seen| {
        [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", seen.body.len()).as_bytes(), &seen.body]
            .concat()
    })?;
    let gate = Gate::before(upstream.address()).start()?;
    let body: Vec<u8> = (0..5 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
    for protocol in Protocol::BOTH {
        for row in ["whole", "in chunks"] {
            let size = if row == "whole" { body.len() } else { 64 << 10 };
            let request = body.chunks(size).fold(Request::new("PUT", "/"), Request::chunk);
            let answer = gate.client(protocol).send(&request)?;
            assert!(answer.body == body, "{protocol:?} {row}: {} bytes came back", answer.body.len());
        }
    }
    Ok(())
}

#[test]
fn an_answer_without_a_body_ends_where_its_head_ends() -> Result {
    let upstream = Recorder::start(|seen| match seen.path.as_str() {
        "/204" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "/304" => b"HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".to_vec(),
    })?;
    let gate = Gate::before(upstream.address()).start()?;
    for protocol in Protocol::BOTH {
        let mut connection = gate.client(protocol).connect()?;
        for (row, method, status) in [("/204", "GET", 204), ("/304", "GET", 304), ("/head", "HEAD", 200)] {
            let answer = connection.send(&Request::new(method, row))?;
            assert_eq!((answer.status, answer.body.len()), (status, 0), "{protocol:?} {row}");
        }
    }
    assert_eq!(upstream.take().len(), 6);
    Ok(())
}

#[test]
fn raw_bytes_reach_envoy_as_they_are() -> Result {
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    let gate = Gate::before(upstream.address()).start()?;
    for client in [gate.client(Protocol::H1), gate.cleartext(Protocol::H1)] {
        let mut raw = client.connect_raw()?;
        raw.write("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nHEAD /2 HTTP/1.1\r\nhost: a\r\n\r\n")?;
        assert_eq!(raw.answer()?.text(), "ok");
        assert_eq!(raw.answer_to_head()?.status, 200);
        raw.write("GET /3 HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n")?;
        assert_eq!(raw.answer()?.status, 400);
        raw.closed()?;
    }
    assert_eq!(upstream.take().len(), 4);
    assert_eq!(upstream.begun(), 4);
    Ok(())
}

#[test]
fn many_requests_at_once_are_all_answered_by_four_workers() -> Result {
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let gate = Gate::before(upstream.address()).workers(4).start()?;
    let requests: Vec<_> = (0..50).map(|at| Request::get(format!("/{at}"))).collect();
    for protocol in Protocol::BOTH {
        let answers = gate.client(protocol).send_together(&requests)?;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 50, "{protocol:?}");
    }
    assert_eq!(upstream.take().len(), 100);
    Ok(())
}

#[test]
fn logs_statistics_and_memory_are_readable() -> Result {
    let upstream = Recorder::answering("HTTP/1.1 204 No Content\r\n\r\n")?;
    let gate = Gate::before(upstream.address()).start()?;
    gate.client(Protocol::H2).only(Version::V1_2).send(&Request::get("/v1/secret-path?token=x"))?;
    let log = gate.access_log(1)?;
    let entry = |name: &str| log[0][name].as_str().map(ToOwned::to_owned);
    assert_eq!((entry("protocol"), entry("tls")), (Some("HTTP/2".into()), Some("TLSv1.2".into())));
    assert!(!log[0].to_string().contains("secret-path"), "a path names people: {}", log[0]);
    assert_eq!(gate.stats("http.edge.downstream_rq_2xx")?.values().sum::<u64>(), 1);
    assert!(gate.prometheus()?.contains("envoy_http_downstream_rq_http2_total"));
    assert!(gate.memory()? > 10 << 20);
    Ok(())
}

#[test]
fn the_upstream_can_be_spoken_to_over_http2() -> Result {
    let upstream = Recorder::answering("HTTP/1.1 204 No Content\r\n\r\n")?;
    let inner = Gate::before(upstream.address()).start()?;
    let outer = Gate::before(inner.cleartext_address()).upstream_h2().start()?;
    assert_eq!(outer.client(Protocol::H1).send(&Request::get("/"))?.status, 204);
    assert_eq!(inner.access_log(1)?[0]["protocol"], "HTTP/2");
    Ok(())
}
