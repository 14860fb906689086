//! Evaluated configuration blocks, and the schemas that say which blocks and attributes exist.
//!
//! A schema is a static table owned by the crate that understands the block (`lazuli-config` for the language's own,
//! `lazuli-cluster` for `cluster` and `cluster_profile`). The configuration crate checks names and types against it;
//! what the values mean is checked by the owner.

use std::sync::Arc;

use crate::source::Span;
use crate::value::Value;

/// Which attributes and blocks may stand in a block.
#[derive(Debug)]
pub struct BlockSchema {
    /// `worker_pool`
    pub name: &'static str,
    /// What its labels are called; their number is fixed.
    pub labels: &'static [&'static str],
    /// Its attributes in the order people are told them.
    pub attributes: &'static [AttributeSchema],
    /// The blocks in it.
    pub blocks: &'static [NestedBlock],
}

/// An attribute of a block.
#[derive(Debug)]
pub struct AttributeSchema {
    /// `instance_type`
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it may be left out.
    pub required: bool,
}

/// A block in a block.
#[derive(Debug)]
pub struct NestedBlock {
    /// Its schema.
    pub schema: &'static BlockSchema,
    /// How often it may stand there.
    pub occurs: Occurs,
}

/// How often a nested block may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurs {
    /// At most once.
    Optional,
    /// Exactly once.
    Required,
    /// Any number of times, labels unique.
    Many,
}

/// What an attribute holds. Values are converted to it as Terraform converts (`"3"` is a number where one is wanted).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    String,
    /// A number.
    Number,
    /// A truth value.
    Bool,
    /// A list of text.
    Strings,
    /// A map of text.
    StringMap,
    /// Anything.
    Any,
    /// A reference to a named block of that kind, such as `cloud_account.main`; it evaluates to the block's name.
    Reference(&'static str),
}

impl Shape {
    /// For people: `a string`, `a list of strings`.
    pub fn describe(self) -> String {
        match self {
            Shape::String => "a string".into(),
            Shape::Number => "a number".into(),
            Shape::Bool => "true or false".into(),
            Shape::Strings => "a list of strings".into(),
            Shape::StringMap => "a map of strings".into(),
            Shape::Any => "a value".into(),
            Shape::Reference(kind) => format!("a reference such as {kind}.main"),
        }
    }
}

impl BlockSchema {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeSchema> {
        self.attributes.iter().find(|a| a.name == name)
    }

    /// The nested block of that name.
    pub fn block(&self, name: &str) -> Option<&NestedBlock> {
        self.blocks.iter().find(|b| b.schema.name == name)
    }
}

/// An evaluated block that obeys its schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its name, such as `worker_pool`.
    pub name: Arc<str>,
    /// Its labels.
    pub labels: Vec<Label>,
    /// The header: name and labels.
    pub span: Span,
    /// The attributes that were written and are not null, in the order written.
    pub attributes: Vec<Attribute>,
    /// The blocks in it, in the order written, `dynamic` ones expanded.
    pub blocks: Vec<Block>,
}

/// A label of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The text.
    pub text: Arc<str>,
    /// Where.
    pub span: Span,
}

/// An attribute with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: Arc<str>,
    /// Where the name stands.
    pub name_span: Span,
    /// The value, converted to the schema's shape.
    pub value: Value,
    /// Where the value stands.
    pub span: Span,
}

impl Block {
    /// The attribute of that name, if written and not null.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| &*a.name == name)
    }

    /// The value of an attribute.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.attribute(name).map(|a| &a.value)
    }

    /// The first nested block of that name.
    pub fn block(&self, name: &str) -> Option<&Block> {
        self.blocks.iter().find(|b| &*b.name == name)
    }

    /// All nested blocks of that name.
    pub fn blocks_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |b| &*b.name == name)
    }

    /// The first label.
    pub fn label(&self) -> &str {
        self.labels.first().map_or("", |l| &l.text)
    }

    /// Where an attribute's value stands, or the header when it was not written.
    pub fn span_of(&self, name: &str) -> Span {
        self.attribute(name).map_or(self.span, |a| a.span)
    }
}
