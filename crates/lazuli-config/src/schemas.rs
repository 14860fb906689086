//! Schemas of the language's own blocks. Those of `cluster` and `cluster_profile` belong to the cluster crate.

use lazuli_core::block::{AttributeSchema, BlockSchema, NestedBlock, Occurs, Shape};

const fn optional(name: &'static str, shape: Shape) -> AttributeSchema {
    AttributeSchema { name, shape, required: false }
}

const fn required(name: &'static str, shape: Shape) -> AttributeSchema {
    AttributeSchema { name, shape, required: true }
}

/// `cloud_account "name"`
pub static CLOUD_ACCOUNT: BlockSchema = BlockSchema {
    name: "cloud_account",
    labels: &["name"],
    attributes: &[
        optional("registered", Shape::String),
        optional("tenant_id", Shape::String),
        optional("subscription_id", Shape::String),
        optional("client_id", Shape::String),
        optional("auth", Shape::String),
        optional("environment", Shape::String),
    ],
    blocks: &[
        NestedBlock { schema: &CUSTOM_ENVIRONMENT, occurs: Occurs::Optional },
        NestedBlock { schema: &SIMULATOR, occurs: Occurs::Optional },
    ],
};

/// `custom` of a cloud account: another ARM server than Azure's own.
pub static CUSTOM_ENVIRONMENT: BlockSchema = BlockSchema {
    name: "custom",
    labels: &[],
    attributes: &[
        required("resource_manager", Shape::String),
        required("authority", Shape::String),
        required("audience", Shape::String),
        optional("ca_file", Shape::String),
    ],
    blocks: &[],
};

/// `simulator` of a cloud account.
pub static SIMULATOR: BlockSchema = BlockSchema {
    name: "simulator",
    labels: &[],
    attributes: &[
        optional("profile", Shape::String),
        optional("seed", Shape::Number),
        optional("seed_world", Shape::String),
    ],
    blocks: &[NestedBlock { schema: &SIMULATED_RESOURCE_GROUP, occurs: Occurs::Many }],
};

/// `resource_group "name"` of a simulator: what exists before.
pub static SIMULATED_RESOURCE_GROUP: BlockSchema = BlockSchema {
    name: "resource_group",
    labels: &["name"],
    attributes: &[required("location", Shape::String), optional("tags", Shape::StringMap)],
    blocks: &[],
};

/// `resource "name"`. Attributes that are not Lazuli's own are ARM's top-level names, passed on as they are.
pub static RESOURCE: BlockSchema = BlockSchema {
    name: "resource",
    labels: &["name"],
    attributes: &[
        required("type", Shape::String),
        optional("cloud_account", Shape::Reference("cloud_account")),
        optional("resource_group", Shape::String),
        optional("parent_id", Shape::String),
        required("name", Shape::String),
        optional("location", Shape::String),
        optional("tags", Shape::StringMap),
        optional("sku", Shape::Any),
        optional("kind", Shape::String),
        optional("properties", Shape::Any),
        optional("zones", Shape::Strings),
        optional("identity", Shape::Any),
        optional("plan", Shape::Any),
        optional("extendedLocation", Shape::Any),
        optional("managedBy", Shape::String),
        optional("managedByExtended", Shape::Strings),
        optional("placement", Shape::Any),
        optional("scale", Shape::Any),
        optional("sensitive_properties", Shape::Any),
        optional("ignore", Shape::Strings),
    ],
    blocks: &[],
};

/// `data "name"`
pub static DATA: BlockSchema = BlockSchema {
    name: "data",
    labels: &["name"],
    attributes: &[
        required("type", Shape::String),
        optional("cloud_account", Shape::Reference("cloud_account")),
        optional("resource_group", Shape::String),
        optional("parent_id", Shape::String),
        required("name", Shape::String),
    ],
    blocks: &[],
};

/// `timeouts` of a resource, data or cluster.
pub static TIMEOUTS: BlockSchema = BlockSchema {
    name: "timeouts",
    labels: &[],
    attributes: &[
        optional("create", Shape::String),
        optional("read", Shape::String),
        optional("update", Shape::String),
        optional("delete", Shape::String),
    ],
    blocks: &[],
};
