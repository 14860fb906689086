# Several clusters of one kind: what is the same is written once, what differs is in a map. An entry more is a cluster more.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-test" {
      location = "eastus2"
    }
    resource_group "rg-production" {
      location = "westeurope"
    }
  }
}

variable "clusters" {
  description = "The clusters, by name."
  type = map(object({
    region         = string
    resource_group = string
    second_octet   = number                # networks that may be peered one day must not overlap
    next           = optional(bool, false) # the profile `next`
    control_plane  = optional(number, 1)
    workers        = number
  }))
  default = {
    test = {
      region         = "eastus2"
      resource_group = "rg-test"
      second_octet   = 10
      next           = true
      workers        = 1
    }
    production = {
      region         = "westeurope"
      resource_group = "rg-production"
      second_octet   = 20
      control_plane  = 3
      workers        = 3
    }
  }
  validation {
    condition     = length(distinct([for c in values(var.clusters) : c.second_octet])) == length(var.clusters)
    error_message = "Two clusters have the same second_octet, and so the same addresses."
  }
}

# What most clusters run, and what is tried out before they do.
cluster_profile "stable" {
  kubernetes {
    version = "1.34.2"
  }
}

cluster_profile "next" {
  kubernetes {
    version = "1.35.0"
  }
}

cluster "fleet" {
  for_each       = var.clusters
  name           = each.key
  cloud_account  = cloud_account.sandbox
  profile        = each.value.next ? cluster_profile.next : cluster_profile.stable
  region         = each.value.region
  resource_group = each.value.resource_group
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"
  tags           = { stage = each.key }

  network {
    cidr = "10.${each.value.second_octet}.0.0/16"
    control_plane_subnet {
      cidr = "10.${each.value.second_octet}.0.0/24"
    }
    worker_subnet {
      cidr = "10.${each.value.second_octet}.16.0/20"
    }
  }

  control_plane {
    count         = each.value.control_plane
    instance_type = "Standard_D2s_v5"
  }

  worker_pool "general" {
    count         = each.value.workers
    instance_type = "Standard_D4s_v5"
  }
}

output "endpoints" {
  value = { for name, cluster in cluster.fleet : name => cluster.endpoint }
}
