//! What is carried out while faults strike: resources of a dozen kinds are created, updated, replaced, deleted.

use lazuli_core::plan::PlanMode;

/// What a run is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Create,
    Update,
    Replace,
    Delete,
}

impl Task {
    pub(crate) const ALL: [Task; 4] = [Task::Create, Task::Update, Task::Replace, Task::Delete];

    /// What is applied before, without faults.
    pub(crate) fn before(self) -> Option<String> {
        (self != Task::Create).then(|| configuration("old", "a"))
    }

    /// What is applied while faults strike, and after.
    pub(crate) fn after(self) -> String {
        match self {
            Task::Create | Task::Delete => configuration("old", "a"),
            Task::Update => configuration("new", "a"),
            Task::Replace => configuration("old", "b"),
        }
    }

    pub(crate) fn mode(self) -> PlanMode {
        if self == Task::Delete { PlanMode::Destroy } else { PlanMode::Apply }
    }

    /// Whether a run may delete this id: never what stays.
    pub(crate) fn may_delete(self, path: &str) -> bool {
        match self {
            Task::Create | Task::Update => false,
            Task::Replace => !path.split('/').any(|part| part.ends_with("-b") || part == ROLE_B),
            Task::Delete => true,
        }
    }
}

/// A part of the path of each kind.
pub(crate) const KINDS: [&str; 12] = [
    "/networkSecurityGroups/",
    "/routeTables/",
    "/publicIPAddresses/",
    "/natGateways/",
    "/virtualNetworks/net-*/subnets/",
    "/virtualNetworks/net-",
    "/networkInterfaces/",
    "/disks/",
    "/virtualMachines/",
    "/userAssignedIdentities/",
    "/roleAssignments/",
    "/privateDnsZones/",
];

const ROLE_A: &str = "00000000-aaaa-4aaa-8aaa-000000000001";
const ROLE_B: &str = "00000000-bbbb-4bbb-8bbb-000000000001";

/// `tag` is updated in place, `g` is in every name: another one replaces everything.
fn configuration(tag: &str, g: &str) -> String {
    let role = if g == "a" { ROLE_A } else { ROLE_B };
    let mut text = r#"
cloud_account "sandbox" {
  simulator {
    resource_group "rg" {
      location = "eastus2"
    }
  }
}
"#
    .to_owned();
    let mut add = |label: &str, ty: &str, body: &str| {
        text.push_str(&format!(
            "resource \"{label}\" {{\n  type = \"{ty}\"\n  cloud_account = cloud_account.sandbox\n{body}}}\n"
        ));
    };
    let top = |name: &str, more: &str| {
        format!(
            "  resource_group = \"rg\"\n  location = \"eastus2\"\n  name = \"{name}-{g}\"\n  tags = {{ v = \"{tag}\" }}\n  {more}\n"
        )
    };
    let below = |parent: &str, name: &str, more: &str| {
        format!("  parent_id = resource.{parent}.id\n  name = \"{name}-{g}\"\n  {more}\n")
    };
    add(
        "nsg",
        "Microsoft.Network/networkSecurityGroups@2025-05-01",
        &top("nsg", "properties = { securityRules = [] }"),
    );
    add("table", "Microsoft.Network/routeTables@2025-05-01", &top("table", "properties = {}"));
    add(
        "ip",
        "Microsoft.Network/publicIPAddresses@2025-05-01",
        &top("ip", "sku = { name = \"Standard\" }\n  properties = { publicIPAllocationMethod = \"Static\" }"),
    );
    add(
        "nat",
        "Microsoft.Network/natGateways@2025-05-01",
        &top(
            "nat",
            "sku = { name = \"Standard\" }\n  properties = { publicIpAddresses = [{ id = resource.ip.id }] }",
        ),
    );
    add(
        "net",
        "Microsoft.Network/virtualNetworks@2025-05-01",
        &top("net", "properties = { addressSpace = { addressPrefixes = [\"10.1.0.0/16\"] } }"),
    );
    for (name, number) in [("front", 1), ("back", 2)] {
        let properties = format!(
            "properties = {{ addressPrefix = \"10.1.{number}.0/24\", networkSecurityGroup = {{ id = resource.nsg.id }}, \
             routeTable = {{ id = resource.table.id }} }}"
        );
        add(name, "Microsoft.Network/virtualNetworks/subnets@2025-05-01", &below("net", name, &properties));
    }
    add(
        "nic",
        "Microsoft.Network/networkInterfaces@2025-05-01",
        &top(
            "nic",
            "properties = { ipConfigurations = [{ name = \"ip\", properties = { privateIPAllocationMethod = \"Dynamic\", subnet = { id = resource.front.id } } }] }",
        ),
    );
    add(
        "disk",
        "Microsoft.Compute/disks@2025-01-02",
        &top(
            "disk",
            "sku = { name = \"Premium_LRS\" }\n  properties = { diskSizeGB = 64, creationData = { createOption = \"Empty\" } }",
        ),
    );
    add("robot", "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30", &top("robot", ""));
    add(
        "role",
        "Microsoft.Authorization/roleAssignments@2022-04-01",
        &format!(
            "  parent_id = \"/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg\"\n  name = \"{role}\"\n  properties = {{\n    \
             roleDefinitionId = \"/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/4d97b98b-1d4f-4787-a291-c67834d212e7\"\n    \
             principalId = resource.robot.properties.principalId\n  }}\n"
        ),
    );
    add(
        "vm",
        "Microsoft.Compute/virtualMachines@2025-04-01",
        &top(
            "vm",
            &format!(
                r#"properties = {{
    hardwareProfile = {{ vmSize = "Standard_D2s_v5" }}
    storageProfile = {{
      imageReference = {{ publisher = "Canonical", offer = "ubuntu-24_04-lts", sku = "server", version = "latest" }}
      osDisk = {{ name = "vm-{g}-os", createOption = "FromImage", deleteOption = "Delete" }}
    }}
    osProfile = {{
      computerName = "vm", adminUsername = "lazuli"
      linuxConfiguration = {{ disablePasswordAuthentication = true }}
    }}
    networkProfile = {{ networkInterfaces = [{{ id = resource.nic.id, properties = {{ primary = true }} }}] }}
  }}"#
            ),
        ),
    );
    add(
        "zone",
        "Microsoft.Network/privateDnsZones@2024-06-01",
        &format!(
            "  resource_group = \"rg\"\n  location = \"global\"\n  name = \"demo.zone-{g}\"\n  tags = {{ v = \"{tag}\" }}\n"
        ),
    );
    text
}

/// One network security group that may take a minute.
pub(crate) fn hurried() -> String {
    r#"
cloud_account "sandbox" {
  simulator {
    resource_group "rg" {
      location = "eastus2"
    }
  }
}

resource "nsg" {
  type           = "Microsoft.Network/networkSecurityGroups@2025-05-01"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg"
  location       = "eastus2"
  name           = "nsg"
  properties     = { securityRules = [] }
  timeouts {
    create = "1m"
    delete = "1m"
  }
}
"#
    .to_owned()
}
