# A highly available cluster in a simulated Azure: nothing here reaches the real one, nothing costs anything.
# For the real one, replace the cloud_account (see docs/how-to/real-azure.md) and the ssh_key.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-quickstart" {
      location = "eastus2"
    }
  }
}

cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }
}

variable "workers" {
  type        = number
  default     = 3
  description = "How many workers the cluster has."
  validation {
    condition     = var.workers > 0
    error_message = "At least one worker."
  }
}

cluster "quickstart" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg-quickstart"
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"
  tags           = { team = "platform" }

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
    instance_type = "Standard_D4s_v5"
  }

  worker_pool "general" {
    count         = var.workers
    instance_type = "Standard_D8s_v5"
  }
}

output "endpoint" {
  value       = cluster.quickstart.endpoint
  description = "Where the Kubernetes API is."
}

output "nodes" {
  value = { for name, node in cluster.quickstart.nodes : name => node.zone }
}
