//! Expressions and their values, errors included, as tables.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::table;
use lazuli_core::Value;

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

#[test]
fn unknown_values_keep_type_origin_and_what_is_known_about_them() {
    insta::assert_snapshot!(table(
        r#"
        local.u
        local.any
        resource.u.properties.any.name
        resource.u.properties.any[0].id
        local.u == null
        local.any == null
        "pre-${local.u}"
        "pre-${local.u}" == "other"
        "pre-${local.u}" == "pre-x"
        startswith("pre-${local.u}", "pre-")
        startswith("pre-${local.u}", "other")
        local.u == 1
        abs(local.any) >= 0
        local.any + 1
        -local.any
        !local.any
        { a = local.u, b = "k" }.b
        { a = local.u, b = "k" }.a
        length([local.u, "b"])
        keys({ a = local.u })
        values({ a = local.u, b = "k" })
        zipmap(["a", "b"], [local.u, "k"])
        zipmap([local.u], ["k"])
        merge({ a = local.u }, { b = "k" })
        concat([local.u], ["b"])
        flatten([[local.u], ["b"]])
        flatten([local.any])
        slice([local.u, "b"], 1, 2)
        reverse([local.u, "b"])
        [for k, v in { a = local.u } : k]
        [for v in [local.u, "b"] : v if v != ""]
        { for v in [local.u] : v => 1 }
        { (local.u) = 1 }
        local.m[local.u]
        [1, 2][local.any]
        toset([local.u, "b"])
        length(toset([local.u, "b"]))
        length(toset([local.u]))
        sort([local.u, "b"])
        distinct([local.u, "b"])
        contains([local.u, "b"], "b")
        contains([local.u], "b")
        coalesce("a", local.u)
        coalesce(null, local.u)
        lookup(local.m, "zz", "d")
        lookup(local.m, local.u, "d")
        local.any ? "a" : "b"
        local.any ? "a" : null
        local.any ? 1 : [1]
        false && local.any
        local.any && false
        true && local.any
        true || local.any
        local.any || true
        try(local.u, "x")
        try(local.u.foo, "x")
        try({ a = local.u, b = 1 }.b, "x")
        can(local.any.foo)
        can(local.m.zz)
        jsonencode({ a = local.u })
        join("-", ["a", local.u])
        format("%s-%s", "a", local.u)
        upper(local.u)
        max(1, local.any)
        tostring(local.any)
        tonumber(local.u)
        tolist([local.u, 1])
        local.list[0]
        local.list[*]
        [for x in local.list : x]
        local.list.a
        "%{ if local.any }x%{ endif }"
        "a%{ for x in local.list }x%{ endfor }"
        max(local.list...)
        range(local.any)
        resource.u.properties.id.foo
        nonsensitive(local.u)
        issensitive(local.u)
        [local.u] == ["a", "b"]
        [local.u, "a"] == [local.u, "b"]
        "#
    ));
}

