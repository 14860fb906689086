# A cluster that several teams share: each has a namespace with a quota, people who may change what is in it, and a
# pipeline's service account that may deploy there. A team is one entry of a map.

cloud_account "sandbox" {
  simulator {
    profile = "fast"
    resource_group "rg-teams" {
      location = "eastus2"
    }
  }
}

variable "teams" {
  description = "Who shares the cluster."
  type = map(object({
    cpu     = string # what all pods of the team may request together
    memory  = string
    editors = list(string) # groups as the API server is told them
    readers = optional(list(string), [])
  }))
  default = {
    checkout = { cpu = "16", memory = "64Gi", editors = ["team-checkout"] }
    search   = { cpu = "8", memory = "32Gi", editors = ["team-search"], readers = ["support"] }
  }
}

cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }
}

cluster "shared" {
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg-teams"
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
    count         = 3
    instance_type = "Standard_D8s_v5"
  }

  # The platform team may do everything.
  rbac_binding "platform" {
    kind   = "ClusterRoleBinding"
    role   = "cluster-admin"
    groups = ["platform"]
  }

  dynamic "namespace" {
    for_each = var.teams
    iterator = team
    labels   = ["team-${team.key}"]
    content {
      cpu    = team.value.cpu
      memory = team.value.memory
      labels = { team = team.key }
    }
  }

  # `edit` and `view` are roles that every Kubernetes has; in a RoleBinding they hold in its namespace only.
  dynamic "rbac_binding" {
    for_each = var.teams
    iterator = team
    labels   = ["${team.key}-edit"]
    content {
      kind             = "RoleBinding"
      namespace        = "team-${team.key}"
      role             = "edit"
      groups           = team.value.editors
      service_accounts = ["team-${team.key}/deployer"]
    }
  }

  dynamic "rbac_binding" {
    for_each = { for name, team in var.teams : name => team if length(team.readers) > 0 }
    iterator = team
    labels   = ["${team.key}-view"]
    content {
      kind      = "RoleBinding"
      namespace = "team-${team.key}"
      role      = "view"
      groups    = team.value.readers
    }
  }
}
