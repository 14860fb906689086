# A pool of machines with GPUs, and the add-on that makes the GPUs known to Kubernetes. NVIDIA's driver and container toolkit
# have to be on the nodes: build them into an image of your own and name it with os { gallery_image_id = "…" }.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-gpu" {
      location = "eastus2"
    }
  }
}

variable "gpus" {
  type        = number
  default     = 2
  description = "How many machines with a GPU there are. With 0 the pool stays, without nodes."
}

locals {
  taint = "nvidia.com/gpu"
}

cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }
  addon "gpu-device-plugin" {
    manifests = ["addons/device-plugin.yaml"]
    namespace = "kube-system"
    values    = { taint = local.taint, version = "v0.17.4" }
  }
}

cluster "vision" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg-gpu"
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"

  network {
    cidr = "10.70.0.0/16"
    control_plane_subnet {
      cidr = "10.70.0.0/24"
    }
    worker_subnet {
      cidr = "10.70.16.0/20"
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

  worker_pool "gpu" {
    count         = var.gpus
    instance_type = "Standard_NC4as_T4_v3"
    zones         = ["1"]                  # not every zone has every size: `plan` asks Azure
    labels        = { accelerator = "t4" } # the add-on's pods go where it is
    taint "nvidia.com/gpu" {               # nothing else goes where GPUs cost money
      value  = "present"
      effect = "NoSchedule"
    }
    os_disk {
      size_gb = 256 # images with CUDA are large
    }
    update {
      strategy = "contract_first" # quota for a GPU more is rarely there
    }
  }

  # Its pods may ask for two GPUs together.
  namespace "training" {
    gpu = 2
  }
}
