//! Plans made by hand, for tests.

use lazuli_core::Value;
use lazuli_core::address::Address;
use lazuli_core::encoding::from_json;
use lazuli_core::plan::{
    Action, Cause, Change, Edge, Operation, OutputChange, PathChange, Plan, PlanMode, Reason, Step,
};
use lazuli_core::resource::{Mode, ProviderName, ResourceId, ResourceType};
use lazuli_core::source::Location;
use serde_json::{Value as Json, json};

const GROUP: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-platform";

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn value(json: Json) -> Value {
    from_json(&json)
}

fn id(ty: &str, name: &str) -> ResourceId {
    ResourceId::new(format!("{GROUP}/providers/{ty}/{name}"))
}

/// A change of a resource whose object is `body`: before, after or both, as the action wants.
pub(crate) fn change(text: &str, ty: &str, title: &str, name: &str, action: Action, body: Json) -> Change {
    let body = value(body);
    let (before, after) = match action {
        Action::Create | Action::Read => (None, Some(body)),
        Action::Delete | Action::Forget => (Some(body), None),
        // As the planner does: what stays is only told once.
        Action::NoOp => (None, Some(body)),
        _ => (Some(body.clone()), Some(body)),
    };
    Change {
        address: address(text),
        previous_address: None,
        mode: Mode::Managed,
        action,
        reason: None,
        provider: ProviderName::Azure,
        account: "sandbox".into(),
        ty: ResourceType::new(ty, "2025-05-01"),
        title: title.into(),
        id: Some(id(ty, name)),
        previous_id: None,
        before,
        after,
        paths: Vec::new(),
        origin: Some(Location { file: "main.hcl".into(), line: 34, column: 5 }),
        changed_at: None,
    }
}

pub(crate) fn path(text: &str, before: Option<Json>, after: Option<Json>) -> PathChange {
    PathChange {
        path: text.parse().unwrap(),
        before: before.map(value),
        after: after.map(value),
        recorded: None,
        forces_replacement: false,
        cause: Cause::Configuration,
    }
}

/// The plan of some changes: a step each (two of a replacement), those of a node in a row.
pub(crate) fn plan(mut changes: Vec<Change>) -> Plan {
    changes.sort_by(|a, b| a.address.cmp(&b.address));
    let mut steps: Vec<Step> = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        let operations: &[Operation] = match change.action {
            Action::Create => &[Operation::Create],
            Action::Update | Action::Adopt => &[Operation::Update],
            Action::ReplaceDeleteFirst => &[Operation::Delete, Operation::Create],
            Action::ReplaceCreateFirst => &[Operation::Create, Operation::Delete],
            Action::Delete => &[Operation::Delete],
            Action::Read => &[Operation::Read],
            Action::NoOp | Action::Move | Action::Forget => &[],
        };
        for operation in operations {
            let expected = match (&*change.ty.name, operation) {
                ("Microsoft.Compute/virtualMachines", _) => 50.0,
                ("Microsoft.Network/loadBalancers", _) => 30.0,
                _ => 5.0,
            };
            steps.push(Step {
                number: u32::try_from(steps.len()).unwrap(),
                address: change.address.clone(),
                operation: *operation,
                change: u32::try_from(index).unwrap(),
                provider: change.provider,
                account: change.account.clone(),
                ty: change.ty.clone(),
                id: change.id.clone(),
                planned: None,
                removed: Vec::new(),
                deposed: false,
                dependencies: Vec::new(),
                lock: None,
                timeout: 3600,
                expected,
                slot: None,
                prevent_destroy: false,
            });
        }
    }
    let node = |step: &Step| step.address.parent().filter(|p| p.as_str().contains(".node["));
    let edges = steps
        .windows(2)
        .filter(|pair| node(&pair[0]).is_some() && node(&pair[0]) == node(&pair[1]))
        .map(|pair| Edge {
            before: pair[0].number,
            after: pair[1].number,
            because: "properties.networkProfile refers to it".into(),
        })
        .collect();
    Plan {
        mode: PlanMode::Apply,
        lineage: "3f2a91c7-0000-4000-8000-000000000000".to_owned(),
        serial: 1,
        changes,
        drift: Vec::new(),
        steps,
        edges,
        outputs: Vec::new(),
        scope: Default::default(),
        left_out: Default::default(),
    }
}

fn network(action: Action) -> Vec<Change> {
    let net = |part: &str, ty: &str, title: &str, name: &str, body: Json| {
        let ty = format!("Microsoft.Network/{ty}");
        change(&format!("cluster.prod.network.{part}"), &ty, title, name, action, body)
    };
    vec![
        net(
            "virtual_network",
            "virtualNetworks",
            "virtual network",
            "prod-vnet",
            json!({
                "location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.40.0.0/16"]}},
            }),
        ),
        net(
            "control_plane_subnet",
            "virtualNetworks/subnets",
            "subnet",
            "prod-cp-subnet",
            json!({
                "properties": {"addressPrefix": "10.40.0.0/24",
                    "networkSecurityGroup": {"id": id("Microsoft.Network/networkSecurityGroups", "prod-cp-nsg")}},
            }),
        ),
        net(
            "worker_subnet",
            "virtualNetworks/subnets",
            "subnet",
            "prod-worker-subnet",
            json!({
                "properties": {"addressPrefix": "10.40.16.0/20",
                    "networkSecurityGroup": {"id": id("Microsoft.Network/networkSecurityGroups", "prod-worker-nsg")}},
            }),
        ),
        net(
            "control_plane_nsg",
            "networkSecurityGroups",
            "network security group",
            "prod-cp-nsg",
            json!({
                "location": "eastus2", "properties": {"securityRules": [{"name": "allow_apiserver"}]},
            }),
        ),
        net(
            "worker_nsg",
            "networkSecurityGroups",
            "network security group",
            "prod-worker-nsg",
            json!({
                "location": "eastus2", "properties": {"securityRules": []},
            }),
        ),
        net(
            "route_table",
            "routeTables",
            "route table",
            "prod-routes",
            json!({
                "location": "eastus2", "properties": {"routes": []},
            }),
        ),
        net(
            "nat_gateway",
            "natGateways",
            "NAT gateway",
            "prod-natgw",
            json!({
                "location": "eastus2", "sku": {"name": "Standard"}, "properties": {"publicIpAddresses": [{"id": "x"}]},
            }),
        ),
        net(
            "nat_public_ip",
            "publicIPAddresses",
            "public IP address",
            "prod-nat-ip",
            json!({
                "location": "eastus2", "sku": {"name": "Standard"}, "zones": ["1", "2", "3"], "properties": {},
            }),
        ),
    ]
}

