# Two kinds of workers beside each other, and a storage account of the platform team's own next to the cluster.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-two-pools" {
      location = "eastus2"
    }
  }
}

cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
    kubelet {
      extra_args = { "max-pods" = "110" }
    }
  }
}

locals {
  team = "data"
}

cluster "lake" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg-two-pools"
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"
  tags           = { team = local.team }

  network {
    cidr = "10.60.0.0/16"
    control_plane_subnet {
      cidr = "10.60.0.0/24"
      rule "allow-bastion" {
        priority          = 2300
        direction         = "inbound"
        access            = "allow"
        protocol          = "tcp"
        source            = ["10.99.0.0/24"]
        destination_ports = ["22"]
      }
    }
    worker_subnet {
      cidr = "10.60.16.0/20"
    }
  }

  api_server {
    authorized_ranges = ["203.0.113.0/24"]
  }

  control_plane {
    count         = 1
    instance_type = "Standard_D2s_v5"
  }

  worker_pool "general" {
    count         = 2
    instance_type = "Standard_D4s_v5"
    labels        = { workload = "services" }
  }

  worker_pool "batch" {
    count         = 3
    instance_type = "Standard_D8s_v5"
    zones         = ["1", "2"]
    labels        = { workload = "batch" }
    taint "workload" {
      value  = "batch"
      effect = "NoSchedule"
    }
    spot {
      max_price = -1
    }
    update {
      max_surge = 2
    }
  }
}

resource "lake" {
  type           = "Microsoft.Storage/storageAccounts@2025-06-01"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg-two-pools"
  name           = "laketwopools01"
  location       = "eastus2"
  tags           = { team = local.team, egress = cluster.lake.nat_public_ip }
  sku            = { name = "Standard_ZRS" }
  kind           = "StorageV2"
  properties     = { minimumTlsVersion = "TLS1_2" }
}

output "egress" {
  value = cluster.lake.nat_public_ip
}

output "storage_id" {
  value = resource.lake.id
}
