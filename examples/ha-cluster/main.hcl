# A cluster that goes on when one of its three zones does not: control plane, etcd, workers and volumes.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-ha" {
      location = "eastus2"
    }
  }
}

cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }
  storage {
    default_class {
      sku            = "Premium_LRS"
      zone_redundant = true # a volume outlives the zone it was made in
    }
  }
}

cluster "shop" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg-ha"
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"

  network {
    cidr = "10.40.0.0/16"
    control_plane_subnet {
      cidr = "10.40.0.0/24"
    }
    worker_subnet {
      cidr = "10.40.16.0/20"
    }
  }

  # Three members of etcd: one may be lost. With 5 two may, and two machines more are paid for.
  control_plane {
    count         = 3
    instance_type = "Standard_D4s_v5"
    zones         = ["1", "2", "3"] # the default, where a region has zones
    etcd_disk {
      size_gb = 256
      type    = "Premium_LRS"
    }
  }

  # Two nodes in each zone. A new node always goes to the zone that has the fewest.
  worker_pool "general" {
    count         = 6
    instance_type = "Standard_D8s_v5"
    update {
      strategy          = "expand_first" # the new node joins before an old one is drained
      max_surge         = 3              # at a time
      min_ready_seconds = 10             # a node must stay ready for so long to count
      drain_timeout     = "15m"          # how long disruption budgets may hold a drain back
    }
  }

  # When `lazuli cluster repair` replaces a node, and when it refuses because too much has failed for that.
  health_check {
    node_startup_timeout = "20m"
    unhealthy_after      = "5m"
    max_unhealthy        = "40%"
  }

  # For a cluster that matters:
  # lifecycle {
  #   prevent_destroy = true
  # }
}

output "zones" {
  description = "The names of the nodes in each zone."
  value       = { for name, node in cluster.shop.nodes : node.zone => name... }
}
