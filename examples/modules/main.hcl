# One module, called once for each network, with subnets; and something beside them that uses one.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-modules" {
      location = "eastus2"
    }
  }
}

variable "networks" {
  description = "The range of each network, by name."
  type        = map(string)
  default = {
    shared = "10.10.0.0/16"
    data   = "10.20.0.0/16"
  }
}

module "network" {
  source   = "./network"
  for_each = var.networks

  account        = cloud_account.sandbox
  resource_group = "rg-modules"
  name           = each.key
  range          = each.value
  subnets        = ["front", "back"]
}

resource "robot" {
  type           = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg-modules"
  name           = "robot"
  location       = "eastus2"
  tags           = { works_in = module.network["data"].subnets["back"] }
}

check "ranges" {
  assert {
    condition     = length(distinct(values(var.networks))) == length(var.networks)
    error_message = "Two networks have the same range: they cannot be peered."
  }
}

output "subnets" {
  value = { for name, network in module.network : name => network.subnets }
}
