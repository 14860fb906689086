//! Virtual machines, their disks, and the boot that shows that they live.

use lazuli_simulator::{Profile, Quota, SeedFile, SeededGroup};
use serde_json::{Value, json};

use crate::cloud::{
    Cloud, GROUP, MINUTE, SUBSCRIPTION, code, compute, identity, machine, net, network, nic, refusal,
};

fn cloud_with_machine(profile: Profile) -> Cloud {
    let mut cloud = Cloud::new(profile);
    cloud.make_network();
    cloud.make_nic("nic-a");
    cloud.make(&compute("virtualMachines/a"), &machine("a"));
    cloud
}

#[test]
fn a_machine_is_created_booted_and_shown_without_its_secrets() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    cloud.make_nic("nic-a");
    let path = compute("virtualMachines/a");
    let answer = cloud.put(&path, &machine("a"));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("Retry-After"), Some("10"));
    assert_eq!(answer.value()["properties"]["provisioningState"], "Creating");
    assert_eq!(answer.value()["properties"]["storageProfile"]["osDisk"]["managedDisk"].get("id"), None);
    let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    cloud.pass(7_000);
    let status = cloud.get(&poll);
    assert_eq!(
        (status.value()["status"].as_str(), status.header("Retry-After")),
        (Some("InProgress"), Some("35"))
    );
    cloud.pass(5 * MINUTE);
    assert_eq!(cloud.get(&poll).value()["status"], "Succeeded");
    let shown = cloud.get(&path).value().clone();
    insta::assert_json_snapshot!(shown);

    let view = cloud.get(&format!("{path}/instanceView")).value().clone();
    assert_eq!(view["statuses"][0]["code"], "ProvisioningState/succeeded");
    assert_eq!(view["statuses"][1]["code"], "PowerState/running");
    let expanded = cloud.get(&format!("{path}?api-version=2025-04-01&$expand=instanceView"));
    assert_eq!(expanded.value()["properties"]["instanceView"], view);

    let console = cloud.post(&format!("{path}/retrieveBootDiagnosticsData"));
    let console = console.value()["serialConsoleLogBlobUri"].as_str().expect("a link").to_owned();
    let lazuli_simulator::Body::Text(text) = cloud.get(&console).body else { panic!("no text") };
    assert!(text.contains("user-data sha256:a1b0542e7cce032c"), "{text}");
    let world = serde_json::to_string(&cloud.world).expect("JSON");
    assert!(!world.contains("I2Nsb3VkLWNvbmZpZw==") && !world.contains("do not keep"));
}

#[test]
fn disks_and_interfaces_marked_delete_go_with_their_machine_and_the_others_stay() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic-a");
    let mut body = machine("a");
    body["properties"]["storageProfile"]["dataDisks"][0]["deleteOption"] = json!("Detach");
    body["properties"]["networkProfile"]["networkInterfaces"][0]["properties"]["deleteOption"] =
        json!("Delete");
    cloud.make(&compute("virtualMachines/a"), &body);
    let disk = cloud.get(&compute("disks/a-os")).value().clone();
    assert_eq!(
        (&disk["managedBy"], &disk["properties"]["diskState"]),
        (&json!(compute("virtualMachines/a")), &json!("Attached"))
    );
    let attached = cloud.delete(&compute("disks/a-etcd"));
    let (status, refused, message) = refusal(&attached);
    assert_eq!((status, refused), (409, "OperationNotAllowed"));
    assert!(message.starts_with("Disk a-etcd is attached to VM"), "{message}");

    cloud.unmake(&compute("virtualMachines/a"));
    assert_eq!(cloud.get(&compute("disks/a-os")).status, 404);
    assert_eq!(cloud.get(&net("networkInterfaces/nic-a")).status, 404);
    let kept = cloud.get(&compute("disks/a-etcd")).value().clone();
    assert_eq!((kept.get("managedBy"), &kept["properties"]["diskState"]), (None, &json!("Unattached")));

    cloud.make_nic("nic-a");
    let again = cloud.put(&compute("virtualMachines/a"), &body);
    assert_eq!(
        code(&again),
        (409, "ConflictingUserInput"),
        "the kept disk is in the way of a new one of its name"
    );
    cloud.unmake(&compute("disks/a-etcd"));
    assert_eq!(cloud.put(&compute("virtualMachines/a"), &body).status, 201);
}

