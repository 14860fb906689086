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
  resource_group = "rg-nowhere"
  name           = "egg"
  location       = "eastus2"
}
