//! Modules: what goes in, what comes out, what they are called, and what is said when they are called wrongly.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use common::{Objects, configuration, spell, wrong};
use lazuli_config::{DeclarationKind, Evaluator, Externals, NoExternals, Root, Unavailable};
use lazuli_core::{Address, Path, Type, Value};

/// Every output of the root, spelled.
fn outputs(files: &[(&str, &str)], externals: &dyn Externals) -> String {
    let (evaluator, sources) = configuration(files, &[]);
    let mut text = String::new();
    for output in &evaluator.module().outputs {
        let spelled = match evaluator.output(output, externals) {
            Ok(value) => spell(&value),
            Err(found) => format!("error {}", common::show(&sources, &found).trim_end()),
        };
        let _ = writeln!(text, "{} = {spelled}", output.name.text);
    }
    text
}

/// Every module instance below the root, the nearer ones first.
fn all(root: &Evaluator, externals: &dyn Externals) -> Vec<Evaluator> {
    let mut all = vec![root.clone()];
    let mut at = 0;
    while at < all.len() {
        let (children, found) = all[at].children(externals);
        assert!(found.is_empty(), "{found:?}");
        all.extend(children);
        at += 1;
    }
    all
}

const NET: &str = r#"
variable "cidr" {
  type = string
  validation {
    condition     = can(cidrhost(var.cidr, 0))
    error_message = "${var.cidr} is no range."
  }
}
variable "bits" {
  type    = number
  default = 8
}
variable "tags" {
  type     = map(string)
  default  = {}
  nullable = false
}
variable "key" {
  default   = "none"
  sensitive = true
}
locals {
  subnet = cidrsubnet(var.cidr, var.bits, 1)
}
output "subnet" {
  value = local.subnet
}
output "tags" {
  value = var.tags
}
output "key" {
  value = var.key
}
output "place" {
  value = [path.module, path.root]
}
"#;

#[test]
fn inputs_go_in_and_outputs_come_out() {
    let main = r#"
module "one" {
  source = "./net"
  cidr   = "10.0.0.0/16"
  tags   = null
}
module "many" {
  source   = "./net"
  for_each = { a = 1, b = 2 }
  cidr     = "10.${each.value}.0.0/16"
  tags     = { key = each.key, count = 3 }
}
module "counted" {
  source = "./net"
  count  = 2
  cidr   = "10.${count.index}.0.0/16"
  bits   = "4"
}
module "none" {
  source   = "./net"
  for_each = {}
  cidr     = "10.0.0.0/16"
}
output "one" {
  value = module.one.subnet
}
output "one_whole" {
  value     = module.one
  sensitive = true
}
output "tags" {
  value = module.one.tags
}
output "a" {
  value = module.many["a"].tags
}
output "by_expression" {
  value = module.many[join("", ["b"])].subnet
}
output "all" {
  value = { for k, m in module.many : k => m.subnet }
}
output "splat" {
  value = module.counted[*].subnet
}
output "index" {
  value = module.counted["1"].subnet
}
output "keys" {
  value = keys(module.many)
}
output "none" {
  value = [module.none, length(module.none)]
}
output "place" {
  value = concat(module.one.place, [path.module])
}
output "secret" {
  value = module.one.key
}
output "missing" {
  value = module.many["c"].subnet
}
output "beyond" {
  value = module.counted[2].subnet
}
"#;
    insta::assert_snapshot!(outputs(&[("main.hcl", main), ("net/main.hcl", NET)], &NoExternals));
}

#[test]
fn modules_call_modules_and_values_pass_through_all_of_them() {
    let main = r#"
module "outer" {
  source   = "./outer"
  for_each = toset(["x", "y"])
  name     = each.key
  before   = "-${module.first.names}"
}
module "first" {
  source = "./outer"
  name   = "first"
}
output "names" {
  value = [for k in ["x", "y"] : module.outer[k].names]
}
"#;
    let outer = r#"
variable "name" {}
variable "before" {
  default = ""
}
module "inner" {
  source = "../inner"
  count  = 2
  name   = "${var.name}${var.before}${count.index}"
}
output "names" {
  value = join(",", module.inner[*].name)
}
"#;
    let inner = "variable \"name\" {\n}\noutput \"name\" {\n  value = \"<${var.name}>\"\n}\n";
    let files = [("main.hcl", main), ("outer/main.hcl", outer), ("inner/main.hcl", inner)];
    insta::assert_snapshot!(outputs(&files, &NoExternals));
    let (evaluator, _) = configuration(&files, &[]);
    let addresses: Vec<String> =
        all(&evaluator, &NoExternals).iter().filter_map(|e| e.address().map(Address::to_string)).collect();
    insta::assert_snapshot!(addresses.join("\n"));
}

