//! A configuration of JSON bodies. `${address#path}` refers to an attribute, `${!text}` is a secret, `${?}` is never
//! known before the apply; an id may have references among other text.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lazuli_core::configuration::{Configuration, Known, Output};
use lazuli_core::encoding::from_json;
use lazuli_core::resource::{
    Bond, Declaration, Dependency, Desired, Lifecycle, Mode, ProviderName, ResourceId, ResourceType, Rollout,
    Timeouts,
};
use lazuli_core::value::{Source, Unknown};
use lazuli_core::{Address, Diagnostic, Diagnostics, FileId, Json, Span, Type, Value};

pub const ROOT: &str = "/subscriptions/s/resourceGroups/rg/providers/";

#[derive(Clone)]
pub struct Block {
    pub declaration: Declaration,
    pub ty: String,
    pub id: String,
    pub body: Json,
    pub succeeds: Option<String>,
}

/// A managed resource: `block("a.b", "Test/things/b", json!({…}))`; the id is the type with the name at its end.
pub fn block(address: &str, path: &str, body: Json) -> Block {
    let parts: Vec<&str> = path.split('/').collect();
    let mut ty = vec![parts[0]];
    let mut id = parts[0].to_owned();
    for pair in parts[1..].chunks(2) {
        ty.push(pair[0]);
        id = format!("{id}/{}/{}", pair[0], pair[1]);
    }
    let mut block = Block {
        declaration: Declaration {
            address: address.parse().unwrap(),
            mode: Mode::Managed,
            dependencies: Vec::new(),
            origin: None,
            lifecycle: Lifecycle::default(),
            timeouts: Timeouts::default(),
            rollout: None,
        },
        ty: ty.join("/"),
        id: format!("{ROOT}{id}"),
        body,
        succeeds: None,
    };
    let mut found = Vec::new();
    references(&Json::String(block.id.clone()), "name", &mut found);
    references(&block.body.clone(), "", &mut found);
    for (on, because) in found {
        block = block.needs(&on, &because, Bond::Reference);
    }
    block
}

/// Something that is only read.
pub fn data(address: &str, path: &str) -> Block {
    let mut block = block(address, path, Json::Object(serde_json::Map::new()));
    block.declaration.mode = Mode::Data;
    block
}

impl Block {
    pub fn needs(mut self, on: &str, because: &str, bond: Bond) -> Self {
        let on: Address = on.parse().unwrap();
        let start = self.declaration.dependencies.len() * 10;
        self.declaration.dependencies.push(Dependency {
            on,
            because: because.into(),
            span: Some(Span::new(FileId(0), start, start + 5)),
            bond,
        });
        self
    }

    pub fn depends_on(self, on: &str) -> Self {
        self.needs(on, "depends_on", Bond::Reference)
    }

    pub fn after(self, on: &str) -> Self {
        self.needs(on, "comes later", Bond::Sequence)
    }

    pub fn create_first(mut self) -> Self {
        self.declaration.lifecycle.create_before_destroy = true;
        self
    }

    pub fn protected(mut self) -> Self {
        self.declaration.lifecycle.prevent_destroy = true;
        self
    }

    pub fn ignoring(mut self, path: &str) -> Self {
        self.declaration.lifecycle.ignore.push(path.parse().unwrap());
        self
    }

    pub fn succeeding(mut self, why: &str) -> Self {
        self.succeeds = Some(why.into());
        self
    }

    pub fn rolling(mut self, pool: &str, node: &str, window: usize) -> Self {
        self.declaration.rollout = Some(Rollout {
            pool: pool.parse().unwrap(),
            node: node.parse().unwrap(),
            window,
            after: Vec::new(),
        });
        self
    }
}

/// `${address#path}` → address and path.
fn reference(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("${")?.strip_suffix('}')?.split_once('#')
}

fn references(body: &Json, path: &str, found: &mut Vec<(String, String)>) {
    match body {
        Json::String(text) => {
            for part in text.split("${").skip(1) {
                if let Some((address, _)) = part.split_once('}').and_then(|(inner, _)| inner.split_once('#'))
                {
                    found.push((address.into(), path.into()));
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| references(item, path, found)),
        Json::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                references(member, &path, found);
            }
        }
        _ => {}
    }
}

#[derive(Default)]
pub struct Config {
    pub blocks: Vec<Block>,
    declarations: Vec<Declaration>,
    outputs: Vec<(String, String)>,
    pub evaluations: AtomicUsize,
}

