use super::*;
use crate::control::limits::store::Key;
use crate::control::limits::store::Part;

#[test]
fn memory_is_fixed_before_the_first_request() {
    for (size, keys, bytes) in [("64KiB", 63, 63_000), ("4MiB", 4_095, 4_095_000)] {
        let store = InMemory::default();
        let memory = Memory::new(size.parse().unwrap()).unwrap();
        let limiter = Limiter::prepare(memory, &store, [1; 16]).unwrap();
        let (made, taken) = store.size();
        assert_eq!(
            (made - 3, taken - 24),
            (keys, bytes),
            "{size}: the secret and the number of buckets aside"
        );
        let all = limits(r#"{ "a": { "key": ["ip"], "rate": "1/1h" } }"#);
        for n in 0..10_000 {
            ask(&limiter, &all, &Caller::nth(n), NOW, &store);
        }
        assert_eq!(store.size(), (made, taken), "{size}: ten thousand keys later");
    }
}

#[test]
fn the_capacity_is_told_in_bytes_buckets_and_keys() {
    let limiter = Limiter::prepare(Memory::DEFAULT, &InMemory::default(), [1; 16]).unwrap();
    let want = "4193280 bytes: 1024 buckets and 24576 live keys in each of three parts, \
                and 1364 of limits that count distinct values";
    assert_eq!(limiter.capacity().to_string(), want);
}

#[test]
fn preparing_again_keeps_the_secret_and_what_was_counted() {
    let (store, all) = (InMemory::default(), limits(r#"{ "a": { "key": ["ip"], "rate": "2/1h" } }"#));
    let caller = Caller::ip("192.0.2.1");
    let first = Limiter::prepare(Memory::DEFAULT, &store, [1; 16]).unwrap();
    assert_eq!(admitted(&first, &all, &caller, NOW, 1, &store), 1);
    let second = Limiter::prepare(Memory::DEFAULT, &store, [2; 16]).unwrap();
    assert_eq!(admitted(&second, &all, &caller, NOW, 9, &store), 1, "another worker, other random bytes");
    assert_eq!(admitted(&first, &all, &caller, NOW, 9, &store), 0);
}

#[test]
fn a_larger_memory_adds_buckets_and_leaves_the_rest() {
    let store = InMemory::default();
    Limiter::prepare(Memory::new(Memory::LEAST).unwrap(), &store, [1; 16]).unwrap();
    let marked = Key::Bucket(Part::Open, 15);
    let (value, stamp) = store.read(marked).unwrap();
    store.swap(marked, &value, Some(stamp)).unwrap();
    let before = store.read(marked);
    Limiter::prepare(Memory::DEFAULT, &store, [1; 16]).unwrap();
    assert_eq!(store.read(marked), before);
    assert_eq!(store.size().0, 4_095 + 3);
}

#[test]
fn keys_have_a_prefix_and_a_version_and_no_slash() {
    let keys = [
        Key::Secret,
        Key::Made,
        Key::Bucket(Part::Claimed, 7),
        Key::Bucket(Part::Open, 0),
        Key::Bucket(Part::Shadow, u32::MAX),
        Key::Wide(Part::Claimed, u32::MAX),
    ];
    assert_eq!(
        keys.map(|key| key.to_string()),
        [
            "portcullis.limits.secret",
            "portcullis.limits.v2.made",
            "portcullis.limits.v2.claimed.7",
            "portcullis.limits.v2.open.0",
            "portcullis.limits.v2.shadow.4294967295",
            "portcullis.limits.v2.wide.claimed.4294967295",
        ]
    );
}

/// Shared memory that forgets.
struct Sieve;

impl Buckets for Sieve {
    fn read(&self, _: impl BucketKey) -> Option<(Vec<u8>, u32)> {
        None
    }

    fn swap(&self, _: impl BucketKey, _: &[u8], _: Option<u32>) -> Result<(), Clash> {
        Ok(())
    }
}

#[test]
fn a_memory_that_does_not_keep_its_values_is_refused() {
    assert_eq!(Limiter::prepare(Memory::DEFAULT, &Sieve, [1; 16]).err(), Some(Unprepared));
}
