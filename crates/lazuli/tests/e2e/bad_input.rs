//! Bad input: told what, where and what next; nothing touched. Every folder of `testdata/bad` is a case.

use std::collections::BTreeSet;

use crate::workbench::{Workbench, repository, told};

/// Who is the first to refuse.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// `validate`: the files alone show it.
    Validate,
    /// `plan`: only a look at Azure shows it.
    Plan,
}

const CASES: [(&str, By); 25] = [
    ("a-mistake-in-a-file", By::Validate),
    ("backend-settings", By::Validate),
    ("backend-simulated", By::Validate),
    ("circle-through-a-module", By::Validate),
    ("copies-and-outputs", By::Validate),
    ("cyclic-resources", By::Validate),
    ("existing-network-missing", By::Plan),
    ("existing-subnet-without-route-table", By::Plan),
    ("existing-subnet-without-security-group", By::Plan),
    ("missing-resource-group", By::Plan),
    ("name-that-azure-refuses", By::Validate),
    ("newer-version-required", By::Validate),
    ("overlapping-cidrs", By::Validate),
    ("reserved-tag", By::Validate),
    ("resource-in-missing-group", By::Plan),
    ("several-errors-at-once", By::Validate),
    ("syntax-error", By::Validate),
    ("two-control-plane-nodes", By::Validate),
    ("typo-in-a-block", By::Validate),
    ("typo-in-an-attribute", By::Validate),
    ("undeclared-reference", By::Validate),
    ("unknown-account", By::Validate),
    ("unsupported-backend", By::Validate),
    ("wrong-type", By::Validate),
    ("zone-that-is-not-there", By::Validate),
];

#[test]
fn every_mistake_is_explained_and_nothing_is_touched() {
    for (case, by) in CASES {
        let bench = Workbench::new();
        bench.copy(&repository().join("testdata/bad").join(case));
        let validate = bench.run("validate");
        let plan = bench.run("plan");
        assert_eq!(validate.status, Some(i32::from(by == By::Validate)), "{case}: {validate}");
        assert_eq!(plan.status, Some(1), "{case}: {plan}");
        assert!(plan.stdout.is_empty(), "{case}: {plan}");
        match by {
            By::Validate => {
                told(&format!("bad_{case}"), &validate);
                assert_eq!(validate.to_string(), plan.to_string(), "{case}");
            }
            By::Plan => told(&format!("bad_{case}"), &plan),
        }
        assert_eq!(bench.run("apply --auto-approve").status, Some(1), "{case}");
        assert!(
            bench.sent().is_empty() && !bench.path("lazuli.state").exists(),
            "{case}: something was touched"
        );
    }
}

#[test]
fn every_case_is_tried() {
    let folders = std::fs::read_dir(repository().join("testdata/bad")).unwrap();
    let folders: BTreeSet<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(folders, CASES.iter().map(|(case, _)| (*case).to_owned()).collect());
}

#[test]
fn a_folder_without_configuration_is_told_how_to_start() {
    told("no_configuration", Workbench::new().run("plan"));
}
