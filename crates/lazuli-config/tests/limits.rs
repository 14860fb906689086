//! No text makes the parser or the evaluator panic, hang or take all memory.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{mistakes, module, show, table};
use lazuli_config::{Evaluator, NoExternals, NoFiles, parse_expression};
use proptest::prelude::*;

fn evaluate(text: &str) -> String {
    let (module, sources, mut diagnostics) = module(text);
    if diagnostics.is_empty() {
        diagnostics = Evaluator::new(Arc::new(module), &[], Arc::new(NoFiles)).1;
    }
    show(&sources, &diagnostics)
}

/// What may be nested: what opens, what stands innermost, what closes.
const NESTS: [(&str, &str, &str); 24] = [
    ("[", "1", "]"),
    ("(", "1", ")"),
    ("{ a = ", "1", " }"),
    ("keys({ (", "\"a\"", ") = 1 })[0]"),
    ("max(", "1", ")"),
    ("try(", "1", ")"),
    ("\"${", "1", "}\""),
    ("\"a${", "1", "}\""),
    ("\"%{ if true }${", "1", "}%{ endif }\""),
    ("\"%{ for x in [1] }${", "1", "}%{ endfor }\""),
    ("[for x in [1] : ", "1", "]"),
    ("[for x in ", "[1]", " : x]"),
    ("[for x in [1] : 1 if [] == ", "[]", "]"),
    ("{ for x in [1] : \"a\" => ", "1", " }"),
    ("[[0]][", "0", "][0]"),
    ("true ? ", "1", " : 2"),
    ("true ? 2 : ", "1", ""),
    ("!", "true", ""),
    ("-", "1", ""),
    ("1 + (", "1", ")"),
    ("(", "1", ") + 1"),
    ("[", "1", "][*]"),
    ("", "1", " + 1"),
    ("", "true", " && true"),
];

#[test]
fn deep_nesting_is_an_error_that_names_the_limit() {
    for (open, inner, close) in NESTS {
        for depth in [40, 100, 500, 3000, 100_000] {
            let text = format!("locals {{\n  a = {}{inner}{}\n}}\n", open.repeat(depth), close.repeat(depth));
            let shown = evaluate(&text);
            // How deep values and templates may be is for the evaluator to say.
            assert!(depth > 40 || shown.is_empty(), "{open} {depth} {shown}");
            assert!(depth < 500 || shown.contains("LZ0102"), "{open} {depth} {shown}");
            assert!(shown.len() < 600, "{open} {depth} {shown}");
        }
    }
}

#[test]
fn directives_heredocs_blocks_and_types_nest_no_deeper_than_the_limit() {
    for depth in [100, 3000] {
        let (opened, closed) = ("%{ if true }".repeat(depth), "%{ endif }".repeat(depth));
        let shown = evaluate(&format!("locals {{\n  a = <<E\n{opened}x{closed}\nE\n}}\n"));
        assert_eq!(shown.contains("LZ0102"), depth > 128, "{depth} {shown}");
        let (opened, closed) = ("${<<E\n".repeat(depth), "\nE\n}".repeat(depth));
        let shown = evaluate(&format!("locals {{\n  a = <<E\n{opened}x{closed}\nE\n}}\n"));
        assert_eq!(shown.contains("LZ0102"), depth > 128, "{depth} {shown}");
        let (opened, closed) = ("list(".repeat(depth), ")".repeat(depth));
        let shown =
            evaluate(&format!("variable \"a\" {{\n  type    = {opened}string{closed}\n  default = []\n}}\n"));
        assert_eq!(shown.contains("LZ0102"), depth > 128, "{depth} {shown}");
    }
    let blocks = format!("resource \"a\" {{\n{}{}}}\n", "b {\n".repeat(3000), "}\n".repeat(3000));
    assert!(mistakes(&blocks).contains("LZ0102"));
}

