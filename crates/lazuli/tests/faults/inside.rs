//! Faults on the way to the API server of a cluster, while the cluster is made.

use std::collections::BTreeSet;

use http::Method;

use crate::laws::told;
use crate::virtual_azure::inside::{Fault, Trouble};
use crate::virtual_azure::{Azure, VirtualAzure, block_on, example};

/// The names of all machines: a node that is made anew gets another one.
fn machines(azure: &VirtualAzure) -> BTreeSet<String> {
    azure.ids().into_iter().filter(|id| id.contains("/virtualMachines/")).collect()
}

#[test]
fn an_api_server_in_trouble_spoils_no_node() {
    let troubles = [
        (Trouble::ResetBefore, None, "/", 3),
        (Trouble::ResetAfter, Some(Method::GET), "/", 3),
        (Trouble::ResetAfter, Some(Method::POST), "/secrets", 2),
        (Trouble::Status(429), None, "/", 5),
        (Trouble::Status(503), None, "/", 5),
        (Trouble::Slow(20), None, "/", 5),
    ];
    for (trouble, method, path, times) in troubles {
        let case = format!("{trouble:?} {method:?} {path}");
        block_on(async {
            let azure = VirtualAzure::new(&Azure::default());
            azure.set_faults_inside(vec![Fault { method, path, times, trouble }]);
            let quickstart = example("quickstart");
            let first = azure.apply(&quickstart).await;
            let before = machines(&azure);
            azure.set_faults_inside(Vec::new());
            if !first.report.is_complete() {
                println!("{case}: resumed after\n{}", told(&first));
                let second = azure.apply(&quickstart).await;
                assert!(second.report.is_complete(), "{case}: {}", told(&second));
            }
            assert!(before.is_subset(&machines(&azure)), "{case}: a machine was replaced");
            let last = azure.apply(&quickstart).await;
            assert!(last.plan.is_empty(), "{case}: {:?}", last.plan.steps);
        });
    }
}
