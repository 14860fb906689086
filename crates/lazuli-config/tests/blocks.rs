//! Files, declarations, blocks against schemas, variables, references.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use common::{Objects, Texts, declared, evaluator, mistakes, module, show, spell};
use lazuli_config::{
    DeclarationKind, Evaluator, Instances, Module, NoExternals, Origin, VariableInput, parse_variables,
    schemas,
};
use lazuli_core::block::{AttributeSchema, BlockSchema, NestedBlock, Occurs, Shape};
use lazuli_core::{Diagnostics, Sources, Type, Value};

#[test]
fn every_syntax_mistake_of_a_file_is_reported_at_its_place() {
    insta::assert_snapshot!(mistakes(
        r#"
resorce "a" {
}
cluster "prod" {
  name = 
  region = "eastus2
  network {
    cidr = "10.0.0.0/8" egress = 1
    good = 1
    bad = [1, 2
  }
  count = 1 +
}
variable "a" "b" {
}
variable {
}
output "1x" {
  value = 1
}
x = 1
resource "dup" {
  type = 'single'
  type = "again"
  a = { b = 1, b = 2 }
}
resource "dup" {
}
locals {
  a = "\q"
  b = 1 2
  c = foo(
}
locals {
  d = 1
}
"#
    ));
}

#[test]
fn an_unclosed_brace_is_reported_where_it_opens_and_the_rest_is_read() {
    insta::assert_snapshot!(mistakes(
        r#"
cluster "a" {
  network {
    cidr = "x"
}

resource "b" {
  type = unquoted
}
"#
    ));
}

#[test]
fn brackets_comments_and_heredocs_that_do_not_end() {
    let mut text = String::new();
    for broken in [
        "locals {\n  a = [1, 2)\n}\n",
        "}\n",
        "locals {\n  a = <<EOT\n  x\n}\n",
        "locals {\n  a = 1 /* x\n}\n",
        "locals {\n  a = \"${1\"\n}\nresource \"x\" {\n  y = z\n}\n",
        "\u{feff}locals {\n  a = 1\n}\n",
    ] {
        let _ = writeln!(text, "--- {broken:?}\n{}", mistakes(broken));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn names_that_are_declared_nowhere_and_circles_are_found_before_evaluation() {
    insta::assert_snapshot!(mistakes(
        r#"
variable "workers" {
  validation {
    condition     = var.worker > 0
    error_message = "x"
  }
}
locals {
  a = local.b
  b = [local.c]
  c = local.a
  d = true ? 1 : local.missing
  e = [for x in [1] : y]
  f = lengt("a")
}
resource "r" {
  type       = resource.q.id
  properties = { a = each.key, b = cloud_account.main }
  depends_on = [resource.s]
}
output "o" {
  value = data.x.id
}
"#
    ));
}

#[test]
fn settings_meta_arguments_and_variables_are_checked() {
    insta::assert_snapshot!(mistakes(
        r#"
lazuli {
  required_version = "${1}2"
  backend "local" {
    path = local.x
  }
  backend "azurerm" {
  }
  extra {
  }
}
locals {
  x = 1
}
variable "v" {
  type     = list(strin)
  nullable = var.x
  typ      = 1
  validation {
    condition = true
  }
}
resource "r" {
  count      = 1
  for_each   = {}
  depends_on = resource.r
  lifecycle {
    prevent_destroy = local.x
    ignore_changes  = [tags, 1 + 1]
    prevent         = true
    conditions {
    }
  }
}
"#
    ));
}

static POOL: BlockSchema = BlockSchema {
    name: "worker_pool",
    labels: &["name"],
    attributes: &[
        AttributeSchema { name: "count", shape: Shape::Number, required: true },
        AttributeSchema { name: "instance_type", shape: Shape::String, required: true },
        AttributeSchema { name: "zones", shape: Shape::Strings, required: false },
        AttributeSchema { name: "labels", shape: Shape::StringMap, required: false },
    ],
    blocks: &[NestedBlock { schema: &TAINT, occurs: Occurs::Many }],
};
static TAINT: BlockSchema = BlockSchema {
    name: "taint",
    labels: &["key"],
    attributes: &[AttributeSchema { name: "effect", shape: Shape::String, required: true }],
    blocks: &[],
};
static NETWORK: BlockSchema = BlockSchema {
    name: "network",
    labels: &[],
    attributes: &[AttributeSchema { name: "cidr", shape: Shape::String, required: false }],
    blocks: &[],
};
static CLUSTER: BlockSchema = BlockSchema {
    name: "cluster",
    labels: &["name"],
    attributes: &[
        AttributeSchema { name: "cloud_account", shape: Shape::Reference("cloud_account"), required: false },
        AttributeSchema { name: "region", shape: Shape::String, required: true },
        AttributeSchema { name: "private", shape: Shape::Bool, required: false },
    ],
    blocks: &[
        NestedBlock { schema: &NETWORK, occurs: Occurs::Required },
        NestedBlock { schema: &POOL, occurs: Occurs::Many },
    ],
};

fn cluster(text: &str) -> String {
    let (module, sources, mut diagnostics) = module(text);
    let (evaluator, more) = Evaluator::new(Arc::new(module), &[], Arc::new(Texts::default()));
    diagnostics.extend(more);
    let declaration = declared(evaluator.module(), DeclarationKind::Cluster, "prod");
    match evaluator.block(&declaration.block, &CLUSTER, &NoExternals, None) {
        Ok(block) => {
            assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
            let mut text = String::new();
            spell_block(&block, 0, &mut text);
            text
        }
        Err(more) => {
            lazuli_config::merge(&mut diagnostics, more);
            show(&sources, &diagnostics)
        }
    }
}

fn spell_block(block: &lazuli_core::block::Block, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let labels: String = block.labels.iter().map(|l| format!(" {:?}", l.text)).collect();
    let _ = writeln!(text, "{indent}{}{labels}", block.name);
    for attribute in &block.attributes {
        let _ = writeln!(text, "{indent}  {} = {}", attribute.name, spell(&attribute.value));
    }
    for inner in &block.blocks {
        spell_block(inner, depth + 1, text);
    }
}

#[test]
fn a_block_is_converted_to_its_schema_and_dynamic_blocks_are_expanded() {
    insta::assert_snapshot!(cluster(
        r#"
cloud_account "main" {
}
locals {
  pools = { general = 3, gpu = 1 }
}
cluster "prod" {
  cloud_account = cloud_account.main
  region        = "eastus2"
  private       = "true"
  network {
    cidr = null
  }
  dynamic "worker_pool" {
    for_each = local.pools
    iterator = pool
    labels   = [pool.key]
    content {
      count         = "${pool.value}"
      instance_type = "Standard_${pool.key}"
      zones         = [1, 2]
      labels        = { a = 1 }
      dynamic "taint" {
        for_each = pool.key == "gpu" ? ["gpu"] : []
        labels   = [taint.value]
        content {
          effect = "NoSchedule"
        }
      }
    }
  }
}
"#
    ));
}

#[test]
fn mistakes_in_blocks_name_what_may_stand_there() {
    insta::assert_snapshot!(cluster(
        r#"
cloud_account "main" {
}
cluster "prod" {
  cloud_account = "main"
  regon         = "eastus2"
  private       = [1]
  networks {
  }
  region {
  }
  worker_pool = 1
  worker_pool "a" {
    instance_typ = "x"
    count        = "three"
    zones        = "1"
  }
  worker_pool {
    count         = 1
    instance_type = null
  }
  worker_pool "b" {
    count         = 1
    instance_type = "x"
    taint "t" {
      effect = local.nope
    }
  }
}
"#
    ));
    insta::assert_snapshot!(
        "mistakes_in_how_often_blocks_stand",
        cluster(
            r#"
cluster "prod" {
  region = "x"
  network {
  }
  network {
  }
  worker_pool "a" {
    count         = 1
    instance_type = "x"
  }
  worker_pool "a" {
    count         = 1
    instance_type = "x"
  }
}
"#
        )
    );
}

#[test]
fn blocks_of_the_language_written_as_attributes_and_attributes_as_blocks() {
    insta::assert_snapshot!(mistakes(
        r#"
variable "a" {
  validation = {
    condition = true
  }
  default {
  }
}
output "o" {
  value {
  }
  precondition = 1
}
output "p" {
  vlaue = 1
}
output "p" {
  value = 1
}
resource "r" {
  type = "x"
  lifecycle = {}
  timeouts = {}
}
check "c" {
  assert = true
}
lazuli {
  backend = "local"
}
"#
    ));
}

#[test]
fn a_name_that_means_nothing_is_told_once_before_and_while_it_is_evaluated() {
    let text = r#"
output "item" {
  value = [for item in [1] : itm.size]
}
output "workspace" {
  value = terraform.workspace
}
output "self" {
  value = self.id
}
"#;
    let (module, sources, mut diagnostics) = module(text);
    let module = Arc::new(module);
    let (evaluator, _) = Evaluator::new(module.clone(), &[], Arc::new(Texts::default()));
    for output in module.outputs.iter() {
        let found = evaluator.output(output, &Objects::default()).unwrap_err();
        lazuli_config::merge(&mut diagnostics, found);
    }
    insta::assert_snapshot!(show(&sources, &diagnostics));
}

#[test]
fn depends_on_names_blocks() {
    insta::assert_snapshot!(mistakes(
        "output \"o\" {\n  value = 1\n  depends_on = [\"resource.a\", local.b, [1], \"${local.b}\"]\n}\nlocals {\n  b = 1\n}\n"
    ));
}

#[test]
fn a_long_circle_is_told_without_its_middle() {
    let mut text = String::from("locals {\n");
    for i in 0..5_000 {
        let _ = writeln!(text, "  v{i} = local.v{}", (i + 1) % 5_000);
    }
    let told = mistakes(&(text + "}\n"));
    let first = told.lines().next().unwrap();
    let way = "local.v0 -> local.v1 -> local.v2 -> local.v3 -> local.v4 -> local.v5 -> … 4993 more … -> local.v4999 -> local.v0";
    assert!(first.contains(way), "{first}");
}

const VARIABLES: &str = r#"
variable "plain" {
}
variable "amount" {
  type     = number
  default  = 3
  nullable = false
  validation {
    condition     = var.amount > 0 && var.amount < 10
    error_message = "Between 1 and 9, not ${var.amount}."
  }
}
variable "object" {
  type    = object({ a = optional(number, 1), b = optional(list(object({ c = optional(string, "d") })), [{}]) })
  default = {}
}
variable "token" {
  type      = string
  default   = "hunter2"
  sensitive = true
}
"#;

fn variables(inputs: impl FnOnce(&mut Sources) -> Vec<VariableInput>) -> String {
    let (module, mut sources, found) = module(VARIABLES);
    assert!(found.is_empty(), "{}", show(&sources, &found));
    let inputs = inputs(&mut sources);
    let (evaluator, diagnostics) = Evaluator::new(Arc::new(module), &inputs, Arc::new(Texts::default()));
    let mut text = String::new();
    for (name, value) in evaluator.variables() {
        let _ = writeln!(text, "{name} = {}", spell(value));
    }
    text + &show(&sources, &diagnostics)
}

#[test]
fn later_values_of_a_variable_win_and_all_are_converted_and_validated() {
    let flag = |name, value| VariableInput::text(name, value, Origin::Flag);
    let mut text = String::new();
    text += &variables(|_| Vec::new());
    text += "---\n";
    text += &variables(|sources| {
        let text = "amount = 5\nplain = [1]\nobject = { a = \"7\", b = [{ c = \"x\" }, {}] }\n";
        let (mut inputs, found) = parse_variables(sources, &Module::default(), "prod.vars", text);
        assert!(found.is_empty());
        inputs.push(flag("amount", "6"));
        inputs.push(flag("plain", "true"));
        inputs
    });
    text += "---\n";
    text += &variables(|sources| {
        let (mut inputs, found) = parse_variables(
            sources,
            &Module::default(),
            "prod.vars",
            "amuont = 5\nplain = var.amount\nobject = 1\n",
        );
        assert!(found.is_empty());
        inputs.push(flag("amount", "60"));
        inputs.push(flag("amont", "60"));
        let origin = Origin::Environment("LAZULI_VAR_other".into());
        inputs.push(VariableInput::text("other", "1", origin));
        inputs
    });
    text += "---\n";
    text += &variables(|sources| {
        let (mut inputs, _) = parse_variables(
            sources,
            &Module::default(),
            "prod.vars",
            "token = [\"hunter2\"]
",
        );
        inputs.extend([flag("object", "{ a = ["), flag("amount", "hunter2"), flag("plain", "x")]);
        inputs
    });
    assert_eq!(text.matches("hunter2").count(), 3, "only the defaults: {text}");
    insta::assert_snapshot!(text);
}

const RESOURCES: &str = r#"
cloud_account "main" {
}
variable "key" {
  default   = "k3y"
  sensitive = true
}
locals {
  logs   = resource.logs
  logs_b = local.logs.properties.b
  zones  = ["1"]
}
resource "logs" {
  type           = "Microsoft.Storage/storageAccounts@2025-06-01"
  cloud_account  = cloud_account.main
  resource_group = "rg"
  name           = "logs${1 + 1}"
  location       = "eastus2"
  tags           = { a = 1 }
  sku            = { name = "Standard_ZRS" }
  properties     = { b = local.zones, c = null }
  ignore         = ["properties.networkAcls"]
  sensitive_properties = { key = var.key }
  timeouts {
    create = "1h30m"
  }
}
resource "child" {
  for_each   = toset(["x", "y"])
  type       = "Microsoft.Storage/storageAccounts/blobServices@2025-06-01"
  parent_id  = resource.logs.id
  name       = "${each.key}-${resource.logs.properties.b}"
  properties = { c = local.logs_b, d = data.hub.id, e = resource.logs["k"].x[0] }
  depends_on = [cluster.prod]
}
data "hub" {
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  resource_group = "rg"
  name           = "hub"
}
cluster "prod" {
}
output "key" {
  value = var.key
}
"#;

fn objects() -> Objects {
    let address: lazuli_core::Address = "resource.logs".parse().unwrap();
    let unknown = Value::unknown_from(address, "properties.b".parse().unwrap(), Type::Any);
    let logs = Value::object([("id", Value::from("/logs")), ("properties", Value::object([("b", unknown)]))]);
    let logs = Value::object([
        ("id", logs.get("id").unwrap().clone()),
        ("properties", logs.get("properties").unwrap().clone()),
        ("k", Value::object([("x", Value::tuple([Value::int(7)]))])),
    ]);
    let hub = Value::object([("id", Value::from("/hub"))]);
    Objects(BTreeMap::from([("resource.logs".to_owned(), logs), ("data.hub".to_owned(), hub)]))
}

#[test]
fn a_resource_is_typed_and_its_instances_are_expanded() {
    let (evaluator, sources) = evaluator(RESOURCES, &[]);
    let mut text = String::new();
    let objects = objects();
    for name in ["logs", "child"] {
        let declaration = declared(evaluator.module(), DeclarationKind::Resource, name);
        let instances = match evaluator.instances(declaration, &objects).unwrap() {
            Instances::Single => vec![None],
            Instances::Keyed(keyed) => keyed.into_iter().map(Some).collect(),
        };
        for instance in &instances {
            let resource = evaluator.resource(declaration, &objects, instance.as_ref()).unwrap();
            let key = instance.as_ref().map(|i| i.key.to_string()).unwrap_or_default();
            let _ = writeln!(
                text,
                "{name}{key} {}@{} account {}",
                resource.type_name, resource.api_version, resource.cloud_account
            );
            let _ = writeln!(
                text,
                "  {:?}\n  name {}\n  body {}",
                resource.placement,
                spell(&resource.name),
                spell(&resource.body)
            );
            let _ = writeln!(
                text,
                "  sensitive {:?} ignore {:?}",
                resource.sensitive_properties, resource.ignore
            );
            let _ = writeln!(
                text,
                "  {:?}",
                evaluator.timeouts(declaration, &objects, instance.as_ref()).unwrap()
            );
        }
        for reference in evaluator.references(declaration, None) {
            let at = sources.location(reference.span).unwrap();
            let through = reference.through.map(|(local, span)| {
                format!(" through local.{local} at {}", sources.location(span).unwrap())
            });
            let _ = writeln!(
                text,
                "  -> {} {:?} `{}` at {at}{}",
                reference.root,
                reference.key,
                reference.attribute,
                through.unwrap_or_default()
            );
        }
    }
    let output = evaluator.module().outputs.get("key").unwrap();
    text += &show(&sources, &evaluator.output(output, &objects).unwrap_err());
    insta::assert_snapshot!(text);
}

#[test]
fn a_reference_by_the_own_key_of_a_copy_names_one_copy_and_any_other_expression_all() {
    let (evaluator, _) = evaluator(
        r#"
resource "a" {
  count = 3
}
resource "b" {
  count = 3
  properties = {
    same    = resource.a[count.index].id
    next    = resource.a[count.index + 1].id
    written = resource.a[1].id
    all     = resource.a[*].id
  }
}
resource "c" {
  for_each = toset(["x"])
  properties = {
    same     = resource.a[each.key].properties.x[0]
    by_value = resource.a[each.value].id
    deeper   = resource.a[each.key.x].id
    inside   = [for each in [1] : resource.a[each.key].name]
  }
}
"#,
        &[],
    );
    let mut text = String::new();
    for name in ["b", "c"] {
        let block = declared(evaluator.module(), DeclarationKind::Resource, name);
        for reference in evaluator.references(block, None) {
            let _ = writeln!(text, "{:?} `{}`", reference.key, reference.attribute);
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_wrong_with_a_resource() {
    let (module, sources, mut diagnostics) = module(
        r#"
cloud_account "a" {
}
cloud_account "b" {
}
resource "one" {
  type           = "Microsoft.Storage/storageAccounts"
  resource_group = "rg"
  parent_id      = "/x"
  name           = "n"
  ignore         = [""]
  properties     = 1
}
resource "two" {
  type = "storageAccounts@2025-06-01"
  propertis = {}
}
resource "three" {
  type = "A.B/c@latest"
  cloud_account = cloud_account.a
  name = "n"
}
resource "four" {
  count = resource.one.properties.n
  type  = "A.B/c@2025-01-01"
  name  = "n"
}
resource "five" {
  for_each = ["a"]
}
resource "six" {
  count = -1
}
resource "seven" {
  for_each = sensitive({})
}
resource "eight" {
  timeouts {
    create = "soon"
    forever = "1h"
  }
}
"#,
    );
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let (evaluator, _) = Evaluator::new(Arc::new(module), &[], Arc::new(Texts::default()));
    let unknown =
        Value::unknown_from("resource.one".parse().unwrap(), "properties.n".parse().unwrap(), Type::Number);
    let one = Value::object([("properties", Value::object([("n", unknown)]))]);
    let objects = Objects(BTreeMap::from([("resource.one".to_owned(), one)]));
    for name in ["one", "two", "three", "four", "five", "six", "seven", "eight"] {
        let declaration = declared(evaluator.module(), DeclarationKind::Resource, name);
        let mut add = |found: Diagnostics| lazuli_config::merge(&mut diagnostics, found);
        match evaluator.instances(declaration, &objects) {
            Err(found) => add(found),
            Ok(_) if name == "eight" => add(evaluator.timeouts(declaration, &objects, None).unwrap_err()),
            Ok(_) => add(evaluator.resource(declaration, &objects, None).unwrap_err()),
        }
    }
    insta::assert_snapshot!(show(&sources, &diagnostics));
}

#[test]
fn a_cloud_account_obeys_its_schema() {
    let text = r#"
cloud_account "sandbox" {
  simulator {
    profile = "fast"
    seed    = 1
    resource_group "rg" {
      location = "eastus2"
    }
  }
}
"#;
    let (evaluator, _) = evaluator(text, &[]);
    let declaration = declared(evaluator.module(), DeclarationKind::CloudAccount, "sandbox");
    let block = evaluator.block(&declaration.block, &schemas::CLOUD_ACCOUNT, &NoExternals, None).unwrap();
    assert_eq!(block.block("simulator").unwrap().value("seed"), Some(&Value::int(1)));
}

#[test]
fn a_postcondition_sees_self_and_unknown_conditions_pass() {
    let text = r#"
resource "a" {
  lifecycle {
    postcondition {
      condition     = self.n == 1
      error_message = "n is ${self.n}"
    }
  }
}
"#;
    let (evaluator, sources) = evaluator(text, &[]);
    let declaration = declared(evaluator.module(), DeclarationKind::Resource, "a");
    let rules = &declaration.meta.lifecycle.postconditions;
    let check = |n: Value| {
        let this = Value::object([("n", n)]);
        evaluator.conditions(rules, &NoExternals, None, Some(&this)).map_err(|d| show(&sources, &d))
    };
    assert!(check(Value::int(1)).is_ok());
    assert!(check(Value::unknown_of(Type::Number)).is_ok());
    let said = check(Value::int(2)).unwrap_err();
    assert_eq!(said, "main.hcl:5:23 LZ0212 n is 2 | `self.n == 1` this is false\n    note: self.n is 2\n");
}

#[test]
fn an_evaluator_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Evaluator>();
}

#[test]
fn what_this_version_cannot_carry_out_is_refused_as_such() {
    insta::assert_snapshot!(mistakes(
        r#"
check "health" {
  data "health" {
    type = "x"
  }
  assert {
    condition     = true
    error_message = "Down."
  }
}
variable "token" {
  ephemeral = true
}
output "token" {
  value     = 1
  ephemeral = true
}
"#
    ));
}

#[test]
fn every_code_has_a_page() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    for (code, meaning) in lazuli_config::CODES {
        let page = std::fs::read_to_string(folder.join(format!("{code}.md"))).unwrap_or_default();
        assert!(page.starts_with(&format!("# {code}: {meaning}\n")), "docs/errors/{code}.md");
    }
}

#[test]
fn moves_removals_and_imports_name_addresses() {
    let text = r#"
resource "new" {
}
resource "copies" {
  for_each = { a = 1 }
}
resource "stays" {
}
cluster "prod" {
}
moved {
  from = resource.old
  to   = resource.new
}
moved {
  from = resource.older
  to   = resource.old
}
moved {
  from = resource.copies
  to   = resource.copies["a"]
}
moved {
  from = resource.stays
  to   = resource.newer
}
moved {
  from = resource.a
  to   = resource.b
}
moved {
  from = resource.b
  to   = resource.a
}
moved {
  from = resource.old
  to   = resource.copies["b"]
}
moved {
  from = "resource.x"
  to   = data.y
}
moved {
  from = resource.x[local.key]
  to   = cluster.prod.network.virtual_network
}
moved {
  from = resource.x
  to   = cluster.prod
}
moved {
  from = resource.self
  to   = resource.self
}
moved {
  to = resource.c
  too = 1
}
removed {
  from = resource.gone
  lifecycle {
    destroy = false
  }
}
removed {
  from = resource.stays
  lifecycle {
    destroy = var.x
  }
}
removed {
  from = resource.copies["z"]
}
import {
  to = resource.new
  id = "/subscriptions/s"
}
import {
  for_each = { a = "/subscriptions/s" }
  to       = resource.copies[each.key]
  id       = each.value
}
import {
  to = resource.nwe
  id = 1
}
import {
  to = cluster.prod
  id = each.value
}
import {
  to = cluster.prod.network.virtual_network
}
"#;
    let (_, sources, diagnostics) = common::modules(&[("main.hcl", text)]);
    insta::assert_snapshot!(show(&sources, &diagnostics));
}

#[test]
fn a_rule_of_a_variable_may_look_at_more_than_the_variable() {
    let text = r#"
variable "low" {
  default = 3
}
variable "high" {
  default = 2
  validation {
    condition     = var.high > var.low && var.high > local.least
    error_message = "high is ${var.high}, and low ${var.low}."
  }
  validation {
    condition     = var.high < data.limits.properties.most
    error_message = "More than ${data.limits.properties.most}."
  }
}
variable "old" {
  default    = null
  deprecated = "use high"
}
locals {
  least = 1
}
data "limits" {
}
check "limits" {
  assert {
    condition     = data.limits.properties.most > 100
    error_message = "Only ${data.limits.properties.most}."
  }
  assert {
    condition     = data.limits.properties.nothing
    error_message = "Nothing."
  }
}
"#;
    let (module, sources, diagnostics) = module(text);
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let old = lazuli_config::VariableInput::text("old", "x", lazuli_config::Origin::Flag);
    let (evaluator, found) = Evaluator::new(Arc::new(module), &[old], Arc::new(Texts::default()));
    let limits = Value::object([("properties", Value::object([("most", Value::int(1))]))]);
    let objects = Objects([("data.limits".to_owned(), limits)].into());
    let mut text = show(&sources, &found);
    text += &show(&sources, &evaluator.late(&objects).unwrap_err());
    text += &show(&sources, &evaluator.checks(&objects).0);
    insta::assert_snapshot!(text);
}
