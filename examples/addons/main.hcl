# What else is to run in every cluster of a profile: add-ons, made of manifests that may be templates.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-addons" {
      location = "eastus2"
    }
  }
}

variable "replicas" {
  type        = number
  default     = 2
  description = "How many pods say hello."
}

cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }

  # Add-ons go in one after the other, in the order written; each is waited for.
  addon "greeter" {
    manifests = ["manifests/greeter.yaml"]
    namespace = "default" # of objects that name none
    values = {            # what ${…} and %{…} in the manifests stand for
      replicas = var.replicas
      greeting = "hello"
      hosts    = ["hello.example.com", "hi.example.com"]
    }
  }
}

cluster "demo" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg-addons"
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
    count         = 1
    instance_type = "Standard_D2s_v5"
  }

  worker_pool "general" {
    count         = 2
    instance_type = "Standard_D4s_v5"
  }
}
