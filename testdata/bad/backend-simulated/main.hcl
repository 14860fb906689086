lazuli {
  backend "azurerm" {
    storage_account_name = "states"
    container_name       = "lazuli"
    key                  = "prod.state"
    cloud_account        = "sandbox"
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
