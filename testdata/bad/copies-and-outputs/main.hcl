cloud_account "sandbox" {
  simulator {
    profile = "instant"
  }
}

variable "names" {
  default   = ["a", "b"]
  sensitive = true
}

resource "tables" {
  for_each       = toset(var.names)
  type           = "Microsoft.Network/routeTables@2025-05-01"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg-copies"
  name           = each.key
  location       = "eastus2"
}

output "first" {
  value = resource.tables["a"].id # says nothing: the mistake is above
}

output "names" {
  value = var.names
}

output "sum" {
  value = 1 + [1]
}
