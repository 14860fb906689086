//! What holds for every type of the catalogue: one table per question, one line per type.

use insta::assert_snapshot;
use lazuli_simulator::{Method, Profile, Response};
use serde_json::{Value, json};

use super::everything::{Object, objects};
use crate::cloud::{Cloud, GROUP, SUBSCRIPTION, code};

/// Enough for anything at the instant pace.
const SECOND: u64 = 1000;

fn told(answer: &Response) -> String {
    match code(answer) {
        (status, "") => match answer.value()["code"].as_str() {
            Some(code) => format!("{status} {code}"),
            None => status.to_string(),
        },
        (status, code) => format!("{status} {code}"),
    }
}

/// A cloud with one of everything.
fn full() -> (Cloud, Vec<Object>) {
    let mut cloud = Cloud::new(Profile::Instant);
    let objects = objects();
    for object in objects.iter().filter(|object| !object.path.ends_with("/locks/keep")) {
        let answer = cloud.put(&object.path, &object.body);
        assert!(answer.status < 300, "{}: {:?}", object.path, answer.body);
        cloud.pass(SECOND);
    }
    (cloud, objects.into_iter().filter(|object| !object.path.ends_with("/locks/keep")).collect())
}

fn send(
    cloud: &mut Cloud,
    method: Method,
    path: &str,
    header: (&str, &str),
    body: Option<&Value>,
) -> Response {
    let mut request = cloud.request(method, path).with_header(header.0, header.1);
    if let Some(body) = body {
        request = request.with_json(body);
    }
    let answer = cloud.carry_out(&request);
    cloud.pass(SECOND);
    answer
}

#[test]
fn preconditions_hold_for_the_types_that_have_etags() {
    const OTHER: &str = "W/\"00000000-0000-0000-0000-000000000000\"";
    let (mut cloud, objects) = full();
    let mut lines = Vec::new();
    // Parts before their wholes, which are written without them.
    for object in objects.iter().rev() {
        let put = |cloud: &mut Cloud, header, value: &str| {
            told(&send(cloud, Method::Put, &object.path, (header, value), Some(&object.body)))
        };
        let none = put(&mut cloud, "If-None-Match", "*");
        let other = put(&mut cloud, "If-Match", OTHER);
        let any = put(&mut cloud, "If-Match", "*");
        let etag = cloud.get(&object.path).value()["etag"].as_str().map(str::to_owned);
        let current = etag.as_deref().map_or("-".to_owned(), |etag| put(&mut cloud, "If-Match", etag));
        let delete = told(&send(&mut cloud, Method::Delete, &object.path, ("If-Match", OTHER), None));
        lines.push(format!(
            "{:72} etag {:5} PUT none {none}, other {other}, any {any}, current {current}; DELETE other {delete}",
            object.kind(),
            etag.is_some()
        ));
    }
    lines.reverse();
    assert_snapshot!(lines.join("\n"));
}

/// Every page of a list, one entry after the other.
fn pages(cloud: &mut Cloud, path: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let answer = cloud.get(&path);
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        found.extend(answer.value()["value"].as_array().expect("a list").iter().cloned());
        next = answer.value()["nextLink"].as_str().map(str::to_owned);
    }
    found
}

#[test]
fn every_list_comes_in_pages_that_make_up_the_whole() {
    let (mut cloud, objects) = full();
    let mut lists: Vec<String> = Vec::new();
    for object in &objects {
        let (collection, _) = object.path.rsplit_once('/').expect("a collection");
        lists.push(collection.to_owned());
        if object.path.starts_with(GROUP) && object.kind().matches('/').count() == 1 {
            lists.push(collection.replacen(GROUP, SUBSCRIPTION, 1));
        }
    }
    let of_subscription =
        ["resources", "providers", "resourcegroups", "providers/Microsoft.Authorization/roleDefinitions"];
    lists.extend(of_subscription.map(|list| format!("{SUBSCRIPTION}/{list}")));
    lists.push(format!("{GROUP}/resources"));
    let zone = crate::cloud::net("privateDnsZones/demo.internal");
    lists.extend(["ALL", "recordsets"].map(|list| format!("{zone}/{list}")));
    let since = "2026-01-01T00:00:00Z";
    lists.push(format!("{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01&$filter=eventTimestamp ge '{since}'"));
    lists.sort();
    lists.dedup();
    let mut long = 0;
    for list in lists {
        cloud.settings.page_size = 10_000;
        let whole = pages(&mut cloud, &list);
        assert!(!whole.is_empty(), "{list} shows nothing");
        cloud.settings.page_size = 1;
        long += usize::from(whole.len() > 1);
        assert_eq!(pages(&mut cloud, &list), whole, "{list}");
        cloud.settings.page_size = 100;
    }
    assert!(long > 12, "only {long} lists have several pages");
}

