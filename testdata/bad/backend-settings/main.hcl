lazuli {
  backend "azurerm" {
    storage_account_name = "Our-States"
    container_nam        = "lazuli"
    key                  = "prod state"
    cloud_account        = "sandbx"
    endpoint             = "http://127.0.0.1:10000/devstoreaccount1"
  }
}

cloud_account "sandbox" {
  simulator {
    profile = "instant"
    resource_group "rg" {
      location = "eastus2"
    }
  }
}
