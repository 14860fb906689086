use lazuli_core::plan::{Action, Cause, Change, PathChange};
use lazuli_core::resource::{Mode, ProviderName, ResourceType};
use lazuli_core::{Address, Value};

use super::impact;

fn change(address: &str, action: Action, path: &str) -> Change {
    let path = PathChange {
        path: path.parse().unwrap(),
        before: None,
        after: Some(Value::int(1)),
        recorded: None,
        forces_replacement: false,
        cause: Cause::Configuration,
    };
    Change {
        address: address.parse().unwrap(),
        previous_address: None,
        mode: Mode::Managed,
        action,
        reason: None,
        provider: ProviderName::Azure,
        account: "main".into(),
        ty: ResourceType::new("Test/things", "2026-01-01"),
        title: "thing".into(),
        id: None,
        previous_id: None,
        before: None,
        after: None,
        paths: vec![path],
        origin: None,
        changed_at: None,
    }
}

/// Address, action and path of a change.
type Row<'a> = (&'a str, Action, &'a str);

fn word(changes: &[Row<'_>]) -> String {
    let changes: Vec<Change> =
        changes.iter().map(|(address, action, path)| change(address, *action, path)).collect();
    let cluster: Address = "cluster.prod".parse().unwrap();
    impact(&cluster, &changes).map_or_else(|| "-".to_owned(), |impact| impact.to_string())
}

#[test]
fn the_greatest_change_decides() {
    use Action::{Create, Delete, NoOp, ReplaceCreateFirst, Update};
    let vm = "cluster.prod.worker_pool[\"a\"].node[\"1\"].vm";
    let other = "cluster.prod.worker_pool[\"b\"].node[\"1\"].vm";
    let master = "cluster.prod.control_plane.node[\"1\"].vm";
    let server = "cluster.prod.control_plane.node[\"1\"].member";
    let group = "cluster.prod.network.worker_nsg";
    let layer = "cluster.prod.layer[\"network\"]";
    let addon = "cluster.prod.addon[\"metrics\"]";
    let rows: [(&[Row<'_>], &str); 15] = [
        (&[(group, NoOp, "x"), (master, NoOp, "x"), (server, Create, "x"), (vm, Create, "x")], "-"),
        (&[(group, NoOp, "x")], "-"),
        (&[(group, Create, "x")], "-"),
        (&[(group, Delete, "x")], "-"),
        (&[("cluster.production.network.worker_nsg", Update, "x")], "-"),
        (
            &[(group, Update, "tags.team"), ("cluster.prod.namespace[\"a\"]", Create, "x")],
            "none, nothing that runs notices",
        ),
        (&[(group, NoOp, "x"), (vm, Create, "x")], "none, nothing that runs notices"),
        (
            &[(group, Update, "tags.team"), (layer, Update, "properties.objects")],
            "in place, no node is replaced",
        ),
        (&[(group, NoOp, "x"), (addon, Create, "x")], "none, nothing that runs notices"),
        (&[(group, NoOp, "x"), (addon, Delete, "x")], "in place, no node is replaced"),
        (&[(addon, Update, "properties.objects"), (vm, Delete, "x")], "nodes are drained and leave pool a"),
        (&[(vm, Delete, "x"), (other, ReplaceCreateFirst, "id")], "rolling, pool b"),
        (&[(layer, Update, "properties.objects"), (vm, ReplaceCreateFirst, "id")], "rolling, pool a"),
        (&[(master, ReplaceCreateFirst, "id")], "rolling, the control plane one by one"),
        (
            &[
                (master, ReplaceCreateFirst, "id"),
                (vm, ReplaceCreateFirst, "id"),
                (other, ReplaceCreateFirst, "id"),
            ],
            "rolling, control plane first, then pools a, b",
        ),
    ];
    for (changes, expected) in rows {
        assert_eq!(word(changes), expected, "{changes:?}");
    }
}

#[test]
fn a_new_cluster_in_a_network_that_is_only_read_touches_nothing() {
    let mut network = change("cluster.prod.network.virtual_network", Action::NoOp, "x");
    network.mode = Mode::Data;
    let vm = change("cluster.prod.worker_pool[\"a\"].node[\"1\"].vm", Action::Create, "x");
    assert_eq!(impact(&"cluster.prod".parse().unwrap(), &[network, vm]), None);
}
