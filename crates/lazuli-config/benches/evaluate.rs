//! Formatting, parsing (also by hcl-edit, to compare) and evaluating resource blocks that each refer to three others:
//! `cargo bench -p lazuli-config`.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use lazuli_config::{Evaluator, Externals, NoFiles, Root, Unavailable, format, parse};
use lazuli_core::{Sources, Value};

struct Objects(HashMap<String, Value>);

impl Externals for Objects {
    fn value(&self, root: &Root) -> Result<Value, Unavailable> {
        self.0.get(&*root.name).cloned().ok_or(Unavailable::Reported)
    }
}

fn configuration(count: usize) -> String {
    let mut text = String::from(
        "cloud_account \"main\" {\n  registered = \"main\"\n}\nlocals {\n  region = \"eastus2\"\n}\n",
    );
    for i in 0..count {
        let other = |step: usize| i.saturating_sub(step);
        let _ = write!(
            text,
            "resource \"r{i}\" {{\n  type           = \"Microsoft.Network/networkInterfaces@2025-05-01\"\n  cloud_account  = cloud_account.main\n  resource_group = \"rg\"\n  name           = \"nic-${{local.region}}-{i}\"\n  location       = local.region\n  tags           = {{ team = \"platform\", index = \"{i}\" }}\n  properties = {{\n    a = resource.r{}.id\n    b = resource.r{}.id\n    c = \"${{resource.r{}.id}}/x\"\n  }}\n}}\n",
            other(1),
            other(7),
            other(100),
        );
    }
    text
}

/// Peak resident memory in MiB, where the system tells.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    println!(
        "{:>8} {:>9} {:>10} {:>11} {:>10} {:>12} {:>12} {:>9}",
        "blocks", "text MB", "format ms", "hcl-edit ms", "parse ms", "references", "evaluate ms", "peak MiB"
    );
    for count in [1_000, 10_000, 50_000] {
        let text = configuration(count);
        let size = text.len();
        let start = Instant::now();
        assert_eq!(format(&mut Sources::default(), "main.hcl", &text).as_ref(), Ok(&text));
        let formatted = start.elapsed();
        let start = Instant::now();
        assert!(text.parse::<hcl_edit::structure::Body>().is_ok());
        let peer = start.elapsed();
        let start = Instant::now();
        let mut sources = Sources::default();
        let (module, diagnostics) = parse(&mut sources, vec![("main.hcl".into(), text)]);
        let parsed = start.elapsed();
        assert!(diagnostics.is_empty());
        let start = Instant::now();
        let (evaluator, diagnostics) = Evaluator::new(Arc::new(module), &[], Arc::new(NoFiles));
        assert!(diagnostics.is_empty());
        let references: usize =
            evaluator.module().resources.iter().map(|d| evaluator.references(d, None).len()).sum();
        assert!(references >= 3 * count);
        let referenced = start.elapsed();
        let start = Instant::now();
        let mut objects = Objects(HashMap::new());
        for i in 0..count {
            let id = Value::from(format!("/subscriptions/s/resourceGroups/rg/providers/M.N/n/nic{i}"));
            objects.0.insert(format!("r{i}"), Value::object([("id", id)]));
        }
        let mut parts = 0;
        for declaration in &evaluator.module().resources {
            let resource = evaluator.resource(declaration, &objects, None).unwrap();
            parts += resource.body.children().count();
        }
        assert_eq!(parts, 3 * count);
        let evaluated = start.elapsed();
        println!(
            "{count:>8} {:>9.1} {:>10.1} {:>11.1} {:>10.1} {:>12.1} {:>12.1} {:>9}",
            size as f64 / 1e6,
            formatted.as_secs_f64() * 1e3,
            peer.as_secs_f64() * 1e3,
            parsed.as_secs_f64() * 1e3,
            referenced.as_secs_f64() * 1e3,
            evaluated.as_secs_f64() * 1e3,
            peak()
        );
    }
}
