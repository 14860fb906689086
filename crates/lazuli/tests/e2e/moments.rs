//! Values that are something new in every apply, and what expressions read from the machine.

use serde_json::Value as Json;

use crate::configurations::ACCOUNT;
use crate::workbench::Workbench;

const TAGS: &str = r#"
locals {
  once = uuid()
}

resource "identity" {
  type           = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg"
  name           = "robot"
  location       = "eastus2"
  tags = {
    made    = timestamp()
    id      = uuid()
    once    = local.once
    hash    = bcrypt("secret", 4)
    planned = plantimestamp()
    greet   = templatefile("greet.tftpl", { name = "you" })
    parts   = join(",", fileset("parts", "*.txt"))
    there   = fileexists("nosuch") ? "yes" : "no"
    where   = basename(dirname(abspath("x")))
  }
}

output "once" {
  value = local.once
}

output "tags" {
  value = resource.identity.tags
}
"#;

#[test]
fn a_saved_plan_remembers_the_machine_and_an_apply_has_its_own_moment() {
    let bench = Workbench::with(&format!("{ACCOUNT}{TAGS}"));
    bench.write("greet.tftpl", "Hello, ${name}!");
    std::fs::create_dir(bench.path("parts")).unwrap();
    bench.write("parts/a.txt", "");
    bench.write("parts/b.txt", "");
    let planned = bench.does("plan --out monday.plan");
    assert!(planned.stdout.contains("made = (known after apply)"), "{planned}");
    std::fs::remove_dir_all(bench.path("parts")).unwrap();
    std::fs::remove_file(bench.path("greet.tftpl")).unwrap();
    bench.write("nosuch", "here now");
    bench.does("apply monday.plan");

    let mut world = bench.world().into_values();
    let identity = world.find(|r| r["kind"] == "Microsoft.ManagedIdentity/userAssignedIdentities").unwrap();
    let made = identity["body"]["tags"].clone();
    let tag = |name: &str| made[name].as_str().unwrap().to_owned();
    assert_eq!(tag("greet"), "Hello, you!");
    assert_eq!((tag("parts"), tag("there")), ("a.txt,b.txt".to_owned(), "no".to_owned()));
    assert!(tag("planned") <= tag("made"));
    assert!(tag("hash").starts_with("$2a$04$"));
    assert_eq!((tag("id").len(), tag("once").len()), (36, 36));
    assert_ne!(tag("id"), tag("once"));
    // Evaluated again for the outputs, and still the same.
    assert_eq!(bench.does("output once --json").document(), Json::from(tag("once")));
    assert_eq!(bench.does("output tags --json").document(), made);
}
