//! Numbers against what Terraform prints.

use proptest::prelude::*;

use super::Number;

fn n(text: &str) -> Number {
    text.parse().unwrap()
}

#[test]
fn decimals_are_as_long_as_they_are_written() {
    assert_eq!(n("0.1").add(&n("0.2")), n("0.3"));
    assert_eq!(n("9007199254740993").to_string(), "9007199254740993");
    assert_eq!(n("1.50"), n("1.5"));
    assert_eq!(n("7").div(&n("0")), None);
    assert_eq!(n("1").div(&n("4")).unwrap().to_string(), "0.25");
    assert_eq!(n("1").div(&n("3")).unwrap().to_string(), format!("0.{}5", "3".repeat(154)));
    assert_eq!(n("1").div(&n("3")).unwrap().mul(&n("3")), n("1"));
    assert_eq!(n("-7").rem(&n("3")), n("-1"));
    assert_eq!(n("5.5").rem(&n("2")), n("1.5"));
    assert_eq!(n("10").rem(&n("0")), n("10"));
    assert_eq!(n("1e3").as_i64(), Some(1000));
    assert_eq!(
        n("123456789012345678901234567890.123456789").to_string(),
        "123456789012345678901234567890.123456789"
    );
    assert_eq!(n("1e-30").to_string(), format!("0.{}1", "0".repeat(29)));
}

#[test]
fn whole_numbers_beyond_64_bits_are_kept() {
    let big = n("9223372036854775807").add(&n("1"));
    assert_eq!(big.to_string(), "9223372036854775808");
    assert_eq!(big.sub(&n("1")).as_i64(), Some(i64::MAX));
    assert_eq!(n("-9223372036854775808").negated().to_string(), "9223372036854775808");
}

#[test]
fn text_of_any_length_is_read_in_time() {
    assert_eq!(n(&format!("0.{}", "3".repeat(1_000_000))), n("1").div(&n("3")).unwrap());
    assert_eq!(n(&format!("{}1.5", "0".repeat(1_000_000))), n("1.5"));
    assert_eq!(n(&format!("1.5{}", "0".repeat(1_000_000))), n("1.5"));
    assert!("9".repeat(1_000_000).parse::<Number>().is_err());
}

#[test]
fn fractions_are_cut_towards_the_named_side() {
    for (number, floor, ceil) in
        [("1.5", "1", "2"), ("-1.5", "-2", "-1"), ("0.2", "0", "1"), ("-0.2", "-1", "0"), ("7", "7", "7")]
    {
        assert_eq!((n(number).floor(), n(number).ceil()), (n(floor), n(ceil)), "{number}");
    }
}

#[test]
fn what_is_no_number_is_refused() {
    for text in [
        "",
        "-",
        "+",
        ".",
        "0x10",
        "1e999999999",
        "NaN",
        "inf",
        "1e",
        "1.2.3",
        "1_0",
        " 1",
        "1 ",
        "--1",
        "1e1.5",
    ] {
        assert!(text.parse::<Number>().is_err(), "{text}");
    }
    for (text, same) in [("+1", "1"), (".5", "0.5"), ("5.", "5"), ("-0", "0"), ("017", "17")] {
        assert_eq!(n(text), n(same));
    }
}

#[test]
fn the_nearest_float_of_64_bits() {
    for text in ["0.1", "-2.5", "1e300", "123456789.125", "3.0e-300"] {
        assert_eq!(n(text).to_f64(), text.parse::<f64>().unwrap(), "{text}");
    }
    assert_eq!(Number::from_f64(0.1), Some(n("0.1")));
    assert_eq!(Number::from_f64(f64::INFINITY), None);
}

proptest! {
    #[test]
    fn a_number_is_read_as_it_is_printed(text in "-?[0-9]{1,40}(\\.[0-9]{1,80})?(e-?[0-9]{1,3})?", by in 1i64..1000) {
        let number = n(&text);
        prop_assert_eq!(n(&number.to_string()), number.clone());
        let part = number.div(&Number::from(by)).unwrap();
        prop_assert_eq!(n(&part.to_string()), part);
    }

    #[test]
    fn order_is_that_of_differences(a in "-?[0-9]{1,20}(\\.[0-9]{1,20})?", b in "-?[0-9]{1,20}(\\.[0-9]{1,20})?") {
        let (a, b) = (n(&a), n(&b));
        let difference = a.sub(&b);
        prop_assert_eq!(a.cmp(&b), difference.cmp(&Number::from(0i64)));
        prop_assert_eq!(a == b, difference == Number::from(0i64));
    }
}
