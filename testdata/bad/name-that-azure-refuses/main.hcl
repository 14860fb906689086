# Names of resources, against Azure's rules: nobody is asked.

cloud_account "sandbox" {
  simulator {
    profile = "instant"
    resource_group "rg" {
      location = "eastus2"
    }
  }
}

resource "logs" {
  type           = "Microsoft.Storage/storageAccounts@2025-06-01"
  resource_group = "rg"
  name           = "Prod-Logs"
  location       = "eastus2"
  kind           = "StorageV2"
  sku            = { name = "Standard_ZRS" }
}

resource "images" {
  type           = "Microsoft.Compute/galleries@2025-03-03"
  resource_group = "rg"
  name           = "my-images"
  location       = "eastus2"
}
