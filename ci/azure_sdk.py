"""A network with a machine in it, by Microsoft's Python SDK: made, polled, listed, deleted. Run by azure-sdk.sh."""

import os

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

base = os.environ["LAZULI_SIMULATOR_ENDPOINT"]
subscription = os.environ["AZURE_SUBSCRIPTION_ID"]
credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"],
    os.environ["AZURE_CLIENT_ID"],
    os.environ["AZURE_CLIENT_SECRET"],
    authority=base,
    disable_instance_discovery=True,
)
options = dict(base_url=base, credential_scopes=[base + "/.default"])
resources = ResourceManagementClient(credential, subscription, **options)
network = NetworkManagementClient(credential, subscription, **options)
compute = ComputeManagementClient(credential, subscription, **options)
group, place = "rg-sdk", "eastus2"


def expect(what, got, wanted):
    """Says what was done, and stops when the answer is another."""
    if got != wanted:
        raise SystemExit(f"azure-sdk: {what}: {got!r}, not {wanted!r}")
    print(f"azure-sdk: ok: {what}: {got}", flush=True)


def refused(what, code, act):
    """Does what Azure must refuse."""
    try:
        act()
    except HttpResponseError as error:
        expect(what, error.error.code if error.error else None, code)
        return error
    raise SystemExit(f"azure-sdk: {what} was not refused")


def made(what, poller):
    """Waits for something to be made."""
    resource = poller.result()
    expect(f"{what} is made", (poller.status(), resource.provisioning_state), ("Succeeded", "Succeeded"))
    return resource


def gone(what, poller, get):
    """Waits for something to be deleted."""
    poller.result()
    try:
        get()
    except ResourceNotFoundError:
        print(f"azure-sdk: ok: {what} is gone", flush=True)
        return
    raise SystemExit(f"azure-sdk: {what} is still there")


resources.resource_groups.create_or_update(group, {"location": place})
expect("the group exists", resources.resource_groups.check_existence(group), True)

rule = {
    "name": "ssh",
    "properties": {
        "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Tcp", "sourcePortRange": "*",
        "sourceAddressPrefix": "*", "destinationPortRange": "22", "destinationAddressPrefix": "*",
    },
}
nsg = made("the security group", network.network_security_groups.begin_create_or_update(
    group, "nsg", {"location": place, "properties": {"securityRules": [rule]}}))
expect("it has the rules of every group", len(nsg.default_security_rules), 6)
made("the network", network.virtual_networks.begin_create_or_update(group, "net", {
    "location": place,
    "tags": {"by": "sdk"},
    "properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}},
}))
subnet = made("the subnet", network.subnets.begin_create_or_update(group, "net", "nodes", {
    "properties": {"addressPrefix": "10.1.0.0/24", "networkSecurityGroup": {"id": nsg.id}},
}))
address = made("the public address", network.public_ip_addresses.begin_create_or_update(group, "ip", {
    "location": place, "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"},
}))
expect("the address is there", address.ip_address.count("."), 3)
nic = made("the interface", network.network_interfaces.begin_create_or_update(group, "nic", {
    "location": place,
    "properties": {"ipConfigurations": [{"name": "ip", "properties": {
        "subnet": {"id": subnet.id}, "publicIPAddress": {"id": address.id}}}]},
}))
expect("the interface's address", nic.ip_configurations[0].private_ip_address, "10.1.0.4")
balancer = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/loadBalancers/lb"
made("the load balancer", network.load_balancers.begin_create_or_update(group, "lb", {
    "location": place,
    "sku": {"name": "Standard"},
    "properties": {
        "frontendIPConfigurations": [{"name": "front", "properties": {"subnet": {"id": subnet.id}}}],
        "backendAddressPools": [{"name": "pool"}],
        "probes": [{"name": "probe", "properties": {"protocol": "Tcp", "port": 6443, "intervalInSeconds": 5}}],
        "loadBalancingRules": [{"name": "rule", "properties": {
            "protocol": "Tcp", "frontendPort": 6443, "backendPort": 6443,
            "frontendIPConfiguration": {"id": balancer + "/frontendIPConfigurations/front"},
            "backendAddressPool": {"id": balancer + "/backendAddressPools/pool"},
            "probe": {"id": balancer + "/probes/probe"}}}],
    },
}))
disk = made("the disk", compute.disks.begin_create_or_update(group, "disk", {
    "location": place, "sku": {"name": "Premium_LRS"},
    "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 32},
}))
machine = made("the machine", compute.virtual_machines.begin_create_or_update(group, "node", {
    "location": place,
    "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {
            "imageReference": {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server",
                               "version": "latest"},
            "osDisk": {"name": "node-os", "createOption": "FromImage", "deleteOption": "Delete"},
            "dataDisks": [{"lun": 0, "createOption": "Attach", "managedDisk": {"id": disk.id}}],
        },
        "osProfile": {"computerName": "node", "adminUsername": "lazuli", "customData": "I2Nsb3VkLWNvbmZpZw==",
                      "linuxConfiguration": {"disablePasswordAuthentication": True}},
        "networkProfile": {"networkInterfaces": [{"id": nic.id}]},
    },
}))
view = compute.virtual_machines.instance_view(group, "node")
expect("the machine runs", [status.code for status in view.statuses][-1], "PowerState/running")
compute.virtual_machines.begin_deallocate(group, "node").result()
view = compute.virtual_machines.instance_view(group, "node")
expect("the machine rests", [status.code for status in view.statuses][-1], "PowerState/deallocated")

