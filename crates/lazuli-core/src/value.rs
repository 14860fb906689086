//! Values of the configuration language: known, unknown until apply, sensitive.
//!
//! Cloning is cheap (contents are shared). Equality ignores nothing: two values are equal when type, content,
//! unknown parts and marks are. What expressions do with values (operators, conversions, functions) lives in
//! `lazuli-config`; JSON and the serialised form in [`crate::encoding`].

use std::fmt;
use std::sync::Arc;

use crate::address::Address;
use crate::entries::Entries;
use crate::number::Number;
use crate::path::{Path, PathStep};
use crate::types::{Field, Type};

/// A value with its marks.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    content: Content,
    sensitive: bool,
}

/// What a value holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Null of a type.
    Null(Type),
    /// A truth value.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// Text.
    String(Arc<str>),
    /// Elements of one type, in order.
    List(Type, Arc<Vec<Value>>),
    /// Elements of one type without order or doubles; kept sorted by whoever builds it.
    Set(Type, Arc<Vec<Value>>),
    /// Elements of one type by key.
    Map(Type, Arc<Entries>),
    /// Elements of any types, in order: what `[…]` makes.
    Tuple(Arc<Vec<Value>>),
    /// Elements of any types by name: what `{…}` makes.
    Object(Arc<Entries>),
    /// Not known yet.
    Unknown(Arc<Unknown>),
}

/// A value that will be known later, with what is known about it already.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Unknown {
    /// Its type; [`Type::Any`] when even that is not known.
    pub ty: Type,
    /// True when it will certainly not be null.
    pub not_null: bool,
    /// A string it will start with; empty when nothing is known.
    pub prefix: Arc<str>,
    /// Who will supply it: shown as `(known after cluster.prod.identity.principal)` and, when the value is exactly
    /// that attribute, replaced by it at apply.
    pub source: Option<Source>,
    /// Attributes that are known already: of an object that is still to be made, what the configuration says itself.
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub members: Entries,
}

/// An attribute of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// The resource.
    pub address: Address,
    /// The attribute of its object, such as `properties.principalId`.
    pub path: Path,
    /// True when the unknown value is exactly that attribute, false when it was derived from it.
    pub exact: bool,
}

impl Unknown {
    /// Nothing known but the type.
    pub fn of(ty: Type) -> Self {
        Unknown { ty, not_null: false, prefix: Arc::from(""), source: None, members: Entries::default() }
    }
}

impl Value {
    /// Null without a type.
    pub fn null() -> Self {
        Value::null_of(Type::Any)
    }

    /// Null of a type.
    pub fn null_of(ty: Type) -> Self {
        Value::new(Content::Null(ty))
    }

    /// A value that is not sensitive.
    pub fn new(content: Content) -> Self {
        Value { content, sensitive: false }
    }

