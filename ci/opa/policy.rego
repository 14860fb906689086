# A policy on plans, as people write it for Terraform: no public address at a machine's interface, and nothing of a
# protected type is deleted or replaced.
package lazuli

import rego.v1

protected := {"Microsoft.Storage/storageAccounts", "Microsoft.Network/virtualNetworks"}

deny contains message if {
	some change in input.resource_changes
	change.type == "Microsoft.Network/networkInterfaces"
	some configuration in change.change.after.properties.ipConfigurations
	configuration.properties.publicIPAddress
	message := sprintf("%s: the interface of a machine has a public address", [change.address])
}

# Planned and not known yet is no way round.
deny contains message if {
	some change in input.resource_changes
	change.type == "Microsoft.Network/networkInterfaces"
	some unknown in change.change.after_unknown.properties.ipConfigurations
	unknown.properties.publicIPAddress
	message := sprintf("%s: the interface of a machine may get a public address", [change.address])
}

deny contains message if {
	some change in input.resource_changes
	change.type in protected
	"delete" in change.change.actions
	message := sprintf("%s: %s must not be deleted", [change.address, change.type])
}
