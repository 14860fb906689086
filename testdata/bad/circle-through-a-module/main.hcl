cloud_account "sandbox" {
  simulator {
    profile = "instant"
  }
}

locals {
  range = module.net.range
}

module "net" {
  source = "./net"
  range  = local.range
}
