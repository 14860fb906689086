//! Small configurations that stories share.

/// [`ACCOUNT`], to be put together with more.
macro_rules! account {
    () => {
        r#"
cloud_account "sandbox" {
  simulator {
    profile = "instant"
    resource_group "rg" {
      location = "eastus2"
    }
  }
}
"#
    };
}

/// Where clusters are, and their network.
macro_rules! place {
    () => {
        r#"  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg"
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
"#
    };
}

/// A simulated account without delays and a resource group `rg`.
pub(crate) const ACCOUNT: &str = account!();

/// The smallest cluster: one control-plane node, one worker.
pub(crate) const SMALL: &str = concat!(
    account!(),
    r#"
cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }
}

cluster "small" {
"#,
    place!(),
    r#"
  control_plane {
    count         = 1
    instance_type = "Standard_D4s_v5"
  }

  worker_pool "general" {
    count         = 1
    instance_type = "Standard_D8s_v5"
  }
}

output "endpoint" {
  value = cluster.small.endpoint
}
"#
);
