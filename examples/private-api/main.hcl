# A cluster without any public address of its API: an internal load balancer, a name in a private DNS zone, and a peering
# with the network of whoever uses it. The hub is part of the simulated world here (azure.json).

cloud_account "sandbox" {
  simulator {
    profile    = "fast"
    seed_world = "azure.json"
    resource_group "rg-cluster" {
      location = "eastus2"
    }
  }
}

cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }
}

data "hub" {
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg-hub"
  name           = "vnet-hub"
}

cluster "inner" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg-cluster"
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"

  network {
    cidr = "10.60.0.0/16"
    control_plane_subnet {
      cidr = "10.60.0.0/24"
    }
    worker_subnet {
      cidr = "10.60.16.0/20"
    }
    peering "hub" {
      virtual_network_id = data.hub.id
      manage_remote      = true
    }
  }

  api_server {
    access = "private"
    private {
      ip = "10.60.0.10"
    }
  }

  control_plane {
    count         = 3
    instance_type = "Standard_D4s_v5"
  }

  worker_pool "general" {
    count         = 2
    instance_type = "Standard_D4s_v5"
  }
}

output "endpoint" {
  value = cluster.inner.endpoint
}