#[test]
fn ids_of_every_type_compare_without_case_and_stay_as_they_were_written_first() {
    let (mut cloud, objects) = full();
    for object in &objects {
        let id = cloud.get(&object.path).value()["id"].clone();
        let (upper, lower) = (object.path.to_uppercase(), object.path.to_lowercase());
        for path in [upper, lower] {
            let answer = cloud.get(&path);
            assert_eq!((answer.status, &answer.value()["id"]), (200, &id), "{path}");
        }
        let (collection, _) = object.path.rsplit_once('/').expect("a collection");
        let ids = |list: Vec<Value>| list.iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
        let listed = ids(pages(&mut cloud, &collection.to_uppercase()));
        assert!(listed.contains(&id), "{collection}: {listed:?}");
        assert_eq!(listed, ids(pages(&mut cloud, collection)));
    }
    // What is deleted under another spelling is gone under all of them.
    for object in objects.iter().rev() {
        let answer = cloud.delete(&object.path.to_uppercase());
        assert!(matches!(answer.status, 200 | 202), "{}: {:?}", object.path, answer.body);
        cloud.pass(SECOND);
        assert_eq!(cloud.get(&object.path).status, 404, "{}", object.path);
    }
}

/// Every place in a body where an id of something else stands.
fn references(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with("/subscriptions/") => found.push(path.to_owned()),
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                references(value, &format!("{path}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (name, value) in map {
                references(value, &format!("{path}/{name}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn what_a_body_refers_to_is_there_and_in_the_same_region() {
    let mut lines = Vec::new();
    for index in 0..objects().len() {
        let all = objects();
        let object = &all[index];
        let mut places = Vec::new();
        references(&object.body, "", &mut places);
        for place in places {
            let mut cloud = Cloud::new(Profile::Instant);
            for before in &all[..index] {
                let answer = cloud.put(&before.path, &before.body);
                assert!(answer.status < 300, "{}: {:?}", before.path, answer.body);
                cloud.pass(SECOND);
            }
            let mut nowhere = object.body.clone();
            let id = nowhere.pointer_mut(&place).expect("an id");
            let (before, _) = id.as_str().expect("text").rsplit_once('/').expect("a name");
            *id = json!(format!("{before}/none"));
            let missing = told(&cloud.put(&object.path, &nowhere));
            let mut elsewhere = object.body.clone();
            let far = match elsewhere.get("location").and_then(Value::as_str) {
                Some("eastus2") => {
                    elsewhere["location"] = json!("westus2");
                    told(&cloud.put(&object.path, &elsewhere))
                }
                _ => "-".to_owned(),
            };
            lines.push(format!("{} {place}: not there {missing}; in another region {far}", object.kind()));
        }
    }
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_lock_holds_at_its_scope_and_below_and_for_deletes_above() {
    let machine = crate::cloud::compute("virtualMachines/node");
    let child = format!("{machine}/extensions/script");
    let mut lines = Vec::new();
    for level in ["CanNotDelete", "ReadOnly"] {
        for (name, scope) in [
            ("subscription", SUBSCRIPTION.to_owned()),
            ("group", GROUP.to_owned()),
            ("resource", machine.clone()),
            ("child", child.clone()),
        ] {
            let (mut cloud, objects) = full();
            let lock = format!("{scope}/providers/Microsoft.Authorization/locks/keep");
            assert_eq!(cloud.put(&lock, &json!({ "properties": { "level": level } })).status, 201);
            let body = |path: &str| {
                let object = objects.iter().find(|object| object.path == path);
                object.expect("an object").body.clone()
            };
            let tags = json!({ "tags": {} });
            let attempts = [
                ("write of the group", cloud.put(GROUP, &json!({ "location": "eastus2" }))),
                ("write of the resource", cloud.put(&machine, &body(&machine))),
                ("patch of the resource", cloud.patch(&machine, &tags)),
                ("action on the resource", cloud.post(&format!("{machine}/start"))),
                ("read of the resource", cloud.get(&machine)),
                ("write of the child", cloud.put(&child, &body(&child))),
                ("delete of the child", cloud.delete(&child)),
                ("delete of the resource", cloud.delete(&machine)),
                ("delete of the group", cloud.delete(GROUP)),
            ];
            let line =
                |(what, answer): &(&str, Response)| format!("{level} on the {name}: {what} {}", told(answer));
            lines.extend(attempts.iter().map(line));
            let other = format!("{SUBSCRIPTION}/resourceGroups/rg-more");
            let answer = cloud.delete(&other);
            lines.push(line(&("delete of another group", answer)));
            assert_eq!(cloud.delete(&lock).status, 200, "a lock can be taken away");
        }
    }
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn each_type_has_its_words_for_what_is_wrong() {
    let (mut cloud, objects) = full();
    let mut lines = Vec::new();
    for object in &objects {
        let (collection, _) = object.path.rsplit_once('/').expect("a collection");
        let absent = told(&cloud.get(&format!("{collection}/00000000-0000-0000-0000-00000000dead")));
        let change = |change: &dyn Fn(&mut Value)| {
            let mut body = object.body.clone();
            change(&mut body);
            body
        };
        let stranger =
            told(&cloud.put(&object.path, &change(&|body| body["properties"]["colour"] = json!("blue"))));
        cloud.pass(SECOND);
        let top = told(&cloud.put(&object.path, &change(&|body| body["colour"] = json!("blue"))));
        cloud.pass(SECOND);
        let nonsense = told(&cloud.put(&object.path, &json!([])));
        let is_located = object.body.get("location").is_some_and(|location| location != "global");
        let placed = match is_located {
            true => {
                let moved =
                    told(&cloud.put(&object.path, &change(&|body| body["location"] = json!("westus2"))));
                cloud.pass(SECOND);
                let mars = told(&cloud.put(&object.path, &change(&|body| body["location"] = json!("mars"))));
                format!("moved {moved}, unknown region {mars}")
            }
            false => "no region".to_owned(),
        };
        lines.push(format!(
            "{}: absent {absent}; unknown property {stranger}, at the top {top}; no object {nonsense}; {placed}",
            object.kind()
        ));
    }
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_url_of_an_operation_tells_the_same_for_a_day_and_is_gone_after_that() {
    let mut cloud = Cloud::new(Profile::Fast);
    let path = crate::cloud::net("natGateways/nat");
    let body = json!({ "location": "eastus2", "sku": { "name": "Standard" }, "properties": {} });
    let header = |answer: &Response, name: &str| answer.header(name).expect("a header").to_owned();
    let put = header(&cloud.put(&path, &body), "Azure-AsyncOperation");
    cloud.pass(60 * SECOND);
    let answer = cloud.delete(&path);
    let (delete, result) = (header(&answer, "Azure-AsyncOperation"), header(&answer, "Location"));
    assert_eq!(cloud.get(&result).status, 202, "not yet");
    cloud.pass(60 * SECOND);
    let mut seen = Vec::new();
    for hours in [0, 1, 20, 10] {
        cloud.pass(hours * 3600 * SECOND);
        cloud.log_in();
        let statuses = [&put, &delete, &result].map(|url| {
            let answer = cloud.get(url);
            format!("{} {}", answer.status, answer.value()["status"].as_str().unwrap_or("-"))
        });
        seen.push(statuses.join(", "));
    }
    let good = "200 Succeeded, 200 Succeeded, 204 -";
    assert_eq!(seen, [good, good, good, "404 -, 404 -, 404 -"]);
}