for what, found in [
    ("networks", network.virtual_networks.list(group)),
    ("subnets", network.subnets.list(group, "net")),
    ("interfaces", network.network_interfaces.list_all()),
    ("addresses", network.public_ip_addresses.list(group)),
    ("balancers", network.load_balancers.list(group)),
    ("disks", compute.disks.list_by_resource_group(group)),
    ("machines", compute.virtual_machines.list(group)),
]:
    names = {"networks": ["net"], "subnets": ["nodes"], "interfaces": ["nic"], "addresses": ["ip"],
             "balancers": ["lb"], "disks": ["disk", "node-os"], "machines": ["node"]}
    expect(f"list of {what}", sorted(one.name for one in found), names[what])
expect("usages", any(usage.name.value == "cores" and usage.current_value == 2
                     for usage in compute.usage.list(place)), True)
expect("sizes", any(sku.name == "Standard_D2s_v5" for sku in compute.resource_skus.list(filter=f"location eq '{place}'")), True)
expect("tags", network.virtual_networks.update_tags(group, "net", {"tags": {"for": "test"}}).tags, {"for": "test"})

bad = {"location": place, "properties": {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}, "colour": "blue"}}
error = refused("a property that no network has", "InvalidRequestFormat",
                lambda: network.virtual_networks.begin_create_or_update(group, "bad", bad))
expect("the cause is told", error.error.details[0].code, "InvalidJson")
refused("a network in use", "InUseSubnetCannotBeDeleted",
        lambda: network.virtual_networks.begin_delete(group, "net").result())
refused("an interface in use", "NicInUse", lambda: network.network_interfaces.begin_delete(group, "nic").result())
refused("a network in no region", "NoRegisteredProviderFound", lambda: network.virtual_networks.begin_create_or_update(
    group, "moon", {"location": "moonbase", "properties": {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}}}))
expect("a taken address", network.virtual_networks.check_ip_address_availability(
    group, "net", ip_address="10.1.0.4").available, False)
refused("a network in no group", "ResourceGroupNotFound", lambda: network.virtual_networks.get("rg-none", "net"))

gone("the machine", compute.virtual_machines.begin_delete(group, "node"),
     lambda: compute.virtual_machines.get(group, "node"))
gone("the disk", compute.disks.begin_delete(group, "disk"), lambda: compute.disks.get(group, "disk"))
gone("the load balancer", network.load_balancers.begin_delete(group, "lb"),
     lambda: network.load_balancers.get(group, "lb"))
gone("the interface", network.network_interfaces.begin_delete(group, "nic"),
     lambda: network.network_interfaces.get(group, "nic"))
gone("the public address", network.public_ip_addresses.begin_delete(group, "ip"),
     lambda: network.public_ip_addresses.get(group, "ip"))
gone("the subnet", network.subnets.begin_delete(group, "net", "nodes"),
     lambda: network.subnets.get(group, "net", "nodes"))
gone("the network", network.virtual_networks.begin_delete(group, "net"),
     lambda: network.virtual_networks.get(group, "net"))
gone("the security group", network.network_security_groups.begin_delete(group, "nsg"),
     lambda: network.network_security_groups.get(group, "nsg"))
expect("nothing is left", [one.name for one in resources.resources.list_by_resource_group(group)], [])
resources.resource_groups.begin_delete(group).result()
expect("the group is gone", resources.resource_groups.check_existence(group), False)
print("azure-sdk: done")
