#!/bin/sh
# Another maker's client against the simulated Azure: installs Microsoft's az in a virtual environment, starts
# `lazuli simulator serve`, logs in, builds a little, looks at it, takes it down.
#
#   LAZULI   the binary (default target/release/lazuli)
#   AZ_VENV  an existing virtual environment with azure-cli; a fresh one is made when it is unset
#
# Skips (exit 0, with a message) where az cannot be installed.
set -eu

name=az
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve.sh"
environment_of "${AZ_VENV:-}" azure-cli
PATH=$venv/bin:$PATH
serve instant
# A folder of our own, so that it goes with us.
export AZURE_CONFIG_DIR="$work/az" AZURE_CORE_ONLY_SHOW_ERRORS=true AZURE_CORE_NO_COLOR=true

expect() { # expect WANTED COMMAND...
    wanted=$1
    shift
    got=$("$@" --output tsv)
    if [ "$got" != "$wanted" ]; then
        echo "az: '$*' answered '$got', not '$wanted'" >&2
        exit 1
    fi
    echo "az: ok: $*"
}

az cloud register --name LazuliSimulator --endpoint-resource-manager "$LAZULI_SIMULATOR_ENDPOINT"
az cloud set --name LazuliSimulator
if az login --service-principal -u "$AZURE_CLIENT_ID" -p wrong --tenant "$AZURE_TENANT_ID" >/dev/null 2>&1; then
    echo "az: a wrong secret logs in" >&2
    exit 1
fi
az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID" >/dev/null
expect "$AZURE_SUBSCRIPTION_ID" az account show --query id

group=/subscriptions/$AZURE_SUBSCRIPTION_ID/resourceGroups/rg-az
expect Succeeded az group create --name rg-az --location eastus2 --query properties.provisioningState
expect rg-az az group list --query '[].name'
expect true az group exists --name rg-az
expect false az group exists --name rg-none
expect Succeeded az network vnet create --resource-group rg-az --name net --address-prefixes 10.0.0.0/16 \
    --subnet-name nodes --subnet-prefixes 10.0.0.0/24 --query newVNet.provisioningState
expect net az network vnet list --query '[].name'
expect 10.0.0.4 az network nic create --resource-group rg-az --name nic --vnet-name net --subnet nodes \
    --query 'NewNIC.ipConfigurations[0].privateIPAddress'
