//! Crowds: one hot key at every worker, and more keys than there is memory for.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::thread;
use std::time::Duration;

use portcullis_envoy::{Gate, Protocol, Request, Result};
use tokio::time::Instant;

use crate::{passed, routes, token, upstream};

const RATE: f64 = 400.0;
const BURST: f64 = 1_000.0;

/// 64 connections, each of which asks again as soon as it is answered.
fn one_hot_key(long: Duration) -> Result {
    let upstream = upstream()?;
    let limits = "  hot: { key: [route], rate: 400/1s, burst: 1000 }";
    let gate = Gate::before(upstream.address())
        .workers(4)
        .policy(routes("hot", limits, &[("hot", "hot")], ""))
        .start()?;
    let address = gate.cleartext_address();
    let begin = Instant::now();
    let asking: Vec<_> = (0..64).map(|_| thread::spawn(move || ask_for(address, begin + long))).collect();
    let (mut admitted, mut refused, mut asked_for) = (0, 0, Duration::ZERO);
    for one in asking {
        let told = one.join().unwrap()?;
        admitted += told.0;
        refused += told.1;
        // What came back after the last connection asked for the last time is nobody's loss.
        asked_for = asked_for.max(told.2.duration_since(begin));
    }
    let most = BURST + RATE * begin.elapsed().as_secs_f64();
    let fair = BURST + RATE * asked_for.as_secs_f64();
    println!(
        "{admitted} admitted of {} in {asked_for:?}: at most {most:.1}, and {:.3} % of the {fair:.1} that were due",
        admitted + refused,
        100.0 * f64::from(admitted) / fair
    );
    assert!(f64::from(admitted) <= most, "{admitted} of at most {most}");
    assert!(f64::from(admitted) >= 0.99 * fair, "{admitted} of {fair}, {refused} refused");
    assert_eq!(upstream.begun(), usize::try_from(admitted)?, "seen upstream");
    gate.unharmed()
}

/// How many were admitted, how many refused, and when it asked for the last time.
fn ask_for(address: SocketAddr, end: Instant) -> Result<(u32, u32, Instant)> {
    let mut asking = Asking::of(address)?;
    let (mut admitted, mut refused, mut last) = (0, 0, Instant::now());
    while last < end {
        last = Instant::now();
        match asking.status("/hot", "")? {
            200 => admitted += 1,
            429 => refused += 1,
            status => anyhow::bail!("{status}"),
        }
    }
    Ok((admitted, refused, last))
}

#[test]
fn one_hot_key_at_four_workers_gets_its_burst_and_rate_and_no_more() -> Result {
    one_hot_key(Duration::from_secs(5))
}

#[test]
#[ignore = "half a minute of load: cargo test -p portcullis-envoy --test limits -- --ignored"]
fn one_hot_key_at_four_workers_gets_its_burst_and_rate_for_half_a_minute() -> Result {
    one_hot_key(Duration::from_secs(30))
}

const BY_DEVICE: &str = "  by-device: { key: [header.x-device], missing: deny, rate: 5/1d, burst: 5 }";
/// Refused for want of a token once the limit has counted them, so that the upstream is not what is measured.
const GUARDED: &str = "  - { name: guarded, match: { method: GET, path: /guarded }, tokens: [user], access: authenticated, limits: [by-device] }\n";

#[test]
fn a_hundred_thousand_keys_take_no_more_memory_than_a_thousand() -> Result {
    flooded(100_000)
}

#[test]
#[ignore = "minutes of load: cargo test -p portcullis-envoy --test limits -- --ignored"]
fn a_million_keys_take_no_more_memory_than_a_thousand() -> Result {
    flooded(1_000_000)
}