fn api_server(action: Action) -> Vec<Change> {
    vec![
        change(
            "cluster.prod.api_server.load_balancer",
            "Microsoft.Network/loadBalancers",
            "load balancer",
            "prod-public-lb",
            action,
            json!({"location": "eastus2", "sku": {"name": "Standard"},
                "properties": {"loadBalancingRules": [{"name": "api", "properties": {"frontendPort": 6443}}]}}),
        ),
        change(
            "cluster.prod.api_server.public_ip",
            "Microsoft.Network/publicIPAddresses",
            "public IP address",
            "prod-api-ip",
            action,
            json!({"location": "eastus2", "sku": {"name": "Standard"}, "zones": ["1", "2", "3"],
                "properties": {"dnsSettings": {"domainNameLabel": "prod-3f2a91c7"}}}),
        ),
    ]
}

fn identity(action: Action) -> Vec<Change> {
    let role = |name: &str, id: &str| {
        change(
            &format!("cluster.prod.identity.role[\"{name}\"]"),
            "Microsoft.Authorization/roleAssignments",
            "role assignment",
            "0c1d2e3f-0000-5000-8000-000000000001",
            action,
            json!({"properties": {
                "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{id}"),
                "scope": GROUP,
            }}),
        )
    };
    vec![
        change(
            "cluster.prod.identity.principal",
            "Microsoft.ManagedIdentity/userAssignedIdentities",
            "user-assigned identity",
            "prod-cp-identity",
            action,
            json!({"location": "eastus2"}),
        ),
        role("network", "4d97b98b-1d4f-4787-a291-c67834d212e7"),
        role("machines", "9980e02c-c2be-4d73-94e8-173b1dc7cf3c"),
    ]
}

/// A machine's body.
pub(crate) fn machine(size: &str, zone: usize, etcd: bool) -> Json {
    let disks = if etcd {
        json!([{"lun": 0, "diskSizeGB": 256, "managedDisk": {"storageAccountType": "Premium_LRS"}}])
    } else {
        json!([])
    };
    json!({"location": "eastus2", "zones": [zone.to_string()],
        "properties": {"hardwareProfile": {"vmSize": size}, "storageProfile": {"dataDisks": disks}}})
}

/// Interface and machine of a node.
pub(crate) fn node(pool: &str, name: &str, slot: usize, action: Action, size: &str) -> Vec<Change> {
    let pool = if pool == "cp" { "control_plane".to_owned() } else { format!("worker_pool[\"{pool}\"]") };
    let base = format!("cluster.prod.{pool}.node[\"{slot}\"]");
    let zone = (slot - 1) % 3 + 1;
    vec![
        change(
            &format!("{base}.nic"),
            "Microsoft.Network/networkInterfaces",
            "network interface",
            &format!("{name}-nic"),
            action,
            json!({"location": "eastus2", "properties": {"ipConfigurations": [{"name": "primary"}]}}),
        ),
        change(
            &format!("{base}.vm"),
            "Microsoft.Compute/virtualMachines",
            "virtual machine",
            name,
            action,
            machine(size, zone, pool == "control_plane"),
        ),
    ]
}

/// The whole default cluster with `workers` workers, everything undergoing the same.
pub(crate) fn cluster(action: Action, workers: usize) -> Vec<Change> {
    let mut changes = [network(action), api_server(action), identity(action)].concat();
    for slot in 1..=3 {
        changes.extend(node("cp", &format!("prod-cp-{slot}-a41c"), slot, action, "Standard_D4s_v5"));
    }
    for slot in 1..=workers {
        let name = format!("prod-general-{slot}-77d0");
        changes.extend(node("general", &name, slot, action, "Standard_D8s_v5"));
    }
    changes
}

pub(crate) fn output(
    name: &str,
    before: Option<Json>,
    after: Option<Value>,
    sensitive: bool,
) -> OutputChange {
    OutputChange { name: name.into(), before, after, sensitive }
}

/// The change at an address.
pub(crate) fn at<'a>(changes: &'a mut [Change], text: &str) -> &'a mut Change {
    changes.iter_mut().find(|c| c.address.as_str() == text).unwrap()
}

/// An update of a rule of the control plane's security group.
pub(crate) fn rule_update() -> Vec<Change> {
    let mut changes = cluster(Action::NoOp, 6);
    let group = at(&mut changes, "cluster.prod.network.control_plane_nsg");
    group.action = Action::Update;
    group.reason = Some(Reason::Configuration);
    group.paths = vec![path(
        "properties.securityRules[\"allow_apiserver\"].properties.sourceAddressPrefixes",
        Some(json!(["10.99.0.0/24", "203.0.113.0/24"])),
        Some(json!(["10.99.0.0/24", "198.51.100.0/24"])),
    )];
    changes
}
