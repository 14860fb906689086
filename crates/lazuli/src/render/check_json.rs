//! A `check` block in the shape of Terraform's `checks`.

use lazuli_config::{CheckVerdict, Checked};
use serde_json::{Value as Json, json};

/// One check: its address, `status` pass, fail, unknown or error, and what it says.
pub fn check_json(checked: &Checked) -> Json {
    let status = match checked.verdict {
        CheckVerdict::Pass => "pass",
        CheckVerdict::Unknown => "unknown",
        CheckVerdict::Fail => "fail",
        CheckVerdict::Error => "error",
    };
    let own = format!("check.{}", checked.name);
    let display = checked.module.as_ref().map_or_else(|| own.clone(), |module| format!("{module}.{own}"));
    let mut address = json!({ "kind": "check", "name": checked.name, "to_display": display });
    let mut instance = json!({ "to_display": display });
    if let Some(module) = &checked.module {
        address["module"] = json!(module);
        instance["module"] = json!(module);
    }
    let mut instance = json!({ "address": instance, "status": status });
    if !checked.problems.is_empty() {
        let problems = checked.problems.iter().map(|message| json!({ "message": message }));
        instance["problems"] = problems.collect();
    }
    json!({ "address": address, "status": status, "instances": [instance] })
}
