//! Values of variables: where they come from, and who wins.

use crate::configurations::ACCOUNT;
use crate::workbench::{Workbench, told};

const PALETTE: &str = r#"
variable "colour" {
  type    = string
  default = "default"
}

variable "sizes" {
  type    = list(number)
  default = []
}

resource "marker" {
  type           = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg"
  name           = "marker"
  location       = "eastus2"
  tags           = { colour = var.colour }
}

output "colour" {
  value = var.colour
}

output "sizes" {
  value = var.sizes
}
"#;

fn colour(bench: &Workbench, line: &str) -> String {
    bench.does(&format!("apply --auto-approve {line}"));
    bench.does("output colour --raw").stdout
}

#[test]
fn later_and_closer_values_win() {
    let mut bench = Workbench::with(&format!("{ACCOUNT}{PALETTE}"));
    assert_eq!(colour(&bench, ""), "default");
    bench.set("LAZULI_VAR_colour", "environment");
    assert_eq!(colour(&bench, ""), "environment");
    bench.write("lazuli.vars.hcl", "colour = \"vars file\"\n");
    assert_eq!(colour(&bench, ""), "vars file");
    bench.write("a.auto.vars.hcl", "colour = \"a\"\n");
    bench.write("b.auto.vars.hcl", "colour = \"b\"\n");
    assert_eq!(colour(&bench, ""), "b");
    bench.write("mine.vars.hcl", "colour = \"mine\"\nsizes  = [1, 2]\n");
    assert_eq!(colour(&bench, ""), "b", "other files are only read when asked for");
    assert_eq!(colour(&bench, "--var-file mine.vars.hcl"), "mine");
    assert_eq!(colour(&bench, "--var-file mine.vars.hcl --var colour=flag"), "flag");
    assert_eq!(colour(&bench, "--var colour=first --var colour=second"), "second");
    assert_eq!(colour(&bench, "--var colour=flag --var-file mine.vars.hcl"), "mine", "the later one wins");
    assert_eq!(bench.does("output sizes --json").document(), serde_json::json!([1, 2]));
    bench.does("apply --auto-approve --var sizes=[3,5]");
    assert_eq!(bench.does("output sizes --json").document(), serde_json::json!([3, 5]));
}

#[test]
fn a_value_without_a_default_must_come_from_somewhere() {
    let bench = Workbench::with(&format!("{ACCOUNT}{}", PALETTE.replace("  default = \"default\"\n", "")));
    told("variable_missing", bench.run("plan"));
    bench.does("apply --auto-approve --var colour=red");
    // Looking at what was applied needs no values.
    assert_eq!(bench.does("output colour --raw").stdout, "red");
    assert_eq!(bench.does("state list").stdout, "resource.marker\n");
    bench.does("show");
    told("variable_unknown", bench.run("plan --var colour=red --var color=blue"));
    told("variable_file_missing", bench.run("plan --var-file nowhere.hcl"));
}

#[test]
fn text_for_a_variable_without_a_type_is_meant_like_its_default() {
    let text = r#"
variable "count_of" {
  default = 3
}
variable "flag" {
  default = false
}
variable "word" {
  default = "x"
}
variable "list" {
  default = ["x"]
}
variable "anything" {
  default = null
}
output "all" {
  value = [var.count_of, var.flag, var.word, var.list, var.anything]
}
"#;
    let mut bench = Workbench::with(&format!("{ACCOUNT}{text}"));
    bench.set("LAZULI_VAR_flag", "true");
    bench.does("apply --auto-approve --var count_of=5 --var word=7 --var list=[1,2] --var anything=8");
    assert_eq!(bench.does("output all --json").document(), serde_json::json!([5, true, "7", [1, 2], "8"]));
    bench.does("apply --auto-approve --var count_of=many --var list=[]");
    assert_eq!(bench.does("output all --json").document(), serde_json::json!(["many", true, "x", [], null]));
}
