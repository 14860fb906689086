//! `prevent_destroy`: remembered in the state, whatever becomes of the block.

use crate::configurations::{ACCOUNT, SMALL};
use crate::workbench::{Workbench, told};

fn table(lifecycle: &str) -> String {
    format!(
        "{ACCOUNT}resource \"t\" {{\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  resource_group = \"rg\"\n  \
         location = \"eastus2\"\n  name = \"t\"\n  {lifecycle}\n}}\n"
    )
}

const PROTECTED: &str = "lifecycle {\n    prevent_destroy = true\n  }";

#[test]
fn taking_the_block_of_a_protected_resource_away_does_not_disarm_it() {
    let bench = Workbench::with(&table(PROTECTED));
    bench.applies();
    bench.write("main.hcl", ACCOUNT);
    let refused = bench.run("apply --auto-approve");
    assert_eq!(refused.status, Some(1));
    told("protected_block_gone", refused);
    // One way out: it stays, and is no longer managed.
    bench.write(
        "main.hcl",
        &format!("{ACCOUNT}removed {{\n  from = resource.t\n  lifecycle {{\n    destroy = false\n  }}\n}}\n"),
    );
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0]);
    assert_eq!(bench.existing("Microsoft.Network/routeTables").len(), 1);
}

#[test]
fn protection_ends_with_an_apply_that_says_so() {
    let bench = Workbench::with(&table(PROTECTED));
    bench.applies();
    let (refused, sent) = bench.sent_by(|bench| bench.run("destroy --auto-approve"));
    assert_eq!((refused.status, sent.len()), (Some(1), 0));
    told("protected_destroy", refused);
    // Leaving the line out in the same run is not enough.
    bench.write("main.hcl", &table(""));
    let refused = bench.run("destroy --auto-approve");
    assert_eq!(refused.status, Some(1), "{refused}");
    bench.write("main.hcl", &table("lifecycle {\n    prevent_destroy = false\n  }"));
    told("protection_ends", bench.applies());
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1);
}

#[test]
fn a_protected_cluster_survives_the_loss_of_its_block() {
    let protected =
        SMALL.replace("  network {\n", "  lifecycle {\n    prevent_destroy = true\n  }\n\n  network {\n");
    let bench = Workbench::with(&protected);
    bench.applies();
    bench.write("main.hcl", ACCOUNT);
    let (refused, sent) = bench.sent_by(|bench| bench.run("apply --auto-approve"));
    assert_eq!((refused.status, sent.len()), (Some(1), 0), "{refused}");
    told("protected_cluster_gone", refused);
    bench.write("main.hcl", &protected);
    let (refused, sent) = bench.sent_by(|bench| bench.run("destroy --auto-approve"));
    assert_eq!((refused.status, sent.len()), (Some(1), 0), "{refused}");
    told("protected_cluster_destroy", refused);
    bench.is_settled();
    // A new node is no loss of the cluster.
    bench.edit("main.hcl", "Standard_D8s_v5", "Standard_D16s_v5");
    told("protected_cluster_new_node", bench.run("plan"));
    bench.write("main.hcl", SMALL);
    bench.applies();
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1);
}
