//! What the controllers of a cluster made in Azure goes with the cluster: load balancers of Services, disks of volumes.

use serde_json::json;

use crate::cloud;
use crate::configurations::SMALL;
use crate::workbench::{Ran, Workbench};

const COMPUTE: &str = "2025-04-01";
const LOCKS: &str = "2020-05-01";

/// A shop: a Service with a load balancer, a database whose disk goes with its claim, one whose disk is to be retained.
const SHOP: &str = r#"
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: keep}
provisioner: disk.csi.azure.com
parameters: {skuName: Premium_LRS}
reclaimPolicy: Retain
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  selector: {app: db}
  ports: [{port: 443, targetPort: 8443, protocol: TCP}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  serviceName: db
  replicas: 1
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: "docker.io/library/postgres:17"}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], storageClassName: default, resources: {requests: {storage: 10Gi}}}
    - metadata: {name: archive}
      spec: {accessModes: [ReadWriteOnce], storageClassName: keep, resources: {requests: {storage: 20Gi}}}
"#;

/// A small cluster with the shop in it.
fn shop(configuration: &str) -> Workbench {
    let addon = "cluster_profile \"base\" {\n  addon \"shop\" {\n    manifests = [\"shop.yaml\"]\n  }";
    let bench = Workbench::with(&configuration.replacen("cluster_profile \"base\" {", addon, 1));
    bench.write("shop.yaml", SHOP);
    bench.applies();
    assert_eq!(claimed(&bench), ["balancer", "disk of archive-db-0", "disk of data-db-0", "public address"]);
    bench
}

/// What the controllers made and still exists, sorted.
fn claimed(bench: &Workbench) -> Vec<String> {
    let mut seen = Vec::new();
    for resource in bench.world().values() {
        let tags = &resource["body"]["tags"];
        match (resource["kind"].as_str().unwrap_or_default(), resource["id"].as_str().unwrap_or_default()) {
            ("Microsoft.Compute/disks", _) => {
                let of = tags["kubernetes.io-created-for-pvc-name"].as_str();
                seen.extend(of.map(|claim| format!("disk of {claim}")));
            }
            ("Microsoft.Network/publicIPAddresses", _) if tags["k8s-azure-service"].is_string() => {
                seen.push("public address".to_owned());
            }
            ("Microsoft.Network/loadBalancers", id) if id.ends_with("/small") => {
                seen.push("balancer".to_owned())
            }
            _ => {}
        }
    }
    seen.sort();
    seen
}

/// How many resources there are beside what the controllers made.
fn others(bench: &Workbench) -> usize {
    bench.world().values().filter(|r| r["id"].as_str().is_some_and(|id| id.contains("/providers/"))).count()
        - claimed(bench).len()
}

fn says(ran: &Ran, words: &[&str]) {
    let all = format!("{}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(all.contains(word), "{word:?} is not said\n{ran}");
    }
}

#[test]
fn balancers_and_disks_go_with_the_cluster_and_retained_ones_are_kept_and_listed() {
    let bench = shop(SMALL);
    let plan = bench.does("plan --destroy --out gone.plan");
    says(
        &plan,
        &[
            "load balancer of Service shop/web",
            "volume pvc-",
            "of shop/data-db-0",
            "LZ1015",
            "shop/archive-db-0",
        ],
    );
    let before = bench.bytes("lazuli.state");
    bench.does("plan --destroy");
    assert_eq!(before, bench.bytes("lazuli.state"), "a plan writes nothing");

    let applied = bench.does("apply gone.plan");
    assert_eq!(claimed(&bench), ["disk of archive-db-0"], "{applied}");
    assert_eq!(others(&bench), 0, "{:?}", bench.world().keys());
    assert!(bench.recorded().is_empty(), "{:?}", bench.recorded());
}

#[test]
fn delete_volumes_takes_the_retained_ones_too() {
    let bench = shop(SMALL);
    let destroyed = bench.does("destroy --auto-approve --delete-volumes");
    assert_eq!(claimed(&bench), [""; 0], "{destroyed}");
    assert_eq!(others(&bench), 0);
    assert!(!destroyed.stderr.contains("LZ1015"), "{destroyed}");
}

#[test]
fn a_cluster_whose_block_is_taken_away_leaves_no_balancer_behind() {
    let bench = shop(SMALL);
    let text = bench.text("main.hcl");
    let at = text.find("cluster \"small\"").unwrap();
    bench.write("main.hcl", &text[..at]);
    let applied = bench.applies();
    assert_eq!(claimed(&bench), ["disk of archive-db-0"], "{applied}");
    assert_eq!(others(&bench), 0);
    assert!(bench.recorded().is_empty());
}

