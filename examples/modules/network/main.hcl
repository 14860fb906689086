# A network with subnets of equal size.

variable "account" {
  description = "The cloud account it belongs to."
}

variable "resource_group" {
  type = string
}

variable "name" {
  type = string
}

variable "range" {
  type = string
  validation {
    condition     = can(cidrsubnet(var.range, 8, 0))
    error_message = "${var.range} is no range that could be divided."
  }
}

variable "subnets" {
  description = "The names of the subnets, in the order of their ranges."
  type        = list(string)
  default     = ["default"]
}

locals {
  ranges = { for i, name in var.subnets : name => cidrsubnet(var.range, 8, i) }
}

resource "network" {
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  cloud_account  = var.account
  resource_group = var.resource_group
  name           = "vnet-${var.name}"
  location       = "eastus2"
  properties     = { addressSpace = { addressPrefixes = [var.range] } }
}

resource "subnet" {
  for_each   = local.ranges
  type       = "Microsoft.Network/virtualNetworks/subnets@2025-05-01"
  parent_id  = resource.network.id
  name       = each.key
  properties = { addressPrefix = each.value }
}

output "id" {
  value = resource.network.id
}

output "subnets" {
  description = "The ids of the subnets by name."
  value       = { for name, subnet in resource.subnet : name => subnet.id }
}
