use std::time::Duration;

use proptest::prelude::*;

use super::message;
use crate::model::quantity::Rate;
use crate::model::quantity::Size;
use crate::model::quantity::Span;

#[test]
fn durations_are_whole_numbers_of_one_unit() {
    for (text, millis) in [
        ("0s", 0),
        ("250ms", 250),
        ("30s", 30_000),
        ("15m", 900_000),
        ("12h", 43_200_000),
        ("30d", 2_592_000_000),
        ("3650000d", 315_360_000_000_000),
    ] {
        assert_eq!(text.parse::<Span>().unwrap(), Span(Duration::from_millis(millis)), "{text}");
    }
    for text in [
        "",
        "5",
        "s",
        "5 s",
        "5S",
        "-5s",
        "+5s",
        "05s",
        "00s",
        "1.5h",
        "1h30m",
        "5s ",
        " 5s",
        "5µs",
        "5min",
        "99999999999999999999s",
        "3650001d",
        "٣s",
        "1_0s",
    ] {
        let wanted =
            format!("`{text}` is no duration; write a whole number and ms, s, m, h or d, such as 15m");
        assert_eq!(message(text.parse::<Span>()), wanted);
    }
}

#[test]
fn sizes_are_whole_numbers_of_binary_units() {
    for (text, bytes) in [
        ("0B", 0),
        ("512B", 512),
        ("16KiB", 16_384),
        ("1MiB", 1_048_576),
        ("1024MiB", 1 << 30),
        ("1073741824B", 1 << 30),
    ] {
        assert_eq!(text.parse::<Size>().unwrap(), Size(bytes), "{text}");
    }
    for text in [
        "",
        "5",
        "16KB",
        "16kib",
        "16K",
        "1GiB",
        "1.5MiB",
        "010B",
        "1025MiB",
        "-1B",
        "18446744073709551616B",
        "9999999999999MiB",
    ] {
        let wanted = format!(
            "`{text}` is no size; write a whole number and B, KiB or MiB, such as 16KiB, up to 1024MiB"
        );
        assert_eq!(message(text.parse::<Size>()), wanted);
    }
}

#[test]
fn rates_are_so_many_in_so_long_and_neither_is_zero() {
    for (text, count, seconds) in
        [("5/1m", 5, 60), ("1/1s", 1, 1), ("120/1h", 120, 3_600), ("4294967295/30d", u32::MAX, 2_592_000)]
    {
        let rate: Rate = text.parse().unwrap();
        assert_eq!((rate.count.get(), rate.per), (count, Duration::from_secs(seconds)), "{text}");
    }
    for text in [
        "",
        "5",
        "5/",
        "/1m",
        "0/1m",
        "5/0s",
        "5/m",
        "5 / 1m",
        "-5/1m",
        "+5/1m",
        "05/1m",
        "5.0/1m",
        "4294967296/1m",
        "5/1m/1m",
        "5/01m",
    ] {
        let wanted = format!(
            "`{text}` is no rate; write how many in how long, such as 5/1m; neither may be 0, leave the limit out for no limit"
        );
        assert_eq!(message(text.parse::<Rate>()), wanted);
    }
}

#[test]
fn a_long_text_is_cut_and_its_control_characters_are_escaped() {
    let text = format!("a\n{}", "x".repeat(100));
    let wanted = format!("`a\\n{}` is no size; ", "x".repeat(62));
    assert!(message(text.parse::<Size>()).starts_with(&wanted), "{}", message(text.parse::<Size>()));
}

proptest! {
    #[test]
    fn no_text_makes_them_panic(text in "[0-9]{0,22}[a-zA-Z/µ٣ ]{0,6}[0-9]{0,3}[a-z]{0,2}") {
        let _ = (text.parse::<Span>(), text.parse::<Size>(), text.parse::<Rate>());
    }

    #[test]
    fn what_is_written_is_what_is_read(number in 0_u64..=1_000_000, count in 1_u32.., seconds in 1_u64..=1_000_000) {
        prop_assert_eq!(format!("{number}ms").parse::<Span>().unwrap(), Span(Duration::from_millis(number)));
        prop_assert_eq!(format!("{number}B").parse::<Size>().unwrap(), Size(number));
        let rate: Rate = format!("{count}/{seconds}s").parse().unwrap();
        prop_assert_eq!((rate.count.get(), rate.per), (count, Duration::from_secs(seconds)));
    }
}