expect false az network vnet check-ip-address --resource-group rg-az --name net --ip-address 10.0.0.4 --query available
# The plain PUT of a machine; az vm create, by a template, comes below.
cat >"$work/vm.json" <<JSON
{"location": "eastus2", "zones": ["1"], "properties": {
  "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
  "storageProfile": {
    "imageReference": {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"},
    "osDisk": {"createOption": "FromImage", "deleteOption": "Delete"}},
  "osProfile": {"computerName": "node", "adminUsername": "lazuli", "customData": "I2Nsb3VkLWNvbmZpZw==",
    "linuxConfiguration": {"disablePasswordAuthentication": true}},
  "networkProfile": {"networkInterfaces": [{"id": "$group/providers/Microsoft.Network/networkInterfaces/nic"}]}}}
JSON
expect Creating az rest --method put --body "@$work/vm.json" --query properties.provisioningState \
    --url "$group/providers/Microsoft.Compute/virtualMachines/node?api-version=2025-04-01"
expect node az vm list --query '[].name'
expect 'VM running' az vm show --resource-group rg-az --name node --show-details --query powerState
expect 3 az resource list --query "length([?type != 'Microsoft.Compute/disks'])"
# Other things beside it, made, shown, listed and deleted.
expect Succeeded az network nsg create --resource-group rg-az --name nsg --query NewNSG.provisioningState
expect Allow az network nsg rule create --resource-group rg-az --nsg-name nsg --name ssh --priority 100 \
    --destination-port-ranges 22 --query access
expect Standard az network public-ip create --resource-group rg-az --name ip --sku Standard --query publicIp.sku.name
expect Succeeded az network nat gateway create --resource-group rg-az --name nat --public-ip-addresses ip \
    --query provisioningState
expect "$group/providers/Microsoft.Network/natGateways/nat" az network public-ip show --resource-group rg-az --name ip \
    --query natGateway.id
expect Succeeded az network vnet subnet create --resource-group rg-az --vnet-name net --name more \
    --address-prefixes 10.0.1.0/24 --network-security-group nsg --nat-gateway nat --query provisioningState
expect Succeeded az disk create --resource-group rg-az --name disk --size-gb 32 --query provisioningState
cat >"$work/lb.json" <<JSON
{"location": "eastus2", "sku": {"name": "Standard"}, "properties": {
  "frontendIPConfigurations": [{"name": "front", "properties": {
    "subnet": {"id": "$group/providers/Microsoft.Network/virtualNetworks/net/subnets/nodes"}}}],
  "backendAddressPools": [{"name": "pool"}]}}
JSON
lb="$group/providers/Microsoft.Network/loadBalancers/lb?api-version=2025-05-01"
expect Succeeded az rest --method put --url "$lb" --body "@$work/lb.json" --query properties.provisioningState
expect lb az network lb list --resource-group rg-az --query '[].name'
expect 10.0.0.5 az network lb show --resource-group rg-az --name lb \
    --query 'frontendIPConfigurations[0].privateIPAddress'
sed 's/"sku"/"colour": "blue", "sku"/' "$work/lb.json" >"$work/strange.json"
if az rest --method put --url "$lb" --body "@$work/strange.json" 2>"$work/refused"; then
    echo "az: a property that no load balancer has is taken" >&2
    exit 1
fi
grep -q "Could not find member 'colour'" "$work/refused"
echo "az: ok: a property that no load balancer has is refused"
gone() { # gone COMMAND...: deletes, and what is deleted cannot be shown
    kind=$1
    shift
    # shellcheck disable=SC2086 # the kind is several words
    az $kind delete --resource-group rg-az "$@"
    # shellcheck disable=SC2086
    if az $kind show --resource-group rg-az "$@" >/dev/null 2>&1; then
        echo "az: $kind $* is still there" >&2
        exit 1
    fi
    echo "az: ok: $kind $* is gone"
}
az rest --method delete --url "$lb"
expect 0 az network lb list --query 'length(@)'
gone 'network vnet subnet' --vnet-name net --name more
gone 'network nat gateway' --name nat
gone 'network public-ip' --name ip
gone 'network nsg' --name nsg
az disk delete --resource-group rg-az --name disk --yes
expect 1 az disk list --resource-group rg-az --query 'length(@)'
if az network vnet delete --resource-group rg-az --name net 2>"$work/refused"; then
    echo "az: a network in use can be deleted" >&2
    exit 1
fi
grep -q InUseSubnetCannotBeDeleted "$work/refused"
az vm delete --resource-group rg-az --name node --yes
expect 0 az vm list --query 'length(@)'
gone 'network nic' --name nic
gone 'network vnet' --name net
# A public key that nobody has the other half of.
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com' >"$work/key.pub"
# Templates: what they would be, what they change, what they make, and what is left of them.
cat >"$work/template.json" <<'JSON'
{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0",
 "parameters": {"prefix": {"type": "string"}, "count": {"type": "int", "defaultValue": 2}},
 "variables": {"network": "[concat(parameters('prefix'), '-net')]"},
 "resources": [
  {"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2025-05-01", "name": "[variables('network')]",
   "location": "[resourceGroup().location]",
   "properties": {"addressSpace": {"addressPrefixes": ["10.7.0.0/16"]},
    "subnets": [{"name": "nodes", "properties": {"addressPrefix": "10.7.0.0/24"}}]}},
  {"type": "Microsoft.Network/networkInterfaces", "apiVersion": "2025-05-01",
   "name": "[format('{0}-{1}', parameters('prefix'), copyIndex())]", "location": "[resourceGroup().location]",
   "copy": {"name": "interfaces", "count": "[parameters('count')]"},
   "dependsOn": ["[resourceId('Microsoft.Network/virtualNetworks', variables('network'))]"],
   "properties": {"ipConfigurations": [{"name": "ip", "properties": {"subnet": {
    "id": "[resourceId('Microsoft.Network/virtualNetworks/subnets', variables('network'), 'nodes')]"}}}]}}],
 "outputs": {"network": {"type": "string", "value": "[reference(variables('network')).provisioningState]"}}}
JSON
deployment() { # deployment VERB QUERY...: az deployment group VERB of the template
    verb=$1
    shift
    az deployment group "$verb" --resource-group rg-az --name first --template-file "$work/template.json" \
        --parameters prefix=tpl "$@"
}
expect Succeeded deployment validate --query properties.provisioningState
expect 3 deployment what-if --no-pretty-print --query 'length(changes[?changeType==`Create`])'
expect Succeeded deployment create --query properties.outputs.network.value
expect 10.7.0.5 az network nic show --resource-group rg-az --name tpl-1 --query 'ipConfigurations[0].privateIPAddress'
expect 3 deployment what-if --no-pretty-print --query 'length(changes[?changeType==`NoChange`])'
deployment what-if >"$work/what-if"
grep -q "Resource changes: .*no change" "$work/what-if"
expect Succeeded az deployment group show --resource-group rg-az --name first --query properties.provisioningState
expect first az deployment group list --resource-group rg-az --query '[].name'
expect 4 az deployment operation group list --resource-group rg-az --name first --query 'length(@)'
if az deployment group create --resource-group rg-az --name bad --template-file "$work/template.json" \
    --parameters prefix=tpl count=many 2>"$work/refused" >/dev/null; then
    echo "az: a number that is none is taken" >&2
    exit 1
fi
az deployment group delete --resource-group rg-az --name first
expect 0 az deployment group list --resource-group rg-az --query 'length(@)'
expect tpl-net az network vnet show --resource-group rg-az --name tpl-net --query name
# Commands of az that go by templates.
expect lb az network lb create --resource-group rg-az --name lb --sku Standard --vnet-name tpl-net --subnet nodes \
    --query loadBalancer.frontendIPConfigurations[0].name \
    --frontend-ip-name lb --backend-pool-name pool
az network lb delete --resource-group rg-az --name lb
expect 'VM running' az vm create --resource-group rg-az --name quick --nics tpl-0 --size Standard_D2s_v5 --zone 1 \
    --image Canonical:ubuntu-24_04-lts:server:latest --admin-username lazuli --ssh-key-values "$work/key.pub" \
    --query powerState
az vm delete --resource-group rg-az --name quick --yes
for nic in tpl-0 tpl-1; do az network nic delete --resource-group rg-az --name "$nic"; done
gone 'network vnet' --name tpl-net
# What was done is in the activity log: three events of a thing made by an operation, three of its end.
expect 6 az monitor activity-log list --resource-id "$group/providers/Microsoft.Network/natGateways/nat" \
    --query 'length(@)'
# The roles Lazuli prints are what `az role definition create` takes.
expect Succeeded az group create --name rg-quickstart --location eastus2 --query properties.provisioningState
"$lazuli" init "$work/project" >/dev/null
"$lazuli" --chdir "$work/project" account permissions --out "$work/roles" >/dev/null 2>&1
for role in "$work"/roles/*.json; do
    expect true az role definition create --role-definition "@$role" --query "contains(roleName, 'Lazuli')"
done
az group delete --name rg-quickstart --yes
az group delete --name rg-az --yes
expect 0 az group list --query 'length(@)'
echo "az: done"
