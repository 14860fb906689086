//! Expressions and their values, errors included, as tables.

mod common;

use common::table;

#[test]
fn operators_calculate_exactly_convert_and_refuse() {
    insta::assert_snapshot!(table(
        r#"
        1 + 2 * 3 - 4 / 8 % 3
        0.1 + 0.2
        9007199254740993 + 1
        1 / 3
        -"3"
        - 5 + 2
        "1" + 1
        !"true"
        7 % -3
        -7 % 3
        1 / 0
        1 < 2 && 2 <= 2 || false
        "10" > 9
        1 == "1"
        "a" == "a"
        null == null
        [1] == [1]
        [1] == tolist([1])
        { a = 1 } == { a = 1 }
        { a = 1 } != { a = 2 }
        true ? 1 : "a"
        false ? [1] : ["a", "b"]
        true ? { a = 1 } : { b = "x" }
        true ? null : 1
        true ? { a = 1 } : { b = [1] }
        true ? "ok" : upper()
        null + 1
        [1] + 1
        "x" + 1
        null ? 1 : 2
        false && upper(1, 2)
        1e400
        (1 + 2) * 3
        "#
    ));
}
