variable "range" {
  type = string
}

locals {
  wide = "${var.range}/16"
}

output "range" {
  value = local.wide
}
