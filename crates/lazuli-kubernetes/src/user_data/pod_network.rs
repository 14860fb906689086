//! The network of pods without an overlay (`cni = "azure_routes"`): containerd writes the CNI configuration from a
//! template once the node has been given its range of addresses, and Azure's route table leads to the node.

use super::NodeBoot;

/// Where the template is.
pub(super) const TEMPLATE_PATH: &str = "/etc/cni/lazuli.conflist.template";

/// The file, which `prepare.sh` tells containerd of: in which syntax, is seen on the node.
pub(super) fn files(node: &NodeBoot) -> Vec<(&'static str, &'static str, String)> {
    match node.azure_routes {
        true => vec![(TEMPLATE_PATH, "0644", TEMPLATE.to_owned())],
        false => Vec::new(),
    }
}

/// A bridge on the node. What leaves for outside of the cluster is given the node's address by an agent in the cluster,
/// not here: this plugin would do it for what goes to pods of other nodes, too.
const TEMPLATE: &str = r#"{
  "cniVersion": "0.4.0",
  "name": "azure-routes",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "ipMasq": false,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "{{.PodCIDR}}" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
"#;
