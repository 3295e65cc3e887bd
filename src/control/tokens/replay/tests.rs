#![expect(clippy::arithmetic_side_effects, reason = "tests count in small numbers")]

use std::cell::Cell;
use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::model::shared::Clash;
use crate::model::shared::InMemory;

const NOW: u32 = 1_800_000_000;

fn at(seconds: u32) -> Nanos {
    Nanos(u64::from(seconds) * 1_000_000_000)
}

/// A table of the default window: 60 s and a skew of 30 s.
fn replays(store: &InMemory) -> Replays {
    let secret = agreed_secret(store, Key::Secret, [7; 16]).unwrap();
    Replays { table: Some(Table { secret, span: 91, ahead: 31 }), counts: Counts::default() }
}

fn uses(replays: &mut Replays, id: &str, issued: u32, now: u32, store: &impl Buckets) -> Result<(), Reason> {
    uses_with(&[1; 32], replays, id, issued, now, store)
}

/// The key of one of many devices.
fn stranger(number: u32) -> [u8; 32] {
    let mut key = [9; 32];
    key[..4].copy_from_slice(&number.to_le_bytes());
    key
}

fn uses_with(
    key: &[u8; 32],
    replays: &mut Replays,
    id: &str,
    issued: u32,
    now: u32,
    store: &impl Buckets,
) -> Result<(), Reason> {
    let used = Used { key, id, issued: issued.into() };
    let place = replays.look(&used, at(now), store).map_err(|refusal| refusal.reason)?;
    replays.keep(place, at(now), store).map_err(|refusal| refusal.reason)
}

#[test]
fn a_proof_serves_once_and_another_key_or_id_is_another_proof() {
    let store = InMemory::default();
    let mut replays = replays(&store);
    assert_eq!(uses(&mut replays, "a", NOW, NOW, &store), Ok(()));
    assert_eq!(uses(&mut replays, "a", NOW, NOW + 90, &store), Err(Reason::TokensProofReplayed));
    assert_eq!(uses(&mut replays, "a", NOW + 5, NOW + 5, &store), Err(Reason::TokensProofReplayed));
    assert_eq!(uses(&mut replays, "b", NOW, NOW, &store), Ok(()));
    let used = Used { key: &[2; 32], id: "a", issued: NOW.into() };
    assert!(replays.look(&used, at(NOW), &store).is_ok(), "nobody uses up another's");
    let [kept, _, replayed, ..] = replays.take_counts();
    assert_eq!([kept, replayed], [("kept", 2), ("replayed", 2)]);
}

#[test]
fn two_workers_that_looked_at_the_same_moment_admit_one() {
    let store = InMemory::default();
    let (mut one, mut other) = (replays(&store), replays(&store));
    let used = Used { key: &[1; 32], id: "a", issued: NOW.into() };
    let (first, second) =
        (one.look(&used, at(NOW), &store).unwrap(), other.look(&used, at(NOW), &store).unwrap());
    assert!(one.keep(first, at(NOW), &store).is_ok());
    let late = other.keep(second, at(NOW), &store).unwrap_err();
    assert_eq!(late.reason, Reason::TokensProofReplayed);
    assert_eq!(other.take_counts()[4], ("clashes", 1));
}

#[test]
fn a_key_that_makes_proofs_without_end_fills_its_own_share_alone() {
    let store = InMemory::default();
    let mut replays = replays(&store);
    let share = u32::try_from(SLOTS).unwrap() * SHARE;
    let admitted =
        (0..20 * share).filter(|id| uses(&mut replays, &id.to_string(), NOW, NOW, &store).is_ok()).count();
    assert_eq!(admitted, usize::try_from(share).unwrap());
    let mut refused = 0;
    for number in 0..2_000 {
        let key = stranger(number);
        refused += u32::from(
            replays.look(&Used { key: &key, id: "a", issued: NOW.into() }, at(NOW), &store).is_err(),
        );
    }
    // The share is 16 of 2,048 buckets: less than one in a hundred, as chance has it up to twice that.
    assert!(refused <= 40, "{refused} of 2,000 strangers found no room");
}

/// One bucket, so that a test can fill it.
fn fill(count: usize, issued: u32) -> Bucket {
    let mut bucket = Bucket::empty();
    for print in 0..count {
        let print = u64::try_from(print).unwrap() + 1;
        let free = bucket.find(print, issued, issued).unwrap();
        bucket.note(free, print, issued);
    }
    bucket
}

#[test]
fn a_bucket_full_of_proofs_that_are_not_over_takes_no_more() {
    let mut bucket = fill(SLOTS, NOW);
    assert_eq!(bucket.bytes().len(), BUCKET);
    assert_eq!(bucket.find(999, NOW, NOW), Err(Taken::Full));
    assert_eq!(bucket.find(1, NOW, NOW), Err(Taken::Before));
    let free = bucket.find(999, NOW + 1, NOW + 1).unwrap();
    assert_eq!(free.live, 0);
    bucket.note(free, 999, NOW + 1);
    assert_eq!(bucket.find(999, NOW + 1, NOW + 1), Err(Taken::Before));
}

#[test]
fn what_made_room_for_another_is_not_taken_for_new_whatever_clocks_do() {
    let mut bucket = fill(SLOTS, NOW);
    let free = bucket.find(999, NOW + 100, NOW + 1).unwrap();
    bucket.note(free, 999, NOW + 100);
    // The clock steps back, or a policy takes older proofs: the first was forgotten, and is refused all the same.
    assert_eq!(bucket.find(1, NOW, NOW - 50), Err(Taken::Before));
    assert_eq!(bucket.find(5_000, NOW, NOW - 50), Err(Taken::Before), "it could have been one of them");
    assert!(bucket.find(5_000, NOW + 1, NOW + 1).is_ok());
}

