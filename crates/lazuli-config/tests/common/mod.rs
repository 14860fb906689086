//! What the tests share: a configuration from text, and diagnostics as short text.
#![allow(dead_code, unreachable_pub, missing_docs)] // each test file uses its part

pub mod answers;
pub mod random;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use lazuli_config::{
    DeclarationKind, Evaluator, Externals, Files, Module, Root, Unavailable, VariableInput, parse,
    parse_expression,
};
use lazuli_core::{Address, Diagnostics, Path, Sources, Type, Value};

/// Diagnostics as `file:line:column code message | label`, one line each, secondary places and help below.
pub fn show(sources: &Sources, diagnostics: &Diagnostics) -> String {
    let mut text = String::new();
    let place = |span| sources.location(span).map_or_else(|| "?".to_owned(), |l| l.to_string());
    for d in diagnostics {
        let at = d.primary.as_ref();
        let label = at.map_or("", |l| &l.text);
        let underlined = at.map_or("", |l| sources.text(l.span));
        let _ = writeln!(
            text,
            "{} {} {} | `{underlined}` {label}",
            at.map_or_else(|| "-".into(), |l| place(l.span)),
            d.code,
            d.message
        );
        for other in &d.secondary {
            let _ = writeln!(text, "    {} {}", place(other.span), other.text);
        }
        for note in &d.notes {
            let _ = writeln!(text, "    note: {note}");
        }
        if let Some(help) = &d.help {
            let _ = writeln!(text, "    help: {help}");
        }
    }
    text
}

/// Objects by address text, such as `resource.logs`.
#[derive(Default)]
pub struct Objects(pub BTreeMap<String, Value>);

impl Externals for Objects {
    fn value(&self, root: &Root) -> Result<Value, Unavailable> {
        self.0.get(&root.to_string()).cloned().ok_or(Unavailable::Reported)
    }
}

/// Files by path.
#[derive(Default)]
pub struct Texts(pub BTreeMap<&'static str, &'static str>);

impl Files for Texts {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        self.0.get(path).map(|t| Arc::from(t.as_bytes())).ok_or_else(|| "no such file".to_owned())
    }
}

/// Parses one file.
pub fn module(text: &str) -> (Module, Sources, Diagnostics) {
    let mut sources = Sources::default();
    let (module, diagnostics) = parse(&mut sources, vec![("main.hcl".into(), text.to_owned())]);
    (module, sources, diagnostics)
}

/// What is wrong with a file, before anything is evaluated.
pub fn mistakes(text: &str) -> String {
    let (_, sources, diagnostics) = module(text);
    show(&sources, &diagnostics)
}

/// An unknown string, not null, that the resource `u` will supply.
pub fn unknown_id() -> Value {
    let address: Address = "resource.u".parse().unwrap();
    Value::unknown_from(address, "properties.id".parse::<Path>().unwrap(), Type::String)
}

/// A world in which expressions are tried: unknown and sensitive values by short names.
pub const WORLD: &str = r#"
variable "secret" {
  type      = string
  default   = "hunter2"
  sensitive = true
}
resource "u" {
}
locals {
  u    = resource.u.properties.id   # unknown string, not null
  any  = resource.u.properties.any  # unknown of any type
  list = resource.u.properties.list # unknown list of strings
  s    = var.secret
  m    = tomap({ a = "1", b = "2" })
  l    = tolist(["x", "y"])
}
"#;

/// The objects of [`WORLD`].
pub fn world_objects() -> Objects {
    let address: Address = "resource.u".parse().unwrap();
    let unknown = |path: &str, ty: Type, not_null: bool| {
        let value = Value::unknown_from(address.clone(), path.parse::<Path>().unwrap(), ty);
        match value.content() {
            lazuli_core::value::Content::Unknown(u) => {
                Value::unknown(lazuli_core::Unknown { not_null, ..(**u).clone() })
            }
            _ => value,
        }
    };
    let properties = Value::object([
        ("id", unknown("properties.id", Type::String, true)),
        ("any", unknown("properties.any", Type::Any, false)),
        ("list", unknown("properties.list", Type::List(Arc::new(Type::String)), true)),
    ]);
    let object = Value::object([("id", Value::from("/subscriptions/x/u")), ("properties", properties)]);
    Objects(BTreeMap::from([("resource.u".to_owned(), object)]))
}

