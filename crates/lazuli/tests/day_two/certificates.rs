//! Certificates of the control plane end, and are renewed with their nodes before they do.

use std::fs;

use serde_json::Value as Json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::stage::{applies_gently_with, cluster, look};
use crate::workbench::Workbench;

/// Lets a node have joined so long ago.
fn joined_before(bench: &Workbench, node: &str, days: i64) {
    let world = bench.world_copy();
    let text = fs::read_to_string(&world).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let mut record: Json = serde_json::from_str(first).unwrap();
    let then = (OffsetDateTime::now_utc() - Duration::days(days)).replace_nanosecond(0).unwrap();
    let clusters = record["world"]["clusters"].as_object_mut().unwrap();
    let nodes = clusters.values_mut().next().unwrap()["store"]["objects"]["v1/nodes"].as_array_mut().unwrap();
    let node = nodes.iter_mut().find(|object| object["metadata"]["name"] == node).unwrap();
    node["metadata"]["creationTimestamp"] = then.format(&Rfc3339).unwrap().into();
    fs::write(&world, format!("{record}\n{rest}")).unwrap();
    bench.put_world(&world);
}

#[test]
fn certificates_that_end_soon_are_told_and_renewed_by_a_repair_one_node_after_the_other() {
    let bench = cluster();
    let before = look(&bench).nodes("cp");
    let check = bench.run("cluster check");
    assert!(check.stdout.contains("the first of the control plane's ends on"), "{check}");

    let old = before[0].clone();
    joined_before(&bench, &old, 340);
    let check = bench.run("cluster check");
    let words = [&*format!("{old}'s end on"), "`lazuli cluster repair` replaces the node"];
    let said = check.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.iter().all(|word| said.contains(word)), "{check}");

    let repaired = applies_gently_with(&bench, "cluster repair --auto-approve");
    assert!(repaired.stderr.contains("its certificates end soon"), "{repaired}");
    let after = look(&bench).nodes("cp");
    assert!(after.len() == 3 && !after.contains(&old), "{after:?}");
    assert_eq!(after.iter().filter(|node| before.contains(node)).count(), 2, "{after:?}");
    let check = bench.does("cluster check");
    assert!(!check.stdout.contains("replaces the node"), "{check}");
    bench.is_settled();
}
