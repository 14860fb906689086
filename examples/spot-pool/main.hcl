# A pool of spot machines beside one of regular machines. Azure sells spare capacity cheaper and takes it back with half a
# minute's notice, so nothing runs there that did not ask for it.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-spot" {
      location = "eastus2"
    }
  }
}

cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }
}

cluster "batch" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg-spot"
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"

  network {
    cidr = "10.50.0.0/16"
    control_plane_subnet {
      cidr = "10.50.0.0/24"
    }
    worker_subnet {
      cidr = "10.50.16.0/20"
    }
  }

  control_plane {
    count         = 1
    instance_type = "Standard_D2s_v5"
  }

  worker_pool "regular" {
    count         = 2
    instance_type = "Standard_D4s_v5"
  }

  worker_pool "spot" {
    count         = 4
    instance_type = "Standard_D8s_v5"
    labels        = { capacity = "spot" } # pods choose it: nodeSelector: {capacity: spot}
    taint "capacity" {                    # and must tolerate it
      value  = "spot"
      effect = "NoSchedule"
    }
    spot {
      max_price = -1 # US dollars an hour; -1: up to the price of a regular machine
    }
    update {
      strategy        = "contract_first" # no second machine while spare capacity is short
      max_unavailable = 2
      drain_timeout   = "2m"
    }
  }
}

output "spot_nodes" {
  value = [for name, node in cluster.batch.nodes : name if node.pool == "spot"]
}
