//! The memory that workers share.

use crate::model::shared::Buckets;
use crate::model::shared::Clash;
use crate::model::shared::InMemory;

#[test]
fn in_memory_stamps_behave_as_the_hosts() {
    let store = InMemory::default();
    assert_eq!(store.read("key"), None);
    store.swap("key", b"a", Some(99)).unwrap();
    let (_, stamp) = store.read("key").unwrap();
    assert_eq!(store.swap("key", b"b", None), Err(Clash), "it is there");
    assert_eq!(store.swap("key", b"b", Some(stamp + 1)), Err(Clash));
    store.swap("key", b"b", Some(stamp)).unwrap();
    assert_eq!(store.swap("key", b"c", Some(stamp)), Err(Clash), "every write has a stamp of its own");
}