#[test]
fn what_is_immutable_about_a_machine_cannot_be_changed_and_may_be_left_out() {
    let mut cloud = cloud_with_machine(Profile::Instant);
    let path = compute("virtualMachines/a");
    for (pointer, new, target) in [
        ("/zones", json!(["2"]), "zones"),
        ("/properties/osProfile/computerName", json!("b"), "osProfile.computerName"),
        ("/properties/osProfile/customData", json!("b3RoZXI="), "osProfile.customData"),
        (
            "/properties/storageProfile/imageReference/sku",
            json!("24_04"),
            "storageProfile.imageReference.sku",
        ),
        ("/properties/storageProfile/osDisk/name", json!("other"), "storageProfile.osDisk.name"),
    ] {
        let mut body = machine("a");
        *body.pointer_mut(pointer).expect("a place") = new;
        let answer = cloud.put(&path, &body);
        assert_eq!(code(&answer), (409, "PropertyChangeNotAllowed"), "{pointer}");
        assert_eq!(answer.value()["error"]["target"], target);
    }
    let mut sparse = machine("a");
    sparse["properties"].as_object_mut().expect("an object").remove("osProfile");
    sparse["properties"]["hardwareProfile"]["vmSize"] = json!("Standard_D4s_v5");
    let answer = cloud.put(&path, &sparse);
    assert_eq!(
        (answer.status, &answer.value()["properties"]["provisioningState"]),
        (200, &json!("Updating"))
    );
    cloud.pass(MINUTE);
    let shown = cloud.get(&path).value().clone();
    assert_eq!(shown["properties"]["hardwareProfile"]["vmSize"], "Standard_D4s_v5");
    assert_eq!(shown["properties"]["osProfile"]["computerName"], "a");
}

#[test]
fn echoing_a_machine_back_changes_nothing() {
    let mut cloud = cloud_with_machine(Profile::Realistic);
    let path = compute("virtualMachines/a");
    let shown = cloud.get(&path).value().clone();
    let answer = cloud.put(&path, &shown);
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.value(), &shown);
}

#[test]
fn an_interface_serves_one_machine_only() {
    let mut cloud = cloud_with_machine(Profile::Instant);
    let mut second = machine("b");
    second["properties"]["networkProfile"]["networkInterfaces"][0]["id"] =
        json!(net("networkInterfaces/nic-a"));
    assert_eq!(code(&cloud.put(&compute("virtualMachines/b"), &second)), (400, "NicInUse"));
    assert_eq!(cloud.get(&compute("disks/b-os")).status, 404, "a refused machine leaves no disks");
}

#[test]
fn quota_sizes_and_zones_are_checked() {
    let group =
        SeededGroup { name: "rg-demo".to_owned(), location: "eastus2".to_owned(), tags: Default::default() };
    let quota = Quota { location: "eastus2".to_owned(), name: "cores".to_owned(), limit: 3 };
    let seed = SeedFile { resource_groups: vec![group], quotas: vec![quota], ..SeedFile::default() };
    let mut cloud = Cloud::seeded(Profile::Instant, seed);
    cloud.make_network();
    for name in ["nic-a", "nic-b"] {
        cloud.make_nic(name);
    }
    let mut odd = machine("a");
    odd["properties"]["hardwareProfile"]["vmSize"] = json!("Standard_D3s_v5");
    assert_eq!(code(&cloud.put(&compute("virtualMachines/a"), &odd)), (400, "InvalidParameter"));
    let mut far = machine("a");
    far["zones"] = json!(["4"]);
    assert_eq!(code(&cloud.put(&compute("virtualMachines/a"), &far)), (400, "AvailabilityZoneNotSupported"));
    cloud.make(&compute("virtualMachines/a"), &machine("a"));
    let answer = cloud.put(&compute("virtualMachines/b"), &machine("b"));
    let (status, refused, message) = refusal(&answer);
    assert_eq!((status, refused), (409, "OperationNotAllowed"));
    assert!(message.contains("Current Limit: 3, Current Usage: 2, Additional Required: 2"), "{message}");

    let usages = cloud.get(&format!("{SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus2/usages"));
    let cores = |name: &str| {
        let list = usages.value()["value"].as_array().expect("a list");
        let usage = list.iter().find(|usage| usage["name"]["value"] == name).expect("a usage");
        (usage["currentValue"].as_u64(), usage["limit"].as_u64())
    };
    assert_eq!(cores("cores"), (Some(2), Some(3)));
    assert_eq!(cores("standardDSv5Family").0, Some(2));
    assert_eq!(cores("virtualMachines").0, Some(1));
}

#[test]
fn power_actions_change_the_power_state() {
    let mut cloud = cloud_with_machine(Profile::Instant);
    let path = compute("virtualMachines/a");
    let mut power = |action: &str| {
        let answer = cloud.post(&format!("{path}/{action}"));
        assert_eq!(answer.status, 202);
        assert!(answer.header("Location").is_some());
        cloud.get(&format!("{path}/instanceView")).value()["statuses"][1]["code"].clone()
    };
    assert_eq!(power("deallocate"), "PowerState/deallocated");
    assert_eq!(power("start"), "PowerState/running");
    assert_eq!(power("powerOff"), "PowerState/stopped");
    assert_eq!(power("restart"), "PowerState/running");
}

