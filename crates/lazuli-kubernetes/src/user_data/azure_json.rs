//! `/etc/kubernetes/azure.json`: what cloud-controller-manager, cloud-node-manager and the disk driver are told of
//! Azure. It has no secret: the cloud provider signs in with the identity of the virtual machine.

use lazuli_core::resource::ResourceId;
use serde::Serialize;

use super::NodeBoot;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AzureJson<'a> {
    cloud: &'a str,
    tenant_id: &'a str,
    subscription_id: &'a str,
    resource_group: &'a str,
    location: &'a str,
    /// All nodes are virtual machines of their own; no scale set exists.
    vm_type: &'static str,
    vnet_name: &'a str,
    vnet_resource_group: &'a str,
    subnet_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_group_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_group_resource_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route_table_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route_table_resource_group: Option<&'a str>,
    load_balancer_sku: &'static str,
    maximum_load_balancer_rule_count: u16,
    use_managed_identity_extension: bool,
    #[serde(rename = "userAssignedIdentityID")]
    user_assigned_identity_id: &'a str,
    use_instance_metadata: bool,
}

/// The file's text.
pub(super) fn file(node: &NodeBoot) -> String {
    let azure = &node.azure;
    let security_group = azure.worker_security_group.as_ref();
    let route_table = azure.route_table.as_ref();
    super::json::text(&AzureJson {
        cloud: &azure.cloud,
        tenant_id: &azure.tenant_id,
        subscription_id: &azure.subscription_id,
        resource_group: &azure.resource_group,
        location: &azure.location,
        vm_type: "standard",
        vnet_name: &azure.virtual_network,
        vnet_resource_group: &azure.network_resource_group,
        subnet_name: &azure.worker_subnet,
        security_group_name: security_group.map(ResourceId::name),
        security_group_resource_group: security_group.and_then(ResourceId::resource_group),
        route_table_name: route_table.map(ResourceId::name),
        route_table_resource_group: route_table.and_then(ResourceId::resource_group),
        load_balancer_sku: "Standard",
        maximum_load_balancer_rule_count: 250,
        use_managed_identity_extension: true,
        user_assigned_identity_id: &azure.identity_client_id,
        use_instance_metadata: true,
    })
}
