//! `cluster`.

use lazuli_core::block::{BlockSchema, Shape};

use super::profile::KUBELET;
use super::{block, exactly_once, many, once, optional, required};

static RULE: BlockSchema = block(
    "rule",
    &["name"],
    &[
        required("priority", Shape::Number),
        required("direction", Shape::String),
        required("access", Shape::String),
        required("protocol", Shape::String),
        optional("source", Shape::Strings),
        optional("source_ports", Shape::Strings),
        optional("destination", Shape::Strings),
        optional("destination_ports", Shape::Strings),
        optional("description", Shape::String),
    ],
    &[],
);
static CONTROL_PLANE_SUBNET: BlockSchema =
    block("control_plane_subnet", &[], &[required("cidr", Shape::String)], &[many(&RULE)]);
static WORKER_SUBNET: BlockSchema =
    block("worker_subnet", &[], &[required("cidr", Shape::String)], &[many(&RULE)]);
static PEERING: BlockSchema = block(
    "peering",
    &["name"],
    &[required("virtual_network_id", Shape::String), optional("manage_remote", Shape::Bool)],
    &[],
);
static EXISTING: BlockSchema = block(
    "existing",
    &[],
    &[
        optional("resource_group", Shape::String),
        required("virtual_network", Shape::String),
        required("control_plane_subnet", Shape::String),
        required("worker_subnet", Shape::String),
    ],
    &[],
);
static NETWORK: BlockSchema = block(
    "network",
    &[],
    &[optional("cidr", Shape::String), optional("egress", Shape::String)],
    &[once(&CONTROL_PLANE_SUBNET), once(&WORKER_SUBNET), many(&PEERING), once(&EXISTING)],
);
static PRIVATE: BlockSchema = block(
    "private",
    &[],
    &[
        optional("ip", Shape::String),
        optional("dns_zone", Shape::String),
        optional("dns_resource_group", Shape::String),
    ],
    &[],
);
static API_SERVER: BlockSchema = block(
    "api_server",
    &[],
    &[
        optional("access", Shape::String),
        optional("port", Shape::Number),
        optional("transport", Shape::String),
        optional("authorized_ranges", Shape::Strings),
    ],
    &[once(&PRIVATE)],
);
static IDENTITY: BlockSchema = block("identity", &[], &[optional("existing", Shape::String)], &[]);
static PROXY: BlockSchema = block(
    "proxy",
    &[],
    &[
        optional("http", Shape::String),
        optional("https", Shape::String),
        optional("no_proxy", Shape::Strings),
    ],
    &[],
);
static OS_DISK: BlockSchema =
    block("os_disk", &[], &[optional("size_gb", Shape::Number), optional("type", Shape::String)], &[]);
static ETCD_DISK: BlockSchema =
    block("etcd_disk", &[], &[optional("size_gb", Shape::Number), optional("type", Shape::String)], &[]);
static TAINT: BlockSchema =
    block("taint", &["key"], &[optional("value", Shape::String), required("effect", Shape::String)], &[]);
static CONTROL_PLANE: BlockSchema = block(
    "control_plane",
    &[],
    &[
        optional("count", Shape::Number),
        required("instance_type", Shape::String),
        optional("zones", Shape::Strings),
        optional("schedulable", Shape::Bool),
        optional("encryption_at_host", Shape::Bool),
        optional("labels", Shape::StringMap),
    ],
    &[once(&OS_DISK), once(&ETCD_DISK), many(&TAINT)],
);
static SPOT: BlockSchema = block("spot", &[], &[optional("max_price", Shape::Number)], &[]);
static UPDATE: BlockSchema = block(
    "update",
    &[],
    &[
        optional("strategy", Shape::String),
        optional("max_surge", Shape::Any),
        optional("max_unavailable", Shape::Any),
        optional("min_ready_seconds", Shape::Number),
        optional("drain_timeout", Shape::String),
    ],
    &[],
);
static WORKER_POOL: BlockSchema = block(
    "worker_pool",
    &["name"],
    &[
        required("count", Shape::Number),
        required("instance_type", Shape::String),
        optional("zones", Shape::Strings),
        optional("labels", Shape::StringMap),
        optional("encryption_at_host", Shape::Bool),
        optional("cordon", Shape::Strings),
        optional("pre_bootstrap_commands", Shape::Strings),
        optional("post_bootstrap_commands", Shape::Strings),
    ],
    &[once(&OS_DISK), many(&TAINT), once(&SPOT), once(&KUBELET), once(&UPDATE)],
);
static HEALTH_CHECK: BlockSchema = block(
    "health_check",
    &[],
    &[
        optional("node_startup_timeout", Shape::String),
        optional("unhealthy_after", Shape::String),
        optional("max_unhealthy", Shape::String),
    ],
    &[],
);
static RBAC_BINDING: BlockSchema = block(
    "rbac_binding",
    &["name"],
    &[
        required("kind", Shape::String),
        required("role", Shape::String),
        optional("namespace", Shape::String),
        optional("groups", Shape::Strings),
        optional("users", Shape::Strings),
        optional("service_accounts", Shape::Strings),
    ],
    &[],
);
static NAMESPACE: BlockSchema = block(
    "namespace",
    &["name"],
    &[
        optional("cpu", Shape::String),
        optional("memory", Shape::String),
        optional("gpu", Shape::Number),
        optional("labels", Shape::StringMap),
    ],
    &[],
);

/// `cluster "NAME" { … }`; `lifecycle`, `timeouts` and other meta-arguments are the language's.
pub static CLUSTER: BlockSchema = block(
    "cluster",
    &["name"],
    &[
        optional("name", Shape::String),
        required("cloud_account", Shape::Reference("cloud_account")),
        required("profile", Shape::Reference("cluster_profile")),
        required("region", Shape::String),
        required("resource_group", Shape::String),
        required("ssh_key", Shape::String),
        optional("update_pools", Shape::String),
        optional("tags", Shape::StringMap),
    ],
    &[
        exactly_once(&NETWORK),
        once(&API_SERVER),
        once(&IDENTITY),
        once(&PROXY),
        exactly_once(&CONTROL_PLANE),
        many(&WORKER_POOL),
        once(&HEALTH_CHECK),
        many(&RBAC_BINDING),
        many(&NAMESPACE),
    ],
);
