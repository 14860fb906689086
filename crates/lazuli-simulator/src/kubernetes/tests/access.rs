use super::*;

#[test]
fn what_is_not_allowed_is_refused_in_the_words_of_the_real_server() {
    let mut cluster = cluster();
    let ann = User::new("ann", &["devs"]);
    let (status, body) = ask_as(&mut cluster, &ann, "GET /api/v1/nodes", "", Value::Null);
    assert_eq!(status, 403);
    assert_eq!(
        body,
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 403,
            "reason": "Forbidden", "details": { "kind": "nodes" },
            "message": "nodes is forbidden: User \"ann\" cannot list resource \"nodes\" in API group \"\" at the cluster scope" })
    );
    let (_, body) = ask_as(&mut cluster, &User::anonymous(), "GET /api", "", Value::Null);
    assert_eq!(body["message"], "forbidden: User \"system:anonymous\" cannot get path \"/api\"");
    assert_eq!(ask_as(&mut cluster, &User::anonymous(), "GET /readyz", "", Value::Null).0, 200);
    let binding = json!({ "metadata": { "name": "devs" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "kind": "Group", "name": "devs" }] });
    ask(&mut cluster, "POST /apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", binding);
    assert_eq!(ask_as(&mut cluster, &ann, "GET /api/v1/namespaces/default/pods", "", Value::Null).0, 200);
    assert_eq!(ask_as(&mut cluster, &ann, "GET /api/v1/pods", "", Value::Null).0, 403);
    let question = json!({ "spec": { "resourceAttributes": { "verb": "delete", "resource": "pods", "namespace": "default" } } });
    let path = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let (status, answer) = ask_as(&mut cluster, &ann, path, "application/json", question);
    assert_eq!((status, &answer["status"]["allowed"]), (201, &json!(false)));
}

#[test]
fn a_kubelet_writes_its_own_node_and_no_other() {
    let mut cluster = cluster();
    let kubelet = User::new("system:node:w-9", &["system:nodes"]);
    let post = "POST /api/v1/nodes";
    assert_eq!(ask_as(&mut cluster, &kubelet, post, "application/json", node("w-8")).0, 403);
    let mut greedy = node("w-9");
    greedy["metadata"]["labels"]["node-role.kubernetes.io/worker"] = json!("");
    let (status, body) = ask_as(&mut cluster, &kubelet, post, "application/json", greedy);
    assert_eq!(status, 403);
    assert!(
        body["message"].as_str().unwrap().contains("is not allowed to set the following labels"),
        "{body}"
    );
    assert_eq!(ask_as(&mut cluster, &kubelet, post, "application/json", node("w-9")).0, 201);
}

#[test]
fn a_cluster_without_a_quorum_answers_nothing() {
    let mut cluster = cluster();
    cluster.control_mut().servers.clear();
    assert_eq!(ask(&mut cluster, "GET /readyz", Value::Null).0, 504);
}
