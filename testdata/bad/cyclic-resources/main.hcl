cloud_account "sandbox" {
  simulator {
    profile = "instant"
    resource_group "rg" {
      location = "eastus2"
    }
  }
}

resource "egg" {
  type           = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg"
  name           = "egg"
  location       = "eastus2"
  tags           = { from = resource.hen.properties.principalId }
}

resource "hen" {
  type           = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg"
  name           = "hen"
  location       = "eastus2"
  tags           = { from = resource.egg.properties.principalId }
}
