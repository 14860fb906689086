variable "secret" {
  type      = string
  default   = "hunter2"
  sensitive = true
}

locals {
  secret = var.secret
  m      = { a = 1, b = "x" }
  tags   = tomap({ team = "platform", env = "prod" })
  zones  = tolist(["1", "2", "3"])
  set    = toset(["b", "a", "c"])
  nodes = {
    a = { size = 3, zones = ["1", "2"] }
    b = { size = 5, zones = ["3"] }
  }
}
