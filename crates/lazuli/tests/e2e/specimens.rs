//! What people decide by: the plans of an upgrade, of another size, of a resource that has to be made anew.

use crate::configurations::ACCOUNT;
use crate::workbench::{Workbench, told};

#[test]
fn an_upgrade_and_another_size_say_why_how_and_what_is_left_alone() {
    let bench = Workbench::example("upgrade");
    bench.applies();
    told("upgrade_plan", bench.does("plan --var kubernetes=1.34.2"));
    let text = std::fs::read_to_string(bench.path("main.hcl")).unwrap();
    std::fs::write(bench.path("main.hcl"), text.replace("Standard_D4s_v5", "Standard_D8s_v5")).unwrap();
    told("resized_plan", bench.does("plan --out resized.plan"));
    told("resized_shown", bench.does("show resized.plan"));
    told("shown_no_state", bench.run("show main.hcl"));
}

#[test]
fn what_has_to_be_made_anew_names_the_line_of_the_attribute() {
    let table = |location: &str, team: &str| {
        format!(
            "{ACCOUNT}resource \"routes\" {{\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  resource_group = \"rg\"\n  \
             name = \"routes\"\n  location = \"{location}\"\n  tags = {{\n    mark = \"a\"\n    team = \"{team}\"\n  }}\n}}\n"
        )
    };
    let bench = Workbench::with(&table("eastus2", "a"));
    bench.applies();
    std::fs::write(bench.path("main.hcl"), table("eastus2", "b")).unwrap();
    told("retagged_plan", bench.does("plan"));
    std::fs::write(bench.path("main.hcl"), table("westus2", "a")).unwrap();
    told("relocated_plan", bench.does("plan"));
}
