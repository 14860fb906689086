//! Which blocks and attributes `cluster` and `cluster_profile` have: static tables, in the order people are told them.

mod cluster;
mod profile;

use lazuli_core::block::{AttributeSchema, BlockSchema, NestedBlock, Occurs, Shape};

pub use cluster::CLUSTER;
pub use profile::PROFILE;

const fn required(name: &'static str, shape: Shape) -> AttributeSchema {
    AttributeSchema { name, shape, required: true }
}

const fn optional(name: &'static str, shape: Shape) -> AttributeSchema {
    AttributeSchema { name, shape, required: false }
}

const fn once(schema: &'static BlockSchema) -> NestedBlock {
    NestedBlock { schema, occurs: Occurs::Optional }
}

const fn exactly_once(schema: &'static BlockSchema) -> NestedBlock {
    NestedBlock { schema, occurs: Occurs::Required }
}

const fn many(schema: &'static BlockSchema) -> NestedBlock {
    NestedBlock { schema, occurs: Occurs::Many }
}

const fn block(
    name: &'static str,
    labels: &'static [&'static str],
    attributes: &'static [AttributeSchema],
    blocks: &'static [NestedBlock],
) -> BlockSchema {
    BlockSchema { name, labels, attributes, blocks }
}