#[test]
fn bytes_that_are_no_bucket_count_as_everything_used_up_to_now_and_heal() {
    let store = InMemory::default();
    let mut replays = replays(&store);
    let used = Used { key: &[1; 32], id: "a", issued: NOW.into() };
    let (key, _) = replays.table.as_ref().unwrap().place(&used);
    for lost in [&b"x"[..], &[0; BUCKET], b"pclims\x01\0"] {
        let stamp = store.read(key).map(|(_, stamp)| stamp);
        store.swap(key, lost, stamp).unwrap();
        assert_eq!(uses(&mut replays, "a", NOW, NOW, &store), Err(Reason::TokensProofReplayed));
        assert_eq!(uses(&mut replays, "a", NOW + 31, NOW + 1, &store), Err(Reason::TokensProofReplayed));
        assert_eq!(uses(&mut replays, "a", NOW + 32, NOW + 32, &store), Ok(()));
    }
}

/// Shared memory that cannot be read, as a host's that fails; or in which others are always faster.
struct Unable {
    reads: Option<Vec<u8>>,
    swaps: Cell<u32>,
}

impl Buckets for Unable {
    fn read(&self, _: impl BucketKey) -> Option<(Vec<u8>, u32)> {
        self.reads.clone().map(|value| (value, u32::MAX))
    }

    fn swap(&self, _: impl BucketKey, _: &[u8], _: Option<u32>) -> Result<(), Clash> {
        self.swaps.set(self.swaps.get() + 1);
        Err(Clash)
    }
}

#[test]
fn a_memory_that_cannot_be_read_or_written_lets_nobody_pass() {
    let mut replays = replays(&InMemory::default());
    let unreadable = Unable { reads: Some(vec![0]), swaps: Cell::new(0) };
    assert!(uses(&mut replays, "a", NOW, NOW, &unreadable).is_err());
    let busy = Unable { reads: Some(Bucket::empty().bytes().to_vec()), swaps: Cell::new(0) };
    assert_eq!(uses(&mut replays, "a", NOW, NOW, &busy), Err(Reason::TokensProofsUnavailable));
    assert_eq!(busy.swaps.get(), TRIES);
    assert_eq!(replays.take_counts()[5], ("contended", 1));
    assert_eq!(
        uses(&mut Replays::default(), "a", NOW, NOW, &InMemory::default()),
        Err(Reason::TokensProofsUnavailable),
        "a policy that takes no proofs"
    );
}

#[test]
fn memory_is_fixed_and_workers_share_it() {
    let store = InMemory::default();
    let make = |index| store.swap(Key::Bucket(index), Bucket::empty().bytes(), None).unwrap();
    make_once(&store, Key::Made, BUCKETS, make);
    let (mut one, mut other) = (replays(&store), replays(&store));
    let before = store.size();
    assert_eq!(before.0, usize::try_from(BUCKETS).unwrap() + 2);
    for number in 0..5_000 {
        let key = stranger(number);
        assert_eq!(uses_with(&key, &mut one, "a", NOW, NOW, &store), Ok(()));
        let again = uses_with(&key, &mut other, "a", NOW, NOW, &store);
        assert_eq!(again, Err(Reason::TokensProofReplayed));
    }
    assert_eq!(store.size(), before);
    assert_eq!(one.capacity(), Some((167_936, 2_048_000)));
    assert_eq!(Replays::default().capacity(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Against a model that remembers everything: what passes was never used before, at any worker, under any schedule and
    /// any clock; and as long as the clock goes on and there is room, whatever was never used passes.
    #[test]
    fn no_proof_ever_passes_twice(
        steps in prop::collection::vec((0..40_u32, 0..120_u32, any::<bool>()), 1..200),
        steady in any::<bool>(),
    ) {
        let store = InMemory::default();
        let mut workers = [replays(&store), replays(&store)];
        let mut used: HashSet<(u32, u32)> = HashSet::new();
        let mut now = NOW;
        for (id, moved, second) in steps {
            now = if steady { now + moved / 10 } else { NOW + moved * 7 % 800 };
            let issued = now - id % 5 * 18;
            let worker = &mut workers[usize::from(second)];
            let outcome = uses(worker, &format!("{id}-{issued}"), issued, now, &store);
            let fresh = used.insert((id, issued));
            if steady {
                prop_assert_eq!(outcome.is_ok(), fresh);
            } else {
                prop_assert!(outcome.is_err() || fresh);
            }
        }
    }

    /// The same in one bucket, where slots are given away all the time.
    #[test]
    fn no_proof_passes_twice_where_slots_are_given_away(
        steps in prop::collection::vec((0..300_u64, 0..200_u32, 1..100_u32), 1..600),
    ) {
        let mut bucket = Bucket::empty();
        let mut used: HashSet<(u64, u32)> = HashSet::new();
        for (print, issued, back) in steps {
            let (print, issued) = (print + 1, NOW + issued);
            if let Ok(free) = bucket.find(print, issued, (issued + 50).saturating_sub(back)) {
                bucket.note(free, print, issued);
                prop_assert!(used.insert((print, issued)), "{print}");
            }
        }
    }

    #[test]
    fn buckets_of_any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..1_100), magic in any::<bool>()) {
        let mut bytes = bytes;
        if magic {
            bytes.resize(BUCKET, 1);
            bytes[..8].copy_from_slice(b"pcproof\x01");
        }
        let mut bucket = Bucket::read(Some(bytes), NOW);
        if let Ok(free) = bucket.find(7, NOW, NOW) {
            bucket.note(free, 7, NOW);
        }
        prop_assert_eq!(bucket.bytes().len(), BUCKET);
    }
}
