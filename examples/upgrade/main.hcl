# From one minor version of Kubernetes to the next by changing one word, with something that runs while it happens.
# README.md goes through it.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-upgrade" {
      location = "eastus2"
    }
  }
}

variable "kubernetes" {
  type        = string
  default     = "1.33.6"
  description = "The version of Kubernetes. One minor version at a time, and never back."
}

cluster_profile "base" {
  kubernetes {
    version = var.kubernetes
  }
  addon "shop" {
    manifests = ["addons/shop.yaml"]
    namespace = "default"
  }
}

cluster "shop" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg-upgrade"
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

  control_plane {
    count         = 3
    instance_type = "Standard_D2s_v5"
  }

  worker_pool "general" {
    count         = 3
    instance_type = "Standard_D4s_v5"
  }
}

output "kubernetes" {
  value = cluster.shop.kubernetes_version
}