#[test]
fn a_managed_identity_is_resolved_and_an_availability_set_is_kept_by_its_machines() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic-a");
    let made = cloud.make(&identity("cp"), &json!({ "location": "eastus2" }));
    let set = cloud.put(
        &compute("availabilitySets/set"),
        &json!({ "location": "eastus2", "sku": { "name": "Aligned" } }),
    );
    assert_eq!(set.status, 200, "even a new availability set is answered with 200");
    let mut body = machine("a");
    body.as_object_mut().expect("an object").remove("zones");
    body["properties"]["availabilitySet"] = json!({ "id": compute("availabilitySets/set") });
    body["identity"] = json!({ "type": "UserAssigned", "userAssignedIdentities": { identity("cp"): {} } });
    let shown = cloud.make(&compute("virtualMachines/a"), &body);
    let resolved = &shown["identity"]["userAssignedIdentities"][identity("cp")];
    assert_eq!(resolved["principalId"], made["properties"]["principalId"]);
    assert_eq!(code(&cloud.delete(&compute("availabilitySets/set"))), (409, "OperationNotAllowed"));
}

#[test]
fn a_disk_of_its_own_is_accepted_first_and_shown_in_full_by_its_operation() {
    let mut cloud = Cloud::new(Profile::Instant);
    let body = json!({ "location": "eastus2", "sku": { "name": "Premium_LRS" }, "properties": { "diskSizeGB": 64, "creationData": { "createOption": "Empty" } } });
    let answer = cloud.put(&compute("disks/data"), &body);
    assert_eq!(answer.status, 202);
    assert_eq!(answer.value()["properties"]["provisioningState"], "Updating");
    assert_eq!(answer.value()["properties"].get("uniqueId"), None);
    let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    let location = answer.header("Location").expect("a location").to_owned();
    assert!(location.contains("monitor=true") && poll.contains("/DiskOperations/"));
    let output = cloud.get(&poll).value()["properties"]["output"].clone();
    assert_eq!(cloud.get(&location).value(), &output);
    assert_eq!(output["properties"]["diskState"], "Unattached");
    let mut smaller = body;
    smaller["properties"]["diskSizeGB"] = json!(32);
    assert_eq!(code(&cloud.put(&compute("disks/data"), &smaller)), (409, "OperationNotAllowed"));
}

#[test]
fn a_machine_must_name_an_interface_that_exists_in_its_region() {
    let mut cloud = Cloud::new(Profile::Instant);
    let answer = cloud.put(&compute("virtualMachines/a"), &machine("a"));
    assert_eq!(code(&answer), (404, "NotFound"));
    let mut elsewhere = network(&[("nodes", "10.0.0.0/24")]);
    elsewhere["location"] = json!("westus2");
    cloud.make(&net("virtualNetworks/net"), &elsewhere);
    let mut far = nic("nodes");
    far["location"] = json!("westus2");
    cloud.make(&net("networkInterfaces/nic-a"), &far);
    assert_eq!(
        code(&cloud.put(&compute("virtualMachines/a"), &machine("a"))),
        (400, "InvalidResourceReference")
    );
}

#[test]
fn a_machine_can_be_deleted_while_it_is_still_being_made() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    cloud.make_nic("nic-a");
    let path = compute("virtualMachines/a");
    let made = cloud.put(&path, &machine("a"));
    let making = made.header("Azure-AsyncOperation").expect("an operation").to_owned();
    cloud.pass(3_000);
    assert_eq!(code(&cloud.put(&path, &machine("a"))), (409, "Conflict"));
    assert_eq!(cloud.delete(&path).status, 202);
    assert_eq!(cloud.get(&making).value()["error"]["code"], "OperationPreempted");
    assert_eq!(code(&cloud.put(&path, &machine("a"))), (409, "OperationNotAllowed"));
    cloud.pass(10 * MINUTE);
    assert_eq!((cloud.get(&path).status, cloud.get(&compute("disks/a-os")).status), (404, 404));
}

#[test]
fn thousands_of_interfaces_are_made_without_walking_the_world() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("virtualNetworks/net"), &network(&[("nodes", "10.0.0.0/18")]));
    let body = nic("nodes");
    for number in 0..3000 {
        let answer = cloud.put(&net(&format!("networkInterfaces/n{number}")), &body);
        assert_eq!(answer.status, 201);
        cloud.world.take_changes();
    }
    cloud.settings.page_size = 1000;
    let mut next = Some(format!("{GROUP}/providers/Microsoft.Network/networkInterfaces"));
    let mut seen = 0;
    while let Some(link) = next {
        let page = cloud.get(&link);
        seen += page.value()["value"].as_array().expect("a list").len();
        next = page.value().get("nextLink").and_then(Value::as_str).map(str::to_owned);
    }
    assert_eq!(seen, 3000);
}