const DISK: &str = r#"
variable "name" {}
variable "subnet" {
  type    = string
  default = null
  validation {
    condition     = var.subnet != "bad"
    error_message = "The subnet ${var.name} gets is bad."
  }
}
resource "disk" {
  type           = "Microsoft.Compute/disks@2025-01-02"
  resource_group = "rg"
  name           = var.name
  properties     = { subnet = var.subnet }
}
resource "copies" {
  for_each       = toset(["p", "q"])
  type           = "Microsoft.Compute/disks@2025-01-02"
  resource_group = "rg"
  name           = each.key
  tags           = { after = resource.disk.id }
}
output "id" {
  value = resource.disk.id
}
output "copies" {
  value = { for k, v in resource.copies : k => v.id }
}
output "waits" {
  value      = "known"
  depends_on = [resource.copies]
}
"#;

const DISKS: &str = r#"
resource "net" {
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  resource_group = "rg"
  name           = "net"
}
resource "sub" {
  for_each  = { a = 1, b = 2 }
  type      = "Microsoft.Network/virtualNetworks/subnets@2025-05-01"
  parent_id = resource.net.id
  name      = each.key
}
module "disk" {
  source   = "./disk"
  for_each = { a = 1, b = 2 }
  name     = each.key
  subnet   = resource.sub[each.key].id
}
module "later" {
  source     = "./disk"
  name       = "later"
  depends_on = [module.disk, resource.net]
}
module "chained" {
  source   = "./disk"
  for_each = resource.sub
  name     = each.key
  subnet   = each.value.id
}
resource "one" {
  type           = "Microsoft.Compute/disks@2025-01-02"
  resource_group = "rg"
  name           = module.disk["a"].id
}
resource "own" {
  for_each       = module.disk
  type           = "Microsoft.Compute/disks@2025-01-02"
  resource_group = "rg"
  name           = module.disk[each.key].copies[each.key]
}
resource "every" {
  type           = "Microsoft.Compute/disks@2025-01-02"
  resource_group = "rg"
  name           = join(",", [for d in module.disk : d.id])
}
resource "after" {
  type           = "Microsoft.Compute/disks@2025-01-02"
  resource_group = "rg"
  name           = module.later.waits
}
output "ids" {
  value = { for k, m in module.disk : k => m.id }
}
"#;

/// Objects whose ids are not known yet, in any module.
struct Unborn;

impl Externals for Unborn {
    fn value(&self, root: &Root) -> Result<Value, Unavailable> {
        let id = |address: Address| {
            let path = "id".parse::<Path>().unwrap();
            Value::object([("id", Value::unknown_from(address, path, Type::String))])
        };
        let keyed = |keys: [&str; 2]| {
            let one = |k: &str| {
                (k.to_owned(), id(root.address().instance(&lazuli_core::address::Key::Name(k.to_owned()))))
            };
            Value::object(keys.map(one))
        };
        Ok(match &*root.name {
            "sub" | "own" => keyed(["a", "b"]),
            "copies" => keyed(["p", "q"]),
            _ => id(root.address()),
        })
    }
}

#[test]
fn what_is_not_known_yet_travels_through_modules_with_its_origin() {
    let files = [("main.hcl", DISKS), ("disk/main.hcl", DISK)];
    insta::assert_snapshot!(outputs(&files, &Unborn));
}

