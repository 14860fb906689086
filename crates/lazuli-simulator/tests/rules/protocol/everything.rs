//! One object of every type that has a row, in an order in which they can be made.

use serde_json::{Value, json};

use crate::cloud::{GROUP, SUBSCRIPTION, address, compute, identity, machine, net, network, nic};

/// Where an object is and what is put there.
pub(super) struct Object {
    pub(super) path: String,
    pub(super) body: Value,
}

impl Object {
    /// `Microsoft.Network/virtualNetworks/subnets`.
    pub(super) fn kind(&self) -> String {
        let Some((_, rest)) = self.path.rsplit_once("/providers/") else {
            return "Microsoft.Resources/resourceGroups".to_owned();
        };
        let mut parts = rest.split('/');
        let namespace = parts.next().expect("a namespace").to_owned();
        parts.step_by(2).fold(namespace, |kind, ty| kind + "/" + ty)
    }
}

const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

pub(super) fn objects() -> Vec<Object> {
    let object = |path: String, body: Value| Object { path, body };
    let here = |properties: Value| json!({ "location": "eastus2", "properties": properties });
    let under = |properties: Value| json!({ "properties": properties });
    let subnet = net("virtualNetworks/net/subnets/nodes");
    let front = net("loadBalancers/lb/frontendIPConfigurations/front");
    let record = |name: &str, mut properties: Value| {
        properties["ttl"] = json!(60);
        object(net(&format!("privateDnsZones/demo.internal/{name}")), under(properties))
    };
    let in_group = |rest: &str| format!("{GROUP}/providers/{rest}");
    let mut second = network(&[]);
    second["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.1.0.0/16"]);
    let mut standard = address();
    standard["sku"]["tier"] = json!("Regional");
    let storage = in_group("Microsoft.Storage/storageAccounts/lazulidemo");
    let roles = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions");
    let mut objects = vec![
        object(format!("{SUBSCRIPTION}/resourceGroups/rg-more"), json!({ "location": "eastus2" })),
        object(net("networkSecurityGroups/nsg"), here(json!({}))),
        object(
            net("networkSecurityGroups/nsg/securityRules/ssh"),
            under(json!({
                "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 100, "sourcePortRange": "*",
                "destinationPortRange": "22", "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
            })),
        ),
        object(net("routeTables/rt"), here(json!({}))),
        object(
            net("routeTables/rt/routes/out"),
            under(json!({ "addressPrefix": "10.9.0.0/16", "nextHopType": "VnetLocal" })),
        ),
        object(net("publicIPAddresses/ip"), standard.clone()),
        object(net("publicIPAddresses/ip-lb"), standard.clone()),
        object(net("publicIPAddresses/ip-bastion"), standard),
        object(
            net("publicIPPrefixes/prefix"),
            json!({ "location": "eastus2", "sku": { "name": "Standard" }, "properties": { "prefixLength": 30 } }),
        ),
        object(
            net("natGateways/nat"),
            json!({
                "location": "eastus2", "sku": { "name": "Standard" },
                "properties": { "publicIpAddresses": [{ "id": net("publicIPAddresses/ip") }] },
            }),
        ),
        object(
            net("virtualNetworks/net"),
            network(&[("nodes", "10.0.0.0/24"), ("AzureBastionSubnet", "10.0.2.0/24")]),
        ),
        object(net("virtualNetworks/far"), second),
        object(
            net("virtualNetworks/net/subnets/more"),
            under(json!({ "addressPrefix": "10.0.1.0/24", "natGateway": { "id": net("natGateways/nat") } })),
        ),
        object(
            net("virtualNetworks/net/virtualNetworkPeerings/far"),
            under(
                json!({ "remoteVirtualNetwork": { "id": net("virtualNetworks/far") }, "allowVirtualNetworkAccess": true }),
            ),
        ),
        object(
            net("loadBalancers/lb"),
            json!({
                "location": "eastus2", "sku": { "name": "Standard" },
                "properties": { "frontendIPConfigurations": [
                    { "name": "front", "properties": { "publicIPAddress": { "id": net("publicIPAddresses/ip-lb") } } },
                ] },
            }),
        ),
        object(net("loadBalancers/lb/backendAddressPools/pool"), under(json!({}))),
        object(
            net("loadBalancers/lb/inboundNatRules/ssh"),
            under(json!({
                "frontendIPConfiguration": { "id": front }, "protocol": "Tcp", "frontendPort": 50_000, "backendPort": 22,
            })),
        ),
        object(net("applicationSecurityGroups/asg"), here(json!({}))),
        object(net("networkInterfaces/nic-node"), nic("nodes")),
        object(
            net("bastionHosts/bastion"),
            json!({
                "location": "eastus2", "sku": { "name": "Standard" },
                "properties": { "ipConfigurations": [{ "name": "ip", "properties": {
                    "subnet": { "id": net("virtualNetworks/net/subnets/AzureBastionSubnet") },
                    "publicIPAddress": { "id": net("publicIPAddresses/ip-bastion") },
                } }] },
            }),
        ),
        object(
            compute("disks/data"),
            here(json!({ "creationData": { "createOption": "Empty" }, "diskSizeGB": 4 })),
        ),
        object(
            compute("snapshots/copy"),
            here(
                json!({ "creationData": { "createOption": "Copy", "sourceResourceId": compute("disks/data") } }),
            ),
        ),
        object(
            compute("availabilitySets/set"),
            json!({
                "location": "eastus2", "sku": { "name": "Aligned" },
                "properties": { "platformFaultDomainCount": 2, "platformUpdateDomainCount": 5 },
            }),
        ),
        object(
            compute("proximityPlacementGroups/near"),
            here(json!({ "proximityPlacementGroupType": "Standard" })),
        ),
        object(compute("sshPublicKeys/key"), here(json!({ "publicKey": "ssh-ed25519 AAAA" }))),
        object(compute("virtualMachines/node"), machine("node")),
        object(
            compute("virtualMachines/node/extensions/script"),
            here(
                json!({ "publisher": "Microsoft.Azure.Extensions", "type": "CustomScript", "typeHandlerVersion": "2.1" }),
            ),
        ),
        object(
            compute("images/image"),
            here(json!({ "sourceVirtualMachine": { "id": compute("virtualMachines/node") } })),
        ),
        object(
            compute("diskEncryptionSets/keys"),
            here(json!({ "activeKey": { "keyUrl": "https://vault.example/keys/key/1" } })),
        ),
        object(compute("galleries/gallery"), here(json!({}))),
        object(
            compute("galleries/gallery/images/node"),
            here(json!({
                "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
                "identifier": { "publisher": "lazuli", "offer": "node", "sku": "noble" },
            })),
        ),
        object(
            compute("galleries/gallery/images/node/versions/1.0.0"),
            here(json!({ "storageProfile": { "source": { "id": compute("images/image") } } })),
        ),
        object(
            compute("virtualMachines/node/runCommands/greet"),
            here(json!({ "source": { "script": "echo hello" } })),
        ),
    ];
    objects.extend([
        object(net("privateDnsZones/demo.internal"), json!({ "location": "global", "properties": {} })),
        object(
            net("privateDnsZones/demo.internal/virtualNetworkLinks/link"),
            json!({ "location": "global", "properties": { "virtualNetwork": { "id": net("virtualNetworks/net") }, "registrationEnabled": false } }),
        ),
        object(
            net("privateDnsZones/demo.internal/A/api"),
            under(json!({ "ttl": 60, "aRecords": [{ "ipv4Address": "10.0.0.4" }] })),
        ),
        record("AAAA/api", json!({ "aaaaRecords": [{ "ipv6Address": "fd00::4" }] })),
        record("CNAME/www", json!({ "cnameRecord": { "cname": "api.demo.internal" } })),
        record("TXT/note", json!({ "txtRecords": [{ "value": ["hello"] }] })),
        record(
            "SRV/_etcd._tcp",
            json!({ "srvRecords": [{ "priority": 0, "weight": 0, "port": 2380, "target": "api.demo.internal" }] }),
        ),
        record("MX/@", json!({ "mxRecords": [{ "preference": 10, "exchange": "api.demo.internal" }] })),
        record("PTR/4", json!({ "ptrRecords": [{ "ptrdname": "api.demo.internal" }] })),
        object(identity("robot"), json!({ "location": "eastus2" })),
        object(
            format!("{}/federatedIdentityCredentials/ci", identity("robot")),
            under(json!({ "issuer": "https://issuer.example", "subject": "me", "audiences": ["api://AzureADTokenExchange"] })),
        ),
        object(
            in_group("Microsoft.Authorization/roleAssignments/22222222-2222-2222-2222-222222222222"),
            under(json!({
                "roleDefinitionId": format!("{roles}/{READER}"), "principalType": "ServicePrincipal",
                "principalId": "44444444-4444-4444-4444-444444444444",
            })),
        ),
        object(
            storage.clone(),
            json!({
                "location": "eastus2", "sku": { "name": "Standard_LRS" }, "kind": "StorageV2",
                "properties": { "minimumTlsVersion": "TLS1_2" },
            }),
        ),
        object(format!("{storage}/blobServices/default/containers/state"), under(json!({}))),
        object(
            net("privateEndpoints/blob"),
            here(json!({
                "subnet": { "id": subnet },
                "privateLinkServiceConnections": [{ "name": "blob", "properties": {
                    "privateLinkServiceId": storage, "groupIds": ["blob"],
                } }],
            })),
        ),
        object(
            in_group("Microsoft.ContainerService/managedClusters/aks"),
            json!({
                "location": "eastus2", "identity": { "type": "SystemAssigned" },
                "properties": { "dnsPrefix": "aks", "agentPoolProfiles": [
                    { "name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D2s_v5" },
                ] },
            }),
        ),
        object(
            in_group("Microsoft.ContainerService/managedClusters/aks/agentPools/more"),
            under(json!({ "mode": "User", "count": 1, "vmSize": "Standard_D2s_v5" })),
        ),
        object(
            net("routeTables/rt/providers/Microsoft.Authorization/locks/keep"),
            under(json!({ "level": "CanNotDelete" })),
        ),
    ]);
    objects
}