/// A value with its type and what is unknown or sensitive about it.
pub fn spell(value: &Value) -> String {
    use lazuli_core::value::Content;
    let plain = match value.content() {
        Content::Unknown(u) => {
            let mut text = format!("unknown {}", u.ty);
            if u.not_null {
                text.push_str(" !null");
            }
            if !u.prefix.is_empty() {
                let _ = write!(text, " {:?}…", u.prefix);
            }
            if let Some(source) = &u.source {
                let _ = write!(
                    text,
                    " from {}{}.{}",
                    if source.exact { "" } else { "~" },
                    source.address,
                    source.path
                );
            }
            text
        }
        Content::Null(ty) => format!("null {ty}"),
        Content::Bool(_) | Content::Number(_) | Content::String(_) => {
            format!("{:?}", value.clone().with_sensitivity(false))
        }
        Content::List(ty, _) | Content::Set(ty, _) => {
            let word = if matches!(value.content(), Content::List(..)) { "list" } else { "set" };
            format!("{word}({ty}) [{}]", value.children().map(spell).collect::<Vec<_>>().join(", "))
        }
        Content::Tuple(items) => format!("[{}]", items.iter().map(spell).collect::<Vec<_>>().join(", ")),
        Content::Map(_, entries) | Content::Object(entries) => {
            let word =
                if let Content::Map(ty, _) = value.content() { format!("map({ty}) ") } else { String::new() };
            let entries = entries.iter().map(|(k, v)| format!("{k} = {}", spell(v)));
            format!("{word}{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    };
    if value.is_sensitive() { format!("sensitive({plain})") } else { plain }
}

/// Evaluates expressions, one per line, in [`WORLD`]; each with its value or its mistakes.
pub fn table(expressions: &str) -> String {
    let (module, mut sources, diagnostics) = module(WORLD);
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let files = Texts(BTreeMap::from([("key.pub", "ssh-ed25519 AAAA\n")]));
    let (evaluator, diagnostics) = Evaluator::new(Arc::new(module), &[], Arc::new(files));
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let objects = world_objects();
    let mut text = String::new();
    for line in expressions.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let line = line.replace("\\n", "\n");
        let outcome = parse_expression(&mut sources, "e", &line)
            .and_then(|expr| evaluator.expression(&expr, &objects, None));
        let spelled = match outcome {
            Ok(value) => spell(&value),
            Err(found) => format!("error {}", show(&sources, &found).trim_end()),
        };
        let _ = writeln!(text, "{line}  =>  {spelled}");
    }
    text
}

/// A module with its evaluator; fails when anything is wrong.
pub fn evaluator(text: &str, inputs: &[VariableInput]) -> (Evaluator, Sources) {
    let (module, sources, diagnostics) = module(text);
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let (evaluator, diagnostics) = Evaluator::new(Arc::new(module), inputs, Arc::new(Texts::default()));
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    (evaluator, sources)
}

/// The declaration of that kind and name.
pub fn declared<'m>(module: &'m Module, kind: DeclarationKind, name: &str) -> &'m lazuli_config::Declaration {
    module.declarations(kind).get(name).unwrap()
}

/// Parses a root module and what it calls. Files are given as `main.hcl` or `net/main.hcl`.
pub fn modules(files: &[(&str, &str)]) -> (lazuli_config::Modules, Sources, Diagnostics) {
    let mut sources = Sources::default();
    let of = |directory: &str| -> Vec<(Arc<str>, String)> {
        let mine = files.iter().filter(|(name, _)| name.rsplit_once('/').map_or("", |(d, _)| d) == directory);
        mine.map(|(name, text)| (Arc::from(*name), (*text).to_owned())).collect()
    };
    let mut read = |directory: &str| match of(directory) {
        files if files.is_empty() => Err("there is no such directory".to_owned()),
        files => Ok(files),
    };
    let (modules, diagnostics) = lazuli_config::load(&mut sources, of(""), &mut read, &lazuli_config::alone);
    (modules, sources, diagnostics)
}

/// The root of a configuration of several modules; fails when anything is wrong.
pub fn configuration(files: &[(&str, &str)], inputs: &[VariableInput]) -> (Evaluator, Sources) {
    let (modules, sources, diagnostics) = modules(files);
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let (evaluator, diagnostics) = Evaluator::new(modules, inputs, Arc::new(Texts::default()));
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    (evaluator, sources)
}

/// What is wrong with a configuration of several modules, evaluated as far as nothing is read from outside.
pub fn wrong(files: &[(&str, &str)]) -> String {
    let (modules, sources, mut diagnostics) = modules(files);
    let (evaluator, found) = Evaluator::new(modules, &[], Arc::new(Texts::default()));
    diagnostics.extend(found);
    for output in &evaluator.module().outputs {
        if let Err(found) = evaluator.output(output, &lazuli_config::NoExternals) {
            lazuli_config::merge(&mut diagnostics, found);
        }
    }
    show(&sources, &diagnostics)
}