#[test]
fn without_a_control_plane_what_may_be_left_is_listed_and_the_destroy_goes_on() {
    let bench = shop(SMALL);
    let machine =
        bench.recorded().into_iter().find(|(a, _)| a.ends_with("control_plane.node[\"1\"].vm")).unwrap().1;
    cloud::delete(&bench, &machine, COMPUTE);
    let destroyed = bench.does("destroy --auto-approve");
    says(
        &destroyed,
        &["LZ1016", "loadBalancers/small", "publicIPAddresses/small-", "disks/pvc-", "az disk list -g rg"],
    );
    assert_eq!(claimed(&bench).len(), 4, "nothing is deleted of which it is not certain whose it is");
    assert!(bench.recorded().is_empty(), "{destroyed}");
}

#[test]
fn a_cluster_that_stays_is_not_asked() {
    let bench = shop(SMALL);
    let plan = bench.does("plan --detailed-exitcode");
    assert!(!plan.stderr.contains("LZ101"), "{plan}");
    bench.applies();
    assert_eq!(claimed(&bench).len(), 4);
}

#[test]
fn what_a_lock_holds_is_given_up_in_the_end_and_listed_with_its_command() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let table = bench.recorded()["cluster.small.network.route_table"].clone();
    let lock = format!("{table}/providers/Microsoft.Authorization/locks/keep");
    cloud::make(&bench, &lock, LOCKS, &json!({ "properties": { "level": "CanNotDelete" } }));

    let refused = bench.run("destroy --auto-approve --skip-preflight");
    assert_eq!(refused.status, Some(1), "{refused}");
    assert_eq!(
        bench.recorded().values().cloned().collect::<Vec<_>>(),
        std::slice::from_ref(&table),
        "{refused}"
    );

    let forced = bench.run("destroy --auto-approve --skip-preflight --force --force-after 1s");
    says(&forced, &["ScopeLocked", "Given up", &format!("az resource delete --ids '{table}'")]);
    assert!(bench.recorded().is_empty(), "{forced}");
    assert_eq!(bench.existing("Microsoft.Network/routeTables"), [table]);
}

/// Claims of classes that bind at once, whether a pod wants them or not. Nobody uses these two.
const STOCK: &str = r#"
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: quick}
provisioner: disk.csi.azure.com
parameters: {skuName: Premium_LRS}
reclaimPolicy: Delete
volumeBindingMode: Immediate
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: hoard}
provisioner: disk.csi.azure.com
parameters: {skuName: Premium_LRS}
reclaimPolicy: Retain
volumeBindingMode: Immediate
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: buffer, namespace: shop}
spec: {accessModes: [ReadWriteOnce], storageClassName: quick, resources: {requests: {storage: 5Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: spare, namespace: shop}
spec: {accessModes: [ReadWriteOnce], storageClassName: hoard, resources: {requests: {storage: 5Gi}}}
"#;

/// The shop with the claim of its data bound at once, and those of its stock. That of the archive waits for the pod: two that
/// do not would lie in two zones.
fn stocked_shop() -> Workbench {
    let addon = "cluster_profile \"base\" {\n  addon \"shop\" {\n    manifests = [\"shop.yaml\"]\n  }";
    // A disk that is made before anybody knows where it is needed lies in any zone: there is a worker in each.
    let pool = "worker_pool \"general\" {\n    count         = ";
    let main = SMALL.replace(&format!("{pool}1"), &format!("{pool}3"));
    let bench = Workbench::with(&main.replacen("cluster_profile \"base\" {", addon, 1));
    let shop = SHOP.replace("storageClassName: default", "storageClassName: quick");
    bench.write("shop.yaml", &format!("{shop}{STOCK}"));
    bench.applies();
    assert_eq!(
        claimed(&bench),
        [
            "balancer",
            "disk of archive-db-0",
            "disk of buffer",
            "disk of data-db-0",
            "disk of spare",
            "public address"
        ]
    );
    bench
}

#[test]
fn disks_that_are_bound_at_once_go_with_the_cluster_and_no_new_ones_are_made_meanwhile() {
    let bench = stocked_shop();
    let destroyed = bench.does("destroy --auto-approve");
    says(&destroyed, &["LZ1015", "shop/archive-db-0", "shop/spare"]);
    assert_eq!(claimed(&bench), ["disk of archive-db-0", "disk of spare"], "{destroyed}");
    assert_eq!(others(&bench), 0);
    assert!(bench.recorded().is_empty(), "{:?}", bench.recorded());
}

#[test]
fn delete_volumes_takes_those_that_were_bound_at_once_too() {
    let bench = stocked_shop();
    let destroyed = bench.does("destroy --auto-approve --delete-volumes");
    assert_eq!(claimed(&bench), [""; 0], "{destroyed}");
    assert_eq!(others(&bench), 0);
    assert!(!destroyed.stderr.contains("LZ1015"), "{destroyed}");
}
