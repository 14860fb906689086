cluster "prod" {
  network {
    cidr = "10.40.0.0/16"
    control_plane_subnet {
      cidr = "10.40.0.0/24"
    }
  }

  control_plane {
    count = 2
  }

  worker_pool "general" {
    instance_typ = "Standard_D8s_v5"
  }
}
