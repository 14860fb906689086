# A cluster in a network that exists already: the network team's virtual network and subnets are only read.
# They are part of the simulated world here (azure.json).

cloud_account "sandbox" {
  simulator {
    profile    = "instant"
    seed_world = "azure.json"
    resource_group "rg-cluster" {
      location = "westeurope"
    }
  }
}

cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }
}

cluster "inner" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "westeurope"
  resource_group = "rg-cluster"
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"

  network {
    existing {
      resource_group       = "rg-net"
      virtual_network      = "vnet-hub"
      control_plane_subnet = "snet-control-plane"
      worker_subnet        = "snet-workers"
    }
  }

  control_plane {
    count         = 1
    instance_type = "Standard_D2s_v5"
  }

  worker_pool "general" {
    count         = 2
    instance_type = "Standard_D4s_v5"
  }
}

data "hub" {
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg-net"
  name           = "vnet-hub"
}

output "network" {
  value = data.hub.properties.addressSpace.addressPrefixes
}