/// So many devices, each with a key of its own.
fn flooded(keys: usize) -> Result {
    /// A slot for each of a hundred thousand keys would be three times as much.
    const BOUND: u64 = 1 << 20;
    let upstream = upstream()?;
    let gate = Gate::before(upstream.address())
        .workers(4)
        .policy(routes("flood", BY_DEVICE, &[("open", "by-device")], GUARDED))
        .start()?;
    let client = gate.cleartext(Protocol::H1);
    let device = |name: &str| Request::get("/open").header("x-device", name);
    assert_eq!(passed(&client, &device("spent"), 10)?, 5);
    assert_eq!(passed(&client, &device("half"), 3)?, 3);

    let first = flood(gate.cleartext_address(), 0..1_000);
    assert_eq!(first, (1_000, 0), "as long as there is room each key has a budget of its own");
    let before = gate.memory()?;
    let (counted, refused) = flood(gate.cleartext_address(), 1_000..keys);
    let after = gate.memory()?;
    let grown = after.saturating_sub(before);

    println!(
        "{keys} keys: {counted} found a budget and {refused} none; {before} bytes resident after 1,000 keys, {after} after all"
    );
    assert!(grown < BOUND, "grown by {grown} bytes");

    assert_eq!(counted + refused, keys - 1_000);
    // The table of 4 MiB: buckets of 24 keys each, whose newcomers share one budget of 5.
    assert_eq!(
        counted + 1_000 + 2,
        1_024 * (24 + 5),
        "more live keys than slots: newcomers share what is left"
    );
    assert_eq!(
        passed(&client, &device("spent"), 5)?,
        0,
        "whoever cycles through keys gains nothing on his own"
    );
    assert_eq!(passed(&client, &device("half"), 10)?, 2, "and a live key keeps just what it had");
    Ok(())
}

#[test]
fn who_has_signed_in_keeps_his_budget_while_strangers_flood() -> Result {
    let upstream = upstream()?;
    let limits = format!("{BY_DEVICE}\n  by-user: {{ key: [user.sub], rate: 10/1d, burst: 10 }}");
    let more = "  - { name: mine, match: { method: GET, path: /mine }, tokens: [user], access: authenticated, limits: [by-user] }\n";
    let policy = routes("signed-in", &limits, &[], &format!("{GUARDED}{more}"));
    let gate = Gate::before(upstream.address()).workers(4).policy(policy).start()?;
    let client = gate.cleartext(Protocol::H2);
    let of = |name: &str| Request::get("/mine").bearer(&token(name));
    assert_eq!(passed(&client, &of("before"), 3)?, 3);
    let address = gate.cleartext_address();
    let flooding = thread::spawn(move || flood(address, 0..50_000));
    let mut turn = 0;
    while turn < 20 || !flooding.is_finished() {
        assert_eq!(passed(&client, &of(&format!("during-{turn}")), 11)?, 10, "turn {turn}");
        turn += 1;
    }
    let (counted, refused) = flooding.join().unwrap();
    assert_eq!(counted + refused, 50_000);
    assert!(refused > 15_000, "the strangers' part is full: {refused}");
    assert_eq!(passed(&client, &of("before"), 10)?, 7, "what was left");
    assert_eq!(passed(&client, &of("after"), 11)?, 10, "a newcomer's");
    gate.unharmed()
}

/// Sends one request for each of these devices over a few connections, and answers how many were refused for want of a
/// token, and how many for their limit.
fn flood(address: SocketAddr, devices: Range<usize>) -> (usize, usize) {
    const CONNECTIONS: usize = 8;
    let share = devices.len().div_ceil(CONNECTIONS);
    let shares = devices.clone().step_by(share).map(|from| from..(from + share).min(devices.end));
    let under_way: Vec<_> = shares.map(|share| thread::spawn(move || flood_one(address, share))).collect();
    under_way.into_iter().fold((0, 0), |sum, one| {
        let (counted, refused) = one.join().unwrap().unwrap();
        (sum.0 + counted, sum.1 + refused)
    })
}

fn flood_one(address: SocketAddr, devices: Range<usize>) -> Result<(usize, usize)> {
    let mut asking = Asking::of(address)?;
    let (mut counted, mut refused) = (0, 0);
    for device in devices {
        let status = asking.status("/guarded", &format!("x-device: {device}\r\n"))?;
        counted += usize::from(status == 401);
        refused += usize::from(status == 429);
    }
    Ok((counted, refused))
}

/// A connection that asks by hand, since the harness's clients would take most of the time. One request after the other:
/// Envoy gives up a connection on which more than two answers wait.
struct Asking {
    stream: TcpStream,
    told: [u8; 4096],
}

impl Asking {
    fn of(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream, told: [0; 4096] })
    }

    /// The status of one request with these header lines.
    fn status(&mut self, path: &str, headers: &str) -> Result<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        self.stream.write_all(request.as_bytes())?;
        self.told.fill(0);
        let mut length = 0;
        // A problem ends with the only `}` of its answer; what passes has no body.
        while !self.told[..length].ends_with(if self.told.starts_with(b"HTTP/1.1 200") {
            b"\r\n\r\n"
        } else {
            b"}" as &[u8]
        }) {
            length += match self.stream.read(&mut self.told[length..])? {
                0 => anyhow::bail!("the connection ended"),
                length => length,
            };
        }
        Ok(std::str::from_utf8(&self.told[9..12])?.parse()?)
    }
}
