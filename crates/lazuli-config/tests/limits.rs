//! No text makes the parser or the evaluator panic, hang or take all memory.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::sync::Arc;

use common::{mistakes, module, show, table};
use lazuli_config::{Evaluator, NoFiles};
use proptest::prelude::*;

fn evaluate(text: &str) -> String {
    let (module, sources, mut diagnostics) = module(text);
    if diagnostics.is_empty() {
        diagnostics = Evaluator::new(Arc::new(module), &[], Arc::new(NoFiles)).1;
    }
    show(&sources, &diagnostics)
}

#[test]
fn deep_nesting_is_an_error_that_names_the_limit() {
    for (open, close) in [("[", "]"), ("(", ")"), ("{a=", "}"), ("upper(", ")"), ("\"${", "}\""), ("!", "")] {
        for depth in [50, 100, 3000] {
            let text = format!("locals {{\n  a = {}1{}\n}}\n", open.repeat(depth), close.repeat(depth));
            let shown = evaluate(&text);
            let fine = shown.is_empty() || open == "upper(" || open == "!";
            assert!(depth > 50 || fine, "{open} {shown}");
            assert!(depth <= 64 || shown.contains("LZ0102"), "{open} {depth} {shown}");
        }
    }
    let blocks = format!("resource \"a\" {{\n{}{}}}\n", "b {\n".repeat(3000), "}\n".repeat(3000));
    assert!(mistakes(&blocks).contains("LZ0102"));
}

#[test]
fn long_chains_are_fine_or_refused() {
    let sum = format!("locals {{\n  a = 1{}\n}}\n", " + 1".repeat(100));
    assert_eq!(evaluate(&sum), "");
    let sum = format!("locals {{\n  a = 1{}\n}}\n", " + 1".repeat(5000));
    assert!(evaluate(&sum).contains("128 chained binary operators"));
    let mut chain = String::from("locals {\n  a0 = 1\n");
    for i in 1..20_000 {
        let _ = writeln!(chain, "  a{i} = local.a{} + 1", i - 1);
    }
    chain.push_str("}\n");
    assert_eq!(evaluate(&chain), "");
}

#[test]
fn values_nested_through_locals_stop_at_a_limit() {
    let mut text = String::from("locals {\n  a0 = 1\n");
    for i in 1..2_000 {
        let _ = writeln!(text, "  a{i} = [local.a{}]", i - 1);
    }
    text.push_str("}\n");
    let shown = evaluate(&text);
    assert!(shown.contains("nested deeper than 200 levels"), "{shown}");
    assert_eq!(shown.lines().count(), 1);
}

#[test]
fn a_billion_laughs_end_with_the_limit_named() {
    let mut text = String::from("locals {\n  a0 = [1, 1, 1, 1]\n  t0 = \"ha ha ha ha\"\n");
    for i in 1..40 {
        let before = i - 1;
        let _ = writeln!(text, "  a{i} = [local.a{before}, local.a{before}, local.a{before}]");
        let _ = writeln!(text, "  t{i} = \"${{local.t{before}}}${{local.t{before}}}${{local.t{before}}}\"");
    }
    text.push_str("}\n");
    let shown = evaluate(&text);
    assert!(shown.contains("more than 2000000 parts"), "{shown}");
    assert!(shown.contains("longer than 16 MiB"), "{shown}");
    assert_eq!(shown.lines().count(), 2, "{shown}");
    let nested = (0..8).fold("1".to_owned(), |inner, i| format!("[for x{i} in range(1000) : {inner}]"));
    assert!(table(&nested).contains("LZ0311"));
}

#[test]
fn an_object_of_too_many_elements_is_refused_before_it_takes_long() {
    for separator in ["=", ":"] {
        let mut text = String::from("locals {\n  a = [for x in {\n");
        for i in 0..100_000 {
            let _ = writeln!(text, "    k{i} {separator} 1");
        }
        text.push_str("  } : x]\n  b = local.c\n}\n");
        let shown = mistakes(&text);
        assert!(shown.contains("LZ0102 an object has more than"), "{shown}");
        assert!(shown.contains("local.c is not declared"), "{shown}");
    }
    let many: String =
        (0..30_000).fold("locals {\n".to_owned(), |text, i| text + &format!("  a{i} = 1\n")) + "}\n";
    assert_eq!(mistakes(&many), "");
}

#[test]
fn a_thousand_mistakes_cost_no_more_than_some() {
    let mut text = String::from("locals {\n");
    for i in 0..5_000 {
        let _ = writeln!(text, "  name{i} = local.nam{i}x");
    }
    text.push_str("}\n");
    let shown = mistakes(&text);
    assert!(shown.ends_with("note: after 200 of this kind, no more are looked for\n    help: declared: name0, name1, name2, name3, name4, name5, name6, name7, name8, name9, name10, name11, …\n"), "{shown}");
}

#[test]
fn long_strings_and_big_files_are_read() {
    let text = format!("locals {{\n  a = \"{}\"\n}}\n", "x".repeat(4 << 20));
    assert_eq!(evaluate(&text), "");
    let text = "locals {\n}\n".repeat(20_000);
    assert_eq!(mistakes(&text), "");
}

const VALID: &str = r#"
lazuli {
  backend "local" {
    path = "x"
  }
}
variable "n" {
  type    = object({ a = optional(number, 1), b = list(string) })
  default = { b = ["x"] }
}
locals {
  t = <<-EOT
    a ${var.n.a} %{ for x in var.n.b ~} ${x} %{ endfor ~}
  EOT
  f = { for i, x in var.n.b : x => i... if i > 0 }
  s = [{ a = 1 }][*].a[0] == 1 ? "yes" : "n${"o"}" /* c */ # d
}
resource "a" {
  type = "A.B/c@2025-01-01" // e
  properties = { "x" : (1 + 2) * -3, y = !true || null != 1 }
  lifecycle {
    ignore_changes = [tags]
  }
}
"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,80}") {
        evaluate(&text);
    }

    #[test]
    fn arbitrary_tokens_never_panic(tokens in prop::collection::vec(
        prop::sample::select(vec![
            "{", "}", "[", "]", "(", ")", "\"", "${", "%{", "~}", "<<EOT\n", "<<-E\n", "EOT", "\n", "=", "a", "for",
            "in", ":", "=>", "...", "if", "endif", "endfor", "else", ".", "*", "?", "!", "&&", "1", "0.", "e9", ",",
            "locals", "variable", "resource", " ", "\\", "\\u12", "$${", "/*", "*/", "#", "//", "é", "\u{feff}", "\r\n",
            "var.", "local.a", "null", "-", "each.key", "dynamic", "count", "\t", "'", "\0",
        ]), 0..60)) {
        evaluate(&tokens.concat());
        evaluate(&format!("locals {{\n  a = {}\n}}\n", tokens.concat()));
    }

    #[test]
    fn a_mutated_file_never_panics(at in 0..VALID.len(), cut in 0..12usize, insert in "[\\PC\n]{0,4}") {
        let mut text = VALID.to_owned();
        let start = (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        let end = (start + cut).min(text.len());
        let end = (end..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
        text.replace_range(start..end, &insert);
        evaluate(&text);
    }
}