#[test]
fn long_chains_are_fine_or_refused() {
    for operator in [" + 1", " - 1", " && true", " == 1", " * 1"] {
        let first = if operator.contains("true") { "true" } else { "1" };
        let chain = |n: usize| evaluate(&format!("locals {{\n  a = {first}{}\n}}\n", operator.repeat(n)));
        assert!(!chain(300).contains("LZ0102"), "{operator}");
        assert!(chain(5000).contains("at most 400 operators and brackets around each other"), "{operator}");
    }
    // Chains in brackets in chains: what counts is the height of the tree.
    let nested = (0..60).fold("1".to_owned(), |inner, _| format!("({inner}){}", " + 1".repeat(100)));
    assert!(evaluate(&format!("locals {{\n  a = {nested}\n}}\n")).contains("LZ0102"));
    let steps = format!("locals {{\n  a = try({{}}{}, 1)\n}}\n", ".a".repeat(100_000));
    assert_eq!(evaluate(&steps), "");
    assert!(evaluate(&format!("locals {{\n  a = []{}\n}}\n", "[*]".repeat(100_000))).contains("LZ0102"));
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
fn objects_and_bodies_of_many_elements_are_read() {
    for separator in ["=", ":"] {
        let mut text = String::from("locals {\n  a = length({\n");
        for i in 0..100_000 {
            let _ = writeln!(text, "    k{i} {separator} 1");
        }
        text.push_str("  })\n}\n");
        assert_eq!(evaluate(&text), "");
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
    // Not by its bytes but by what is in them a text can be too large.
    let text = format!("locals {{\n  a = [{}]\n}}\n", "0,".repeat(2_600_000));
    assert!(mistakes(&text).contains("LZ0102 the text has more than 5000000 words and signs"));
}

/// Values that grow, for expressions that make them grow more.
fn growth() -> String {
    let list = "0,".repeat(100_000);
    let words: String = (0..20_000).fold(String::new(), |text, i| text + "\"w" + &i.to_string() + "\",");
    let (text, open, nines) = ("a".repeat(1 << 20), "[".repeat(100_000), "9".repeat(100_000));
    format!(
        "locals {{\n  list = [{list}]\n  words = [{words}]\n  text = \"{text}\"\n  open = \"{open}\"\n  \
         nines = \"{nines}\"\n}}\n"
    )
}

/// Expressions that want too much. Each ends soon, with a value or with an error.
const HOSTILE: &[&str] = &[
    "1e999999",
    "1e999999999999",
    "1e-999999",
    "1e9999 * 1e9999 * 1e9999",
    "1e9999 + 1e-9999",
    "1 % 1e-9999",
    "1e9999 % 7",
    "1 / 3e-9999",
    "floor(1e9999)",
    "log(1e9999, 10)",
    "pow(10, 99999999)",
    "pow(1.0000001, 1e9)",
    "pow(1e9999, 1e9999)",
    "tonumber(\"1e999999999\")",
    "tonumber(local.nines) * tonumber(local.nines)",
    "parseint(local.nines, 10)",
    "parseint(local.nines, 62)",
    "format(\"%999999999d\", 1)",
    "format(\"%.999999999f\", 1)",
    "format(\"%-999999999s\", \"a\")",
    "format(\"%0999999999x\", 1)",
    "format(\"%[999999999]d\", 1)",
    "format(local.text)",
    "format(join(\"\", [for w in local.words : \"%9999d\"]), local.list...)",
    "formatlist(\"%999d\", local.list)",
    "range(0, 1e12)",
    "range(0, 1, 1e-12)",
    "range(0, -1e300)",
    "join(local.text, local.list)",
    "join(\",\", local.list)",
    "[for x in local.list : local.list]",
    "[for x in local.list : [for y in local.list : y]]",
    "[for x in local.list : local.text]",
    "[for x in local.list : upper(local.text)]",
    "[for x in local.list : \"${local.text}${x}\"]",
    "[for x in range(200) : contains(local.words, x)]",
    "[for x in local.list : concat(local.list, [x])]",
    "[for x in range(20) : tonumber(local.nines)]",
    "[for x in local.list : local.list == [x]]",
    "[for x in range(20) : x == 0 ? local.list : [x]]",
    "jsonencode([for x in local.list : local.text])",
    "jsonencode([for x in local.list : local.list])",
    "yamlencode([for x in local.list : local.text])",
    "join(\"\", [for x in local.list : local.text])",
    "\"%{ for x in local.list }${local.text}%{ endfor }\"",
    "setproduct(local.list, local.list, local.list)",
    "setproduct(local.words, local.words)",
    "concat([for x in local.list : local.list]...)",
    "flatten([for x in local.list : local.list])",
    "zipmap(local.words, [for w in local.words : local.list])",
    "transpose({ for w in local.words : w => local.words })",
    "chunklist(local.list, 1)",
    "replace(local.text, \"a\", local.text)",
    "replace(local.text, \"\", local.text)",
    "replace(local.text, \"/a/\", local.text)",
    "replace(local.text, \"/(a*)*$/\", \"$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1\")",
    "replace(\"a\", \"/((a{1,1000}){1,1000}){1,1000}/\", \"b\")",
    "regex(\"((a{1,1000}){1,1000}){1,1000}\", \"a\")",
    "regex(\"(a+)+(a+)+(a+)+b\", local.text)",
    "regex(\"(a|aa|aaa)*b\", local.text)",
    "regexall(\"a*?\", local.text)",
    "regexall(\"(((((((((a)))))))))\", local.text)",
    "regex(local.open, \"a\")",
    "regex(replace(local.open, \"[\", \"(\"), \"a\")",
    "jsondecode(local.open)",
    "yamldecode(local.open)",
    "yamldecode(replace(local.open, \"[\", \"- \"))",
    "yamldecode(replace(local.open, \"[\", \"? \"))",
    "yamldecode(replace(local.open, \"[\", \"{a: \"))",
    "jsondecode(replace(local.open, \"[\", \"{\\\"a\\\":\"))",
    "jsondecode(local.nines)",
    "yamldecode(local.nines)",
    "jsondecode(\"1e999999999\")",
    "yamldecode(\"1e999999999\")",
    "yamldecode(\"a: &a [x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\")",
    "yamldecode(\"a: &a [*a]\")",
    "indent(100000000, \"a\\nb\")",
    "indent(9999, join(\"\\n\", local.list))",
    "substr(local.text, 0, 1e30)",
    "substr(local.text, -1e30, 5)",
    "cidrsubnets(\"10.0.0.0/8\", local.list...)",
    "cidrsubnet(\"10.0.0.0/8\", 8, 1e30)",
    "cidrhost(\"::/0\", 1e300)",
    "split(\"\", local.text)",
    "split(\"a\", local.text)",
    "strrev(local.text)",
    "title(local.text)",
    "distinct(local.words)",
    "toset(local.words)",
    "sort(local.words)",
    "matchkeys(local.words, local.words, local.words)",
    "setintersection(local.words, local.words)",
    "setsubtract(local.words, local.words)",
    "contains(local.words, \"\")",
    "index(local.words, \"w19999\")",
    "element(local.list, 1e30)",
    "lookup({}, local.text, 1)",
    "{}[local.text]",
    "trim(local.text, local.text)",
    "coalesce(local.words...)",
    "local.list == local.list",
    "local.words[*].a[*].b",
    "base64encode(local.text)",
    "base64decode(local.text)",
    "base64gzip(local.text)",
    "base64gunzip(\"H4sIAAAAAAAC/w==\")",
    "sha512(local.text)",
    "bcrypt(\"a\", 31)",
    "urlencode(local.text)",
    "csvdecode(join(\"\\n\", local.words))",
    "csvdecode(join(\",\", local.words))",
    "textencodebase64(local.text, \"UTF-16LE\")",
    "templatestring(local.text, {})",
    "timeadd(\"2020-01-01T00:00:00Z\", \"99999999999999999999h\")",
    "timeadd(\"2020-01-01T00:00:00Z\", local.nines)",
    "formatdate(local.text, \"2020-01-01T00:00:00Z\")",
    "uuidv5(\"dns\", local.text)",
    "try([for x in local.list : [for y in local.list : y]], 1)",
    "alltrue([for x in local.list : x == 0])",
    "sum(local.list)",
    "max(local.list...)",
    "sum([for x in range(5) : tonumber(local.nines)])",
    "keys({ for w in local.words : w => w })",
    "one(local.list)",
    "sensitive([for x in local.list : local.words])",
    "tostring(1e9999)",
    "\"${1e9999}${1e-9999}\"",
    "tomap({ for w in local.words : w => local.words })",
];

#[test]
fn what_grows_ends_soon_with_a_value_or_an_error() {
    let (module, mut sources, diagnostics) = module(&growth());
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let (evaluator, diagnostics) = Evaluator::new(Arc::new(module), &[], Arc::new(NoFiles));
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    for text in HOSTILE {
        let began = Instant::now();
        let outcome = parse_expression(&mut sources, "e", text)
            .and_then(|expr| evaluator.expression(&expr, &NoExternals, None));
        assert!(outcome.as_ref().err().is_none_or(|found| !found.is_empty()), "{text}");
        drop(outcome);
        // A generous bound for a slow machine without optimisation; most take milliseconds.
        assert!(began.elapsed() < Duration::from_secs(60), "{text} took {:?}", began.elapsed());
    }
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