#[test]
fn a_block_waits_for_exactly_what_it_refers_to_through_modules() {
    let (evaluator, _) = configuration(&[("main.hcl", DISKS), ("disk/main.hcl", DISK)], &[]);
    let mut text = String::new();
    for unit in all(&evaluator, &Unborn) {
        let module = unit.module();
        for block in module.resources.iter().filter(|b| &*b.name.text != "net") {
            let keys = match unit.instances(block, &Unborn).unwrap() {
                lazuli_config::Instances::Keyed(all) if unit.refers_by_own_key(block) => {
                    all.into_iter().map(|i| Some(i.key)).collect()
                }
                _ => vec![None],
            };
            for key in keys {
                let mut on: Vec<String> = unit
                    .references(block, key.as_ref())
                    .into_iter()
                    .chain(unit.awaited())
                    .filter(|r| r.root.kind == DeclarationKind::Resource)
                    .map(|r| match r.key {
                        Some(lazuli_config::ReferenceKey::Literal(key)) => format!("{}{key}", r.root),
                        Some(lazuli_config::ReferenceKey::Instance) => format!("{}[own]", r.root),
                        None => r.root.to_string(),
                    })
                    .collect();
                on.sort();
                on.dedup();
                let key = key.map_or_else(String::new, |k| k.to_string());
                let address = unit.address_of("resource", &block.name.text);
                let _ = writeln!(text, "{address}{key} -> {}", on.join(" "));
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn wrong_calls_are_told_at_the_call() {
    let main = r#"
module "a" {
  source = "./net"
  cdir   = "10.0.0.0/16"
}
module "b" {
  source = "./net"
}
module "c" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "1.0"
}
module "d" {
  source = "./nowhere"
}
module "e" {
  cidr = 1
}
module "f" {
  source = "./net"
  cidr   = ["10.0.0.0/16"]
  tags   = { a = ["b"] }
}
module "g" {
  source = "./net"
  cidr   = "tomorrow"
}
module "h" {
  source = "./net"
  count  = "many"
  cidr   = "10.0.0.0/16"
  lifecycle {
  }
}
module "i" {
  source = var.where
  cidr   = each.key
}
module "i" {
  source = "./net"
  cidr   = "10.0.0.0/8"
}
output "x" {
  value = [module.a.subnets, module.b[0].subnot, module.h[*].plaec, module.nothing.x]
}
output "y" {
  value = module.g.subnet
}
"#;
    let accounts = r#"
cloud_account "mine" {
}
lazuli {
  backend "local" {
  }
}
variable "source" {
}
output "x" {
  value = resource.logs.id
}
"#;
    insta::assert_snapshot!(wrong(&[
        ("main.hcl", main),
        ("net/main.hcl", NET),
        ("z.hcl", "module \"z\" {\n  source = \"./accounts\"\n  source2 = 1\n}\n"),
        ("accounts/main.hcl", accounts),
    ]));
}

#[test]
fn circles_are_told_by_file_and_line_of_each_step() {
    let main = r#"
locals {
  a = module.net.b
}
module "net" {
  source = "./net"
  a      = local.a
  free   = module.net.c
}
module "copies" {
  source = "./net"
  count  = length(module.copies)
  a      = 1
  free   = 1
}
resource "r" {
  count = local.r
}
locals {
  r = length(resource.r)
}
"#;
    let net = r#"
variable "a" {}
variable "free" {}
locals {
  b = "${var.a}!"
}
output "b" {
  value = local.b
}
output "c" {
  value = "nothing to do with free"
}
"#;
    insta::assert_snapshot!(wrong(&[("main.hcl", main), ("net/main.hcl", net)]));
}

#[test]
fn a_module_that_calls_itself_is_refused() {
    let call = |source: &str| format!("module \"next\" {{\n  source = \"{source}\"\n}}\n");
    let (own, one, two) = (call("./"), call("../two"), call("../one"));
    let mut text = wrong(&[("main.hcl", &own)]);
    text += &wrong(&[("main.hcl", &call("./one")), ("one/main.hcl", &one), ("two/main.hcl", &two)]);
    let twice = |source: &str| {
        format!(
            "module \"a\" {{\n  source = \"{source}\"\n}}\nmodule \"b\" {{\n  source = \"{source}\"\n}}\n"
        )
    };
    let names: Vec<(String, String)> = std::iter::once(("main.hcl".to_owned(), twice("./m0")))
        .chain((0..30).map(|i| (format!("m{i}/main.hcl"), twice(&format!("../m{}", i + 1)))))
        .chain([("m30/main.hcl".to_owned(), String::new())])
        .collect();
    let files: Vec<(&str, &str)> = names.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    text += &wrong(&files);
    insta::assert_snapshot!(text);
}

#[test]
fn a_chain_through_a_thousand_modules_needs_no_stack() {
    let mut main = "module \"m0\" {\n  source = \"./pass\"\n  value = \"x\"\n}\n".to_owned();
    for i in 1..3000 {
        let _ = write!(
            main,
            "module \"m{i}\" {{\n  source = \"./pass\"\n  value = module.m{}.value\n}}\n",
            i - 1
        );
    }
    main += "output \"end\" {\n  value = module.m2999.value\n}\n";
    let pass = "variable \"value\" {\n}\noutput \"value\" {\n  value = var.value\n}\n";
    assert_eq!(outputs(&[("main.hcl", &main), ("pass/main.hcl", pass)], &NoExternals), "end = \"x\"\n");
}

#[test]
fn a_chain_of_many_copies_ends_with_a_limit_and_not_with_the_stack() {
    let chain = |length: usize, copies: usize| {
        let all = format!("toset([for i in range({copies}) : \"k${{i}}\"])");
        let mut main = format!(
            "locals {{\n  key = \"k1\"\n}}\nmodule \"m0\" {{\n  source = \"./pass\"\n  for_each = {all}\n  value = each.key\n}}\n"
        );
        for i in 1..length {
            let _ = write!(
                main,
                "module \"m{i}\" {{\n  source = \"./pass\"\n  for_each = {all}\n  value = module.m{}[local.key].value\n}}\n",
                i - 1
            );
        }
        let _ = write!(main, "output \"end\" {{\n  value = module.m{}[local.key].value\n}}\n", length - 1);
        main
    };
    let pass = "variable \"value\" {\n}\noutput \"value\" {\n  value = var.value\n}\n";
    let run = |main: String| {
        // As much stack as a thread of the executor has.
        let evaluate = move || wrong(&[("main.hcl", &main), ("pass/main.hcl", pass)]);
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(evaluate);
        thread.unwrap().join().unwrap()
    };
    assert_eq!(run(chain(300, 3)), "");
    assert_eq!(run(chain(10, 100)), "");
    assert!(run(chain(100, 100)).contains("LZ0311"));
}

#[test]
fn ten_times_the_copies_take_ten_times_as_long() {
    let took = |count: usize| {
        let main = format!(
            "locals {{\n  all = {{ for i in flatten([for a in range({}) : [for b in range(100) : a * 100 + b]]) : \"k${{i}}\" => i }}\n}}\nresource \"sub\" {{\n  for_each = local.all\n}}\n\
             module \"m\" {{\n  source = \"./m\"\n  for_each = local.all\n  name = each.key\n  id = resource.sub[each.key].id\n}}\n\
             output \"ids\" {{\n  value = [for m in module.m : m.id]\n}}\n",
            count / 100
        );
        let module = "variable \"name\" {\n}\nvariable \"id\" {\n}\nresource \"r\" {\n  name = \"${var.name}-${var.id}\"\n}\noutput \"id\" {\n  value = var.id\n}\n";
        let began = Instant::now();
        let (evaluator, _) = configuration(&[("main.hcl", &main), ("m/main.hcl", module)], &[]);
        let ids = (0..count).map(|i| (format!("k{i}"), Value::object([("id", Value::from("x"))])));
        let objects = Generations(Objects(BTreeMap::from([("resource.sub".to_owned(), Value::object(ids))])));
        let mut references = 0;
        for unit in all(&evaluator, &objects) {
            for block in unit.module().resources.iter().filter(|b| &*b.name.text == "r") {
                references += unit.references(block, None).len();
            }
        }
        assert_eq!(references, count);
        let output = evaluator.module().outputs.get("ids").unwrap();
        assert_eq!(evaluator.output(output, &objects).unwrap().as_sequence().unwrap().len(), count);
        began.elapsed().as_secs_f64()
    };
    took(100);
    let (small, large) = (took(500).max(0.01), took(5_000));
    assert!(large < small * 40.0, "{small} s for 500, {large} s for 5000");
}

/// Objects that may have changed whenever somebody looks.
struct Moving(std::sync::atomic::AtomicU64);

impl Externals for Moving {
    fn value(&self, root: &Root) -> Result<Value, Unavailable> {
        Unborn.value(root)
    }

    fn generation(&self) -> Option<u64> {
        Some(1 + self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) / 3)
    }
}

#[test]
fn many_evaluate_at_once_while_the_world_changes() {
    let (evaluator, _) = configuration(&[("main.hcl", DISKS), ("disk/main.hcl", DISK)], &[]);
    let moving = Moving(0.into());
    all(&evaluator, &moving);
    let output = evaluator.module().outputs.get("ids").unwrap();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..500 {
                    evaluator.output(output, &moving).unwrap();
                }
            });
        }
    });
}

/// Objects of one generation.
struct Generations(Objects);

impl Externals for Generations {
    fn value(&self, root: &Root) -> Result<Value, Unavailable> {
        self.0.value(root)
    }

    fn generation(&self) -> Option<u64> {
        Some(1)
    }
}

#[test]
fn a_tangle_of_circles_is_told_briefly_and_costs_little() {
    let count = 20_000;
    let mut text = String::from("locals {\n");
    for i in 0..count {
        let _ = writeln!(text, "  a{i} = local.a{} + local.a0", (i + 1) % count);
    }
    text.push_str("}\n");
    let (_, _, mistakes) = common::module(&text);
    assert!((1..=50).contains(&mistakes.len()), "{}", mistakes.len());
    for mistake in &mistakes {
        assert!(mistake.message.len() < 400 && mistake.secondary.len() < 20, "{}", mistake.message);
    }
}