    /// Text.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Value::new(Content::String(text.into()))
    }

    /// A whole number.
    pub fn int(int: i64) -> Self {
        Value::new(Content::Number(Number::from(int)))
    }

    /// A tuple of the elements.
    pub fn tuple(elements: impl IntoIterator<Item = Value>) -> Self {
        Value::new(Content::Tuple(Arc::new(elements.into_iter().collect())))
    }

    /// An object of the pairs; a later pair of the same name wins.
    pub fn object<K: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (K, Value)>) -> Self {
        Value::new(Content::Object(Arc::new(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())))
    }

    /// A map of the pairs, of any element type.
    pub fn map<K: Into<Arc<str>>>(element: Type, pairs: impl IntoIterator<Item = (K, Value)>) -> Self {
        Value::new(Content::Map(element, Arc::new(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())))
    }

    /// Not known yet.
    pub fn unknown(unknown: Unknown) -> Self {
        Value::new(Content::Unknown(Arc::new(unknown)))
    }

    /// Not known yet, of a type.
    pub fn unknown_of(ty: Type) -> Self {
        Value::unknown(Unknown::of(ty))
    }

    /// The attribute `path` of the resource `address`, not known yet.
    pub fn unknown_from(address: Address, path: Path, ty: Type) -> Self {
        let source = Some(Source { address, path, exact: true });
        Value::unknown(Unknown { source, ..Unknown::of(ty) })
    }

    /// What it holds.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// True when this value itself is marked sensitive (elements may be without it being).
    pub fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// The value marked sensitive.
    #[must_use]
    pub fn sensitive(self) -> Self {
        Value { sensitive: true, ..self }
    }

    /// The value with the mark set as said.
    #[must_use]
    pub fn with_sensitivity(self, sensitive: bool) -> Self {
        Value { sensitive, ..self }
    }

    /// The value, marked sensitive too when `other` is.
    #[must_use]
    pub fn marked_as(self, other: &Value) -> Self {
        let sensitive = self.sensitive || other.sensitive;
        Value { sensitive, ..self }
    }

    /// True for a null.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Null(_))
    }

    /// True when the value itself is unknown.
    pub fn is_unknown(&self) -> bool {
        matches!(self.content, Content::Unknown(_))
    }

    /// True when nothing in the value is unknown.
    pub fn is_wholly_known(&self) -> bool {
        self.unknown_part().is_none()
    }

    /// The first unknown part, depth first.
    pub fn unknown_part(&self) -> Option<&Unknown> {
        match &self.content {
            Content::Unknown(unknown) => Some(unknown),
            _ => self.children().find_map(Value::unknown_part),
        }
    }

    /// True when the value or any part of it is sensitive.
    pub fn contains_sensitive(&self) -> bool {
        self.sensitive || self.children().any(Value::contains_sensitive)
    }

    /// The elements of a collection or structure, in order; none for anything else.
    pub fn children(&self) -> impl Iterator<Item = &Value> {
        let (items, entries) = match &self.content {
            Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => (&items[..], &[][..]),
            Content::Map(_, entries) | Content::Object(entries) => (&[][..], entries.pairs()),
            _ => (&[][..], &[][..]),
        };
        items.iter().chain(entries.iter().map(|(_, value)| value))
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.content {
            Content::String(text) => Some(text),
            _ => None,
        }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.content {
            Content::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// A number.
    pub fn as_number(&self) -> Option<&Number> {
        match &self.content {
            Content::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The elements of a list, set or tuple.
    pub fn as_sequence(&self) -> Option<&[Value]> {
        match &self.content {
            Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map or object.
    pub fn as_entries(&self) -> Option<&Entries> {
        match &self.content {
            Content::Map(_, entries) | Content::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entry of a map or object.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_entries().and_then(|entries| entries.get(name))
    }

    /// What lies at a path; `None` when it leads nowhere (an unknown on the way is returned as it is).
    pub fn at(&self, path: &Path) -> Option<&Value> {
        let mut here = self;
        for step in path.steps() {
            if let (Content::Unknown(unknown), PathStep::Name(name)) = (&here.content, step)
                && let Some(member) = unknown.members.get(name)
            {
                here = member;
                continue;
            }
            if here.is_unknown() {
                return Some(here);
            }
            here = match step {
                PathStep::Name(name) => here.get(name)?,
                PathStep::Index(index) => here.as_sequence()?.get(*index)?,
                PathStep::Key(key) => {
                    here.as_sequence()?.iter().find(|e| e.get("name").and_then(Value::as_str) == Some(key))?
                }
            };
        }
        Some(here)
    }

    /// The type; of a tuple or object in full.
    pub fn type_of(&self) -> Type {
        match &self.content {
            Content::Null(ty) => ty.clone(),
            Content::Bool(_) => Type::Bool,
            Content::Number(_) => Type::Number,
            Content::String(_) => Type::String,
            Content::List(element, _) => Type::List(Arc::new(element.clone())),
            Content::Set(element, _) => Type::Set(Arc::new(element.clone())),
            Content::Map(element, _) => Type::Map(Arc::new(element.clone())),
            Content::Tuple(items) => Type::Tuple(Arc::new(items.iter().map(Value::type_of).collect())),
            Content::Object(entries) => Type::Object(Arc::new(
                entries.iter().map(|(name, v)| (name.clone(), Field::required(v.type_of()))).collect(),
            )),
            Content::Unknown(unknown) => unknown.ty.clone(),
        }
    }

    /// The same structure with every unknown part replaced by what `resolve` gives for it (`None` leaves it).
    #[must_use]
    pub fn map_unknown(&self, resolve: &mut dyn FnMut(&Unknown) -> Option<Value>) -> Value {
        if self.is_wholly_known() {
            return self.clone();
        }
        let items = |items: &Arc<Vec<Value>>, resolve: &mut dyn FnMut(&Unknown) -> Option<Value>| {
            Arc::new(items.iter().map(|item| item.map_unknown(resolve)).collect::<Vec<_>>())
        };
        let entries = |entries: &Arc<Entries>, resolve: &mut dyn FnMut(&Unknown) -> Option<Value>| {
            Arc::new(entries.iter().map(|(k, v)| (k.clone(), v.map_unknown(resolve))).collect::<Entries>())
        };
        let content = match &self.content {
            Content::Unknown(unknown) => match resolve(unknown) {
                Some(value) => return value.marked_as(self),
                None => self.content.clone(),
            },
            Content::List(ty, i) => Content::List(ty.clone(), items(i, resolve)),
            Content::Set(ty, i) => Content::Set(ty.clone(), items(i, resolve)),
            Content::Tuple(i) => Content::Tuple(items(i, resolve)),
            Content::Map(ty, e) => Content::Map(ty.clone(), entries(e, resolve)),
            Content::Object(e) => Content::Object(entries(e, resolve)),
            known => known.clone(),
        };
        Value { content, sensitive: self.sensitive }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::new(Content::Bool(truth))
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Value::new(Content::Number(number))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::string(text)
    }
}

impl fmt::Debug for Value {
    /// Never prints what is sensitive.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sensitive {
            return f.write_str("(sensitive value)");
        }
        match &self.content {
            Content::Null(_) => f.write_str("null"),
            Content::Bool(truth) => write!(f, "{truth}"),
            Content::Number(number) => write!(f, "{number}"),
            Content::String(text) => write!(f, "{text:?}"),
            Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
                f.debug_list().entries(items.iter()).finish()
            }
            Content::Map(_, entries) | Content::Object(entries) => {
                f.debug_map().entries(entries.iter()).finish()
            }
            Content::Unknown(unknown) => match &unknown.source {
                Some(source) => write!(f, "(known after {})", source.address),
                None => f.write_str("(known after apply)"),
            },
        }
    }
}