impl Clone for Config {
    fn clone(&self) -> Self {
        Config { outputs: self.outputs.clone(), ..Config::new(self.blocks.clone()) }
    }
}

impl Config {
    pub fn new(blocks: impl IntoIterator<Item = Block>) -> Self {
        let blocks: Vec<Block> = blocks.into_iter().collect();
        let declarations = blocks.iter().map(|b| b.declaration.clone()).collect();
        Config { blocks, declarations, ..Config::default() }
    }

    pub fn output(mut self, name: &str, expression: &str) -> Self {
        self.outputs.push((name.into(), expression.into()));
        self
    }

    fn value(&self, body: &Json, known: &dyn Known) -> Result<Value, Diagnostics> {
        Ok(match body {
            Json::String(text) => self.text(text, known)?,
            Json::Array(items) => {
                Value::tuple(items.iter().map(|i| self.value(i, known)).collect::<Result<Vec<_>, _>>()?)
            }
            Json::Object(members) => {
                let members = members.iter().map(|(k, v)| Ok((k.as_str(), self.value(v, known)?)));
                let members = members.collect::<Result<Vec<_>, Diagnostics>>()?;
                if body.get("${map}").is_some() {
                    return Ok(Value::map(Type::String, members.into_iter().filter(|(k, _)| *k != "${map}")));
                }
                Value::object(members)
            }
            plain => from_json(plain),
        })
    }

    fn text(&self, text: &str, known: &dyn Known) -> Result<Value, Diagnostics> {
        if text == "${?}" {
            return Ok(Value::unknown_of(Type::String));
        }
        if let Some(secret) = text.strip_prefix("${!") {
            return Ok(Value::string(secret.trim_end_matches('}')).sensitive());
        }
        if let Some((address, path)) = reference(text).filter(|(address, _)| !address.contains("${")) {
            return self.attribute(address, path, known);
        }
        let mut whole = String::new();
        let mut parts = text.split("${");
        whole.push_str(parts.next().unwrap_or(""));
        for part in parts {
            let (inner, rest) = part.split_once('}').unwrap();
            let (address, path) = inner.split_once('#').unwrap();
            let value = self.attribute(address, path, known)?;
            let Some(text) = value.as_str() else {
                let source = value.unknown_part().and_then(|u| u.source.clone());
                let source = source.map(|s| Source { exact: false, ..s });
                return Ok(Value::unknown(Unknown { source, ..Unknown::of(Type::String) }));
            };
            whole.push_str(text);
            whole.push_str(rest);
        }
        Ok(Value::string(whole))
    }

    fn attribute(&self, address: &str, path: &str, known: &dyn Known) -> Result<Value, Diagnostics> {
        let address: Address = address.parse().unwrap();
        let path: lazuli_core::Path = path.parse().unwrap();
        let Some(object) = known.object(&address) else {
            if self.declarations.iter().any(|d| d.address == address) {
                return Ok(Value::unknown_from(address, path, Type::Any)); // it failed, and said why
            }
            return Err(vec![Diagnostic::error("LZ0999", format!("{address} is not declared"))]);
        };
        Ok(match object.value.at(&path) {
            Some(value) => value.clone(),
            None if object.complete => Value::null(),
            None => Value::unknown_from(address, path, Type::Any),
        })
    }
}

impl Configuration for Config {
    fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    fn evaluate(&self, index: usize, known: &dyn Known) -> Result<Desired, Diagnostics> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        let block = &self.blocks[index];
        Ok(Desired {
            provider: ProviderName::Azure,
            account: "main".into(),
            ty: ResourceType::new(&block.ty, "2025-01-01"),
            id: self.text(&block.id, known)?.as_str().map(ResourceId::new),
            body: self.value(&block.body, known)?,
            slot: None,
            succeeds: block.succeeds.clone(),
        })
    }

    fn outputs(&self, known: &dyn Known) -> Result<Vec<Output>, Diagnostics> {
        let output = |(name, expression): &(String, String)| {
            let value = self.text(expression, known)?;
            Ok(Output { name: name.as_str().into(), sensitive: value.contains_sensitive(), value })
        };
        self.outputs.iter().map(output).collect()
    }

    fn reads_of_outputs(&self) -> Vec<(Arc<str>, Vec<Address>)> {
        let reads = |(name, expression): &(String, String)| {
            let mut found = Vec::new();
            references(&Json::String(expression.clone()), "", &mut found);
            (name.as_str().into(), found.iter().map(|(on, _)| on.parse().unwrap()).collect())
        };
        self.outputs.iter().map(reads).collect()
    }
}
