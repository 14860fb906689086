//! Whatever a function cannot do with a secret, its message does not tell the secret.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{Objects, Texts, evaluator, module, show};
use lazuli_config::{Evaluator, functions, parse_expression};
use lazuli_core::Sources;

const SECRETS: &str = r#"
variable "text" {
  default   = "hunter2"
  sensitive = true
}
variable "template" {
  default   = "$${hunter2} %%{ if hunter2"
  sensitive = true
}
variable "list" {
  default   = ["hunter2", 1, null]
  sensitive = true
}
variable "map" {
  default   = { "hunter2 key" = "hunter2" }
  sensitive = true
}
variable "number" {
  default   = 20070000000000000000000.5
  sensitive = true
}
locals {
  plain   = "$${x}"
  derived = jsonencode(var.map)
}
"#;

#[test]
fn no_mistake_of_a_function_tells_a_secret() {
    let (evaluator, _) = evaluator(SECRETS, &[]);
    let secrets = ["var.text", "var.template", "var.list", "var.map", "var.number", "local.derived"];
    let others = ["\"x\"", "1", "[\"a\", 1]", "{ a = 1 }", "null", "local.plain", "\"%d\"", "\"[\""];
    let mut tried = 0;
    for function in functions::all().filter(|f| f.name != "nonsensitive") {
        for secret in secrets {
            for other in others {
                for arguments in [
                    secret.to_owned(),
                    format!("{secret}, {other}"),
                    format!("{other}, {secret}"),
                    format!("{other}, {other}, {secret}"),
                    format!("{secret}, {secret}, {other}"),
                    format!("[{secret}], {other}"),
                    format!("{other}, {{ key = {secret} }}"),
                    format!("{other}, {{ ({secret}) = {other} }}"),
                    format!("[{secret}, {other}]..."),
                ] {
                    let text = format!("{}({arguments})", function.name);
                    let Ok(expr) = parse_expression(&mut Sources::default(), "e", &text) else { continue };
                    let Err(found) = evaluator.expression(&expr, &Objects::default(), None) else { continue };
                    let told = format!("{found:?}");
                    tried += 1;
                    for part in ["hunter", "2007"] {
                        assert!(!told.contains(part), "{text}: {found:#?}");
                    }
                }
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
}

#[test]
fn no_mistake_about_elements_of_a_secret_tells_them() {
    let (evaluator, _) = evaluator(
        r#"
variable "m" {
  default   = { a = { "hunter2 key" = ["hunter2"], b = "hunter2" }, "hunter3" = "hunter2" }
  sensitive = true
}
variable "l" {
  type      = list(map(string))
  default   = [{ "hunter2 key" = "hunter2" }, {}]
  sensitive = true
}
locals {
  partly = { open = 1, shut = sensitive({ "hunter2 key" = "hunter2" }) }
}
"#,
        &[],
    );
    for text in [
        "[for k, v in var.m : v + 1]",
        "[for k, v in var.m : tonumber(k)]",
        "[for v in values(var.m) : cidrhost(v, 1)]",
        "{ for k, v in var.m : v => k }",
        "{ for k, v in var.m : \"same\" => k }",
        "[for k, v in var.m : k if v]",
        "[for k, v in var.m.a : v.nokey]",
        "[for e in var.l : [for k, v in e : k + 1]]",
        "[for e in var.l : { for k, v in e : k => v.x }]",
        "\"%{ for k, v in var.m }${k + 1}%{ endfor }\"",
        "\"%{ for k, v in var.m }${v}%{ endfor }\"",
        "var.m.a.nokey",
        "var.m.a[\"nokey\"]",
        "var.l[*].nokey",
        "var.l[*][\"nokey\"]",
        "var.l.*.nokey",
        "var.l[0].nokey",
        "var.l[7]",
        "local.partly.shut.nokey",
        "local.partly.shut + 1",
        "local.partly + 1",
        "[for k, v in local.partly.shut : v + 1]",
        "[for p in [local.partly] : p.shut.nokey]",
        "var.m ? 1 : 2",
        "\"x${var.m}\"",
        "{ a = 1 }[var.m.a.b]",
        "[1][var.m.a.b]",
        "-var.m.a.b",
        "var.m.a.b ? 1 : 2",
        "max([1, var.m.a.b]...)",
    ] {
        let expr = parse_expression(&mut Sources::default(), "e", text).unwrap();
        let found = evaluator.expression(&expr, &Objects::default(), None);
        let told = found.expect_err(text);
        assert!(!told.is_empty() && !format!("{told:?}").contains("hunter"), "{text}: {told:#?}");
    }
}

#[test]
fn no_value_of_a_sensitive_variable_is_told_when_it_is_refused() {
    for (of, given) in [
        ("map(number)", "{ hunter2 = \"x\" }"),
        ("map(list(string))", "{ \"hunter2 x\" = 1 }"),
        ("object({ a = map(bool) })", "{ a = { hunter2 = \"hunter2\" } }"),
        ("list(object({ a = number }))", "[{ a = \"hunter2\" }]"),
    ] {
        let text = format!("variable \"v\" {{\n  sensitive = true\n  type = {of}\n  default = {given}\n}}\n");
        let (module, sources, _) = common::module(&text);
        let files = std::sync::Arc::new(common::Texts::default());
        let (_, found) = lazuli_config::Evaluator::new(std::sync::Arc::new(module), &[], files);
        let told = common::show(&sources, &found);
        assert!(told.contains("LZ0206") && !told.contains("hunter"), "{told}");
    }
}

#[test]
fn a_wrong_value_of_a_sensitive_variable_is_not_shown_wherever_it_comes_from() {
    let text = "variable \"token\" {\n  type      = map(string)\n  sensitive = true\n}\nvariable \"plain\" {\n  default = 1\n}\n";
    let files = [
        "plain = 2\ntoken = { hunter2 = [] }\n",
        "token = \"hunter2\" + 1\n",
        "token = { a = hunter2 }\n",
        "token = \"hunter2\nplain = 2\n",
        "token = {\n  a = \"x\" hunter2\n}\n",
        "token = hunter2 hunter2\n",
        "token = <<EOT\nhunter2 ${hunter2 \nEOT\n",
    ];
    for file in files {
        let (module, mut sources, _) = module(text);
        let (inputs, mut mistakes) = lazuli_config::parse_variables(&mut sources, &module, "prod.vars", file);
        let (_, found) = Evaluator::new(Arc::new(module), &inputs, Arc::new(Texts::default()));
        mistakes.extend(found.into_iter().filter(|d| !d.message.contains("has no value")));
        assert!(!mistakes.is_empty(), "{file}");
        let told = show(&sources, &mistakes);
        assert!(!told.contains("hunter2"), "{file}\n{told}");
        let lines = mistakes.iter().flat_map(|d| d.primary.iter().chain(&d.secondary));
        for label in lines {
            let line = sources.location(label.span).unwrap();
            assert!(&*line.file != "prod.vars", "{file}\n{told}");
        }
    }
    for flag in ["hunter2(1)", "{ a = hunter2", "{ hunter2 = [] }", "hunter2"] {
        let (module, sources, _) = module(text);
        let input = lazuli_config::VariableInput::text("token", flag, lazuli_config::Origin::Flag);
        let (_, mistakes) = Evaluator::new(Arc::new(module), &[input], Arc::new(Texts::default()));
        let told = show(&sources, &mistakes);
        assert!(told.contains("token") && !told.contains("hunter2"), "{told}");
    }
}