#[test]
fn sensitivity_reaches_every_derived_value_and_no_message() {
    let shown = table(
        r#"
        local.s
        "x-${local.s}"
        upper(local.s)
        length(local.s)
        local.s == "a"
        { a = local.s, b = 1 }
        { a = local.s, b = 1 }.b
        { a = local.s, b = 1 }.a
        [local.s, "b"][1]
        [for v in [local.s, "b"] : "${v}!"]
        [for v in ["b"] : v if local.s != ""]
        { for v in [local.s] : v => 1 }
        { (local.s) = 1 }
        local.s == "a" ? 1 : 2
        true ? local.s : "b"
        false ? local.s : "b"
        values({ a = local.s })
        length([local.s])
        keys({ a = local.s })
        merge({ a = local.s }, { b = 1 })
        concat([local.s], ["b"])
        toset([local.s, "b"])
        tolist([local.s, "b"])
        jsonencode({ a = local.s })
        join("-", ["a", local.s])
        "${local.s}-${local.u}"
        local.m[local.s]
        local.s + 1
        tonumber(local.s)
        base64decode(local.s)
        local.s.foo
        "a"[local.s]
        nonsensitive(local.s)
        nonsensitive({ a = local.s })
        issensitive(local.s)
        true || local.s
        try(local.s, "x")
        sensitive(1) + 1
        sensitive({ a = 1 }).a
        sensitive([1, 2])[*]
        sensitive(local.any).foo
        "#,
    );
    for line in shown.lines().filter(|line| line.contains("error")) {
        assert!(!line.contains("hunter2"), "{line}");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn templates_for_and_splat() {
    insta::assert_snapshot!(table(
        r#"
        "a${1}b${true}c"
        "${[1]}"
        "x${[1]}"
        "x${null}"
        "$${a} %%{b}"
        "\u00e9\t\"\\"
        "%{ if true }yes%{ else }no%{ endif }"
        "%{ for k, v in { a = 1, b = 2 } ~}  ${k}=${v}  %{~ endfor }"
        "a  ${~ "b" ~}  c"
        <<EOT\n  a ${1}\n  b\nEOT
        <<-EOT\n    a ${1}\n      b\n\n    c\n    EOT
        <<-EOT\n  %{ for x in [1, 2] ~}\n  item ${x}\n  %{ endfor ~}\n  EOT
        [for i, x in ["a", "b"] : "${i}${x}" if i > 0]
        { for x in ["a", "b", "a"] : x => 1... }
        { for x in ["a", "a"] : x => 1 }
        [for x in 1 : x]
        [for x in null : x]
        [{ a = 1 }, { a = 2 }][*].a
        { a = 1 }[*].a
        null[*]
        [{ a = [1] }, { a = [2] }].*.a[0]
        tolist([{ a = 1 }])[*].a
        { a = 1 }.b
        { alpha = 1 }.alpah
        { alpha = 1 }["alpah"]
        [1][1]
        [1].a
        toset(["a"])[0]
        lenght([1])
        upper()
        foo
        var
        var.secre
        resource.v.id
        each.key
        path.module
        file("key.pub")
        file("nope")
        resource_id("s", "rg", "Microsoft.Network/virtualNetworks/subnets", "v", "n")
        resource_id("s", null, "Microsoft.Network/virtualNetworks", "v")
        resource_id("s", "rg", "Microsoft.Network/virtualNetworks/subnets", "v")
        { a.b = 1 }
        [for x in [1] : [for x in [2] : x]]
        "#
    ));
}

#[test]
fn conversions_are_terraforms() {
    insta::assert_snapshot!(table(
        r#"
        tolist([1, "a", true])
        tolist([1, null])
        tolist(["a", ["b"]])
        toset([3, 1, 2, "1"])
        toset(["b", "a", "b"])
        tomap({ a = 1, b = "x" })
        tomap({ a = 1, b = [1] })
        tonumber("1e3")
        tonumber("0x10")
        tobool("yes")
        tostring(1.50)
        tostring([])
        true ? { a = 1, b = [1] } : { a = "x", b = ["y"] }
        true ? [1, "a"] : [true, 2]
        "#
    ));
}

#[test]
fn a_mistake_says_what_the_references_in_it_are_worth() {
    let mistakes = table(
        r#"
        local.m.x
        local.l[7]
        local.l[local.m.a]
        "a" * local.m.b + 1
        upper(local.l)
        [for x in local.l : x.size]
        local.s + 1
        cidrsubnet("10.0.0.0/8", 99, length(local.l))
        local.u.name
        try(local.m.x, local.l.y)
        { for k, v in local.m : v => k + "z" }
        true ? local.m.zz : 1
        "${local.l}"
        "#,
    );
    insta::assert_snapshot!(mistakes);
}

#[test]
fn a_value_with_a_name_that_fails_is_told_whoever_reads_it_and_never_forgiven() {
    let text = "resource \"u\" {\n}\nlocals {\n  x = tonumber(resource.u.text)\n}\n";
    let (evaluator, mut sources) = common::evaluator(text, &[]);
    let object = Value::object([("text", Value::from("abc"))]);
    let objects = common::Objects(BTreeMap::from([("resource.u".to_owned(), object)]));
    for expression in
        ["try(local.x, 1)", "[try(local.x, 1), try(local.x, 2)]", "[false ? local.x : 1, can(local.x)]"]
    {
        let expr = lazuli_config::parse_expression(&mut sources, "e", expression).unwrap();
        let mistakes = evaluator.expression(&expr, &objects, None).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{expression}: {}", common::show(&sources, &mistakes));
        assert!(mistakes[0].message.contains("tonumber"), "{}", mistakes[0].message);
    }
}
