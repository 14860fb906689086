//! Plans that are saved, looked at, and applied later.

use crate::configurations::{ACCOUNT, SMALL};
use crate::workbench::{Workbench, told};

#[test]
fn a_saved_plan_is_applied_without_a_question() {
    let bench = Workbench::with(SMALL);
    told("saved", bench.does("plan --out monday.plan"));
    let apply = bench.run("apply monday.plan");
    assert_eq!(apply.status, Some(0), "{apply}");
    told("saved_applied", &apply);
    bench.is_settled();

    let again = bench.run("apply monday.plan");
    assert_eq!(again.status, Some(1));
    told("saved_stale", again);
}

#[test]
fn a_saved_plan_is_refused_when_the_state_has_moved_on() {
    let bench = Workbench::with(SMALL);
    bench.does("plan --out monday.plan");
    bench.applies();
    let (refused, sent) = bench.sent_by(|bench| bench.run("apply monday.plan"));
    assert_eq!((refused.status, sent.len()), (Some(1), 0), "{refused}");
    assert!(refused.stderr.contains("is stale"), "{refused}");
}

#[test]
fn a_saved_plan_is_refused_when_the_configuration_was_edited() {
    let bench = Workbench::with(SMALL);
    bench.does("plan --out monday.plan");
    bench.edit("main.hcl", "Standard_D8s_v5", "Standard_D4s_v5");
    let refused = bench.run("apply monday.plan");
    assert_eq!(refused.status, Some(1));
    told("saved_configuration_edited", refused);
    assert!(bench.sent().is_empty());
}

#[test]
fn what_is_no_plan_is_not_applied() {
    let bench = Workbench::with(SMALL);
    bench.write("odd.plan", "not a plan");
    told("not_a_plan", bench.run("apply odd.plan"));
    told("no_such_plan", bench.run("apply missing.plan"));
    bench.does("plan --out monday.plan");
    let mut bytes = bench.bytes("monday.plan");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(bench.path("flipped.plan"), &bytes).unwrap();
    told("flipped_plan", bench.run("apply flipped.plan"));
    std::fs::write(bench.path("torn.plan"), &bytes[..middle]).unwrap();
    assert_eq!(bench.run("apply torn.plan").status, Some(1));
    assert!(bench.sent().is_empty());
}

/// Said once in the configuration's variables, never readable in anything that is written.
const SECRET: &str = "correct-horse-battery-staple";

#[test]
fn a_secret_stands_in_clear_nowhere() {
    let mut bench = Workbench::with(&format!(
        r#"{ACCOUNT}
variable "password" {{
  type      = string
  sensitive = true
}}

resource "vault" {{
  type           = "Microsoft.Storage/storageAccounts@2025-06-01"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg"
  name           = "secretsofours"
  location       = "eastus2"
  sku            = {{ name = "Standard_LRS" }}
  kind           = "StorageV2"
  tags           = {{ hint = "is-${{var.password}}" }}
  properties     = {{ minimumTlsVersion = "TLS1_2" }}
}}

output "password" {{
  value     = "say ${{var.password}}"
  sensitive = true
}}
"#
    ));
    bench.set("LAZULI_VAR_password", SECRET);
    let saved = bench.does("plan --out monday.plan -v");
    told("secret_plan", &saved);
    let mut heard = vec![
        saved.to_string(),
        bench.does("show monday.plan").to_string(),
        bench.does("show monday.plan --json").to_string(),
    ];
    heard.push(bench.run("apply monday.plan").to_string());
    for line in [
        "show",
        "show --json",
        "output",
        "state show resource.vault",
        "plan --json",
        "plan --var password=other -v",
    ] {
        heard.push(bench.does(line).to_string());
    }
    for text in &heard {
        assert!(!text.contains(SECRET), "{text}");
    }
    for file in files(&bench.path("")) {
        // The world is Azure's own memory: there the tag is what was sent.
        let is_azures = file.to_str().unwrap().contains("simulator-");
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            is_azures || !bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()),
            "{}",
            file.display()
        );
    }
    assert_eq!(bench.does("output password --raw").stdout, format!("say {SECRET}"), "asked for by name");
    bench.is_settled();
}

#[test]
fn user_data_stands_in_clear_nowhere() {
    let bench = Workbench::with(SMALL);
    bench.does("plan --out monday.plan");
    bench.does("apply monday.plan");
    // The world is Azure's: its machines have disks, and these hold what was written on them.
    let ours = |file: &std::path::PathBuf| {
        !file.ends_with("main.hcl") && file.extension().is_none_or(|extension| extension != "world")
    };
    for file in files(&bench.path("")).into_iter().filter(ours) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        // As text, and as the beginning of its Base64.
        for marker in ["#cloud-config", "kubeadm init", "kubeadm join", "I2Nsb3VkLWNvbmZpZ", "PRIVATE KEY"] {
            assert!(!text.contains(marker), "{marker} in {}", file.display());
        }
    }
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[cfg(unix)]
#[test]
fn what_is_written_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Workbench::with(SMALL);
    bench.does("plan --out monday.plan");
    bench.does("apply monday.plan");
    bench.does("destroy --auto-approve");
    for file in ["monday.plan", "lazuli.state", "lazuli.state.backup.1", ".lazuli/simulator-sandbox.world"] {
        let mode = std::fs::metadata(bench.path(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
}
