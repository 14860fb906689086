//! How many requests a refresh takes, and what it finds.

use lazuli_core::Json;
use lazuli_core::provider::{Provider, Wanted};
use lazuli_core::resource::ResourceType;
use serde_json::json;

use crate::scripted::{Script, answer, id, refuse};

fn wanted(ty: &str, tail: &str) -> Wanted {
    let version = crate::kinds::api_version(ty).unwrap_or("2024-01-01");
    Wanted { ty: ResourceType::new(ty, version), id: id(tail) }
}

fn object(tail: &str) -> Json {
    json!({"id": id(tail).as_str(), "properties": {}})
}

const VNET: &str = "Microsoft.Network/virtualNetworks";

#[tokio::test(start_paused = true)]
async fn a_cluster_of_a_thousand_nodes_takes_a_handful_of_lists() {
    let nics = "Microsoft.Network/networkInterfaces";
    let vms = "Microsoft.Compute/virtualMachines";
    let mut all = Vec::new();
    for node in 0..1000 {
        all.push(wanted(nics, &format!("{nics}/n{node}")));
        all.push(wanted(vms, &format!("{vms}/n{node}")));
    }
    all.push(wanted(VNET, &format!("{VNET}/v")));
    all.push(wanted("Microsoft.Network/virtualNetworks/subnets", &format!("{VNET}/v/subnets/a")));
    all.push(wanted("Microsoft.Network/virtualNetworks/subnets", &format!("{VNET}/v/subnets/gone")));
    let page = |ty: &str, range: std::ops::Range<u32>| {
        range.map(|n| object(&format!("{ty}/N{n}"))).collect::<Vec<_>>()
    };
    let next = |ty: &str| format!("https://management.azure.com/page2/{ty}");
    let script = Script::new([
        (
            "GET",
            "/Microsoft.Network/networkInterfaces?",
            answer(200, json!({"value": page(nics, 0..600), "nextLink": next("nics")})),
        ),
        ("GET", "/page2/nics", answer(200, json!({"value": page(nics, 600..1000)}))),
        (
            "GET",
            "/Microsoft.Compute/virtualMachines?",
            answer(200, json!({"value": [], "nextLink": next("vms")})),
        ),
        ("GET", "/page2/vms", answer(200, json!({"value": page(vms, 0..1000), "nextLink": null}))),
        (
            "GET",
            "/Microsoft.Network/virtualNetworks?",
            answer(
                200,
                json!({"value": [
                    {"id": id(&format!("{VNET}/v")).as_str(), "properties": {"subnets": [object(&format!("{VNET}/v/subnets/a")), object(&format!("{VNET}/v/subnets/foreign"))]}},
                    object(&format!("{VNET}/foreign"))
                ]}),
            ),
        ),
    ]);
    let seen = script.provider().observe(&all).await.unwrap();
    assert_eq!((seen.requests, seen.objects.len()), (5, 2002));
    assert!(seen.objects.contains_key(&id(&format!("{VNET}/V/SUBNETS/A"))));
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn lone_objects_and_unknown_types_are_read_by_themselves() {
    let script = Script::new([
        ("GET", "/virtualNetworks/v?", answer(200, object(&format!("{VNET}/v")))),
        ("GET", "/Microsoft.Web/sites/s?", refuse(404, "ResourceNotFound")),
    ]);
    let all = [wanted(VNET, &format!("{VNET}/v")), wanted("Microsoft.Web/sites", "Microsoft.Web/sites/s")];
    let seen = script.provider().observe(&all).await.unwrap();
    assert_eq!((seen.requests, seen.objects.len()), (2, 1));
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn role_assignments_are_listed_at_their_scope() {
    let ty = "Microsoft.Authorization/roleAssignments";
    let script = Script::new([(
        "GET",
        "roleAssignments?api-version=2022-04-01&%24filter=atScope",
        answer(200, json!({"value": [object(&format!("{ty}/a"))]})),
    )]);
    let all = [wanted(ty, &format!("{ty}/a")), wanted(ty, &format!("{ty}/b"))];
    let seen = script.provider().observe(&all).await.unwrap();
    assert_eq!((seen.requests, seen.objects.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_missing_resource_group_is_named() {
    let script = Script::new([("GET", "/virtualNetworks/v?", refuse(404, "ResourceGroupNotFound"))]);
    let error = script.provider().observe(&[wanted(VNET, &format!("{VNET}/v"))]).await.unwrap_err();
    assert_eq!(error.code, "ResourceGroupNotFound");
    assert!(error.message.starts_with("resource group `rg`"), "{}", error.message);
}

#[tokio::test(start_paused = true)]
async fn a_next_page_on_another_host_is_refused() {
    let ty = "Microsoft.Network/routeTables";
    let script = Script::new([(
        "GET",
        "/routeTables?",
        answer(200, json!({"value": [], "nextLink": "https://evil.example/2"})),
    )]);
    let all = [wanted(ty, &format!("{ty}/a")), wanted(ty, &format!("{ty}/b"))];
    let error = script.provider().observe(&all).await.unwrap_err();
    assert_eq!(error.code, "ForeignAddress");
    assert!(error.message.contains("evil.example"));
}

const SITES: &str = "Microsoft.Web/sites";

fn site(name: &str, more: &str) -> Json {
    json!({"id": id(&format!("{SITES}/{name}")).as_str(), "etag": more, "properties": {"kind": name, "config": {"more": more}}})
}

fn five_sites() -> Vec<Wanted> {
    ["a", "b", "c", "d", "gone"].map(|name| wanted(SITES, &format!("{SITES}/{name}"))).to_vec()
}

#[tokio::test(start_paused = true)]
async fn many_of_a_type_without_a_table_are_listed_when_the_list_says_what_one_of_them_says() {
    let all = ["a", "b", "c", "d", "foreign"].map(|name| site(name, "x"));
    let script = Script::new([
        ("GET", "/Microsoft.Web/sites?", answer(200, json!({"value": all}))),
        (
            "GET",
            "/Microsoft.Web/sites/a?",
            answer(200, json!({"etag": "other", "id": all[0]["id"], "properties": all[0]["properties"]})),
        ),
        // What the list leaves out may be there all the same.
        ("GET", "/Microsoft.Web/sites/gone?", refuse(404, "ResourceNotFound")),
    ]);
    let seen = script.provider().observe(&five_sites()).await.unwrap();
    assert_eq!((seen.requests, seen.objects.len()), (3, 4));
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn a_list_that_does_not_carry_what_the_object_says_is_not_believed() {
    let poor = ["a", "b", "c", "d"].map(|name| {
        let mut site = site(name, "x");
        site["properties"]["config"] = Json::Null;
        site
    });
    let script = Script::new([
        ("GET", "/Microsoft.Web/sites?", answer(200, json!({"value": poor}))),
        ("GET", "/Microsoft.Web/sites/a?", answer(200, site("a", "x"))),
        ("GET", "/Microsoft.Web/sites/b?", answer(200, site("b", "x"))),
        ("GET", "/Microsoft.Web/sites/c?", answer(200, site("c", "x"))),
        ("GET", "/Microsoft.Web/sites/d?", answer(200, site("d", "x"))),
        ("GET", "/Microsoft.Web/sites/gone?", refuse(404, "ResourceNotFound")),
    ]);
    let seen = script.provider().observe(&five_sites()).await.unwrap();
    assert_eq!((seen.requests, seen.objects.len()), (6, 4));
    assert!(seen.objects.values().all(|site| site["properties"]["config"]["more"] == "x"));
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn a_type_that_has_no_list_is_read_one_by_one() {
    let name = |name: &str| answer(200, site(name, "x"));
    let script = Script::new([
        ("GET", "/Microsoft.Web/sites?", refuse(405, "MethodNotAllowed")),
        ("GET", "/Microsoft.Web/sites/a?", name("a")),
        ("GET", "/Microsoft.Web/sites/b?", name("b")),
        ("GET", "/Microsoft.Web/sites/c?", name("c")),
        ("GET", "/Microsoft.Web/sites/d?", name("d")),
        ("GET", "/Microsoft.Web/sites/gone?", refuse(404, "ResourceNotFound")),
    ]);
    let seen = script.provider().observe(&five_sites()).await.unwrap();
    assert_eq!((seen.requests, seen.objects.len()), (6, 4));
    script.finish();
}

#[test]
fn how_a_kind_is_listed_suits_where_it_lies() {
    use lazuli_core::kind::List;
    for kind in crate::kinds::all() {
        let child = kind.name.matches('/').count() > 1;
        let suits = match kind.list {
            List::ResourceGroup => !child,
            List::Parent | List::InParent(_) => child,
            List::Each => true,
        };
        assert!(suits, "{} is listed by {:?}", kind.name, kind.list);
    }
}
