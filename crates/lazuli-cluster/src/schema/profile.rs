//! `cluster_profile`.

use lazuli_core::block::{BlockSchema, Shape};

use super::{block, exactly_once, many, once, optional, required};

const EXTRA_ARGS: &[lazuli_core::block::AttributeSchema] = &[optional("extra_args", Shape::StringMap)];

static MARKETPLACE: BlockSchema = block(
    "marketplace",
    &[],
    &[
        required("publisher", Shape::String),
        required("offer", Shape::String),
        required("sku", Shape::String),
        required("version", Shape::String),
        optional("plan", Shape::Bool),
    ],
    &[],
);
static OS: BlockSchema = block(
    "os",
    &[],
    &[optional("image", Shape::String), optional("gallery_image_id", Shape::String)],
    &[once(&MARKETPLACE)],
);
static API_SERVER: BlockSchema = block(
    "api_server",
    &[],
    &[optional("extra_args", Shape::StringMap), optional("cert_sans", Shape::Strings)],
    &[],
);
static CONTROLLER_MANAGER: BlockSchema = block("controller_manager", &[], EXTRA_ARGS, &[]);
static SCHEDULER: BlockSchema = block("scheduler", &[], EXTRA_ARGS, &[]);
pub(super) static KUBELET: BlockSchema = block("kubelet", &[], EXTRA_ARGS, &[]);
static KUBERNETES: BlockSchema = block(
    "kubernetes",
    &[],
    &[required("version", Shape::String), optional("feature_gates", Shape::Any)],
    &[once(&API_SERVER), once(&CONTROLLER_MANAGER), once(&SCHEDULER), once(&KUBELET)],
);
static CLOUD_PROVIDER: BlockSchema =
    block("cloud_provider", &[], &[optional("manifests", Shape::Strings)], &[]);
static NETWORK: BlockSchema = block(
    "network",
    &[],
    &[
        optional("cni", Shape::String),
        optional("pod_cidr", Shape::String),
        optional("service_cidr", Shape::String),
        optional("manifests", Shape::Strings),
    ],
    &[],
);
static DEFAULT_CLASS: BlockSchema = block(
    "default_class",
    &[],
    &[optional("sku", Shape::String), optional("zone_redundant", Shape::Bool)],
    &[],
);
static STORAGE: BlockSchema = block(
    "storage",
    &[],
    &[optional("csi", Shape::String), optional("manifests", Shape::Strings)],
    &[once(&DEFAULT_CLASS)],
);
static ADDON: BlockSchema = block(
    "addon",
    &["name"],
    &[
        required("manifests", Shape::Strings),
        optional("namespace", Shape::String),
        optional("values", Shape::Any),
    ],
    &[],
);

/// `cluster_profile "NAME" { … }`
pub static PROFILE: BlockSchema = block(
    "cluster_profile",
    &["name"],
    &[],
    &[
        once(&OS),
        exactly_once(&KUBERNETES),
        once(&CLOUD_PROVIDER),
        once(&NETWORK),
        once(&STORAGE),
        many(&ADDON),
    ],
);
