//! Blocks for tests, written as configuration: one attribute or brace per line, values as JSON, or `unknown`, or
//! `sensitive(…)`. What is written must obey the schema, as it does when it comes from a file.

use std::sync::Arc;

use lazuli_core::block::{Attribute, Block, BlockSchema, Label, Shape};
use lazuli_core::encoding::{from_json, to_json};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Lifecycle, Mode, Timeouts};
use lazuli_core::value::Content;
use lazuli_core::{Address, Diagnostic, FileId, Json, Sources, Span, Type, Value};

use crate::decode::{self, Context};
use crate::expand::{Expansion, Features, expand};
use crate::names::Account;
use crate::roster::{Records, Renewals};
use crate::schema;
use crate::spec::{Cluster, Profile};

pub(crate) const PROFILE: &str = r#"cluster_profile "base" {
  kubernetes {
    version = "1.34.2"
  }
}
"#;

pub(crate) const CLUSTER: &str = r#"cluster "prod" {
  cloud_account = "main"
  profile = "base"
  region = "eastus2"
  resource_group = "rg-platform"
  ssh_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKey team"
  tags = {"team": "platform"}
  network {
    cidr = "10.40.0.0/16"
    control_plane_subnet {
      cidr = "10.40.0.0/24"
    }
    worker_subnet {
      cidr = "10.40.16.0/20"
    }
  }
  control_plane {
    instance_type = "Standard_D4s_v5"
  }
  worker_pool "general" {
    count = 3
    instance_type = "Standard_D8s_v5"
  }
}
"#;

/// The network of [`CLUSTER`], to be taken out for another one.
pub(crate) const OWN_NETWORK: &str = r#"  network {
    cidr = "10.40.0.0/16"
    control_plane_subnet {
      cidr = "10.40.0.0/24"
    }
    worker_subnet {
      cidr = "10.40.16.0/20"
    }
  }
"#;

/// A network of another resource group.
pub(crate) const EXISTING_NETWORK: &str = r#"  network {
    existing {
      resource_group = "rg-net"
      virtual_network = "vnet-hub"
      control_plane_subnet = "snet-cp"
      worker_subnet = "snet-workers"
    }
  }
"#;

/// A text with one place changed.
pub(crate) fn edited(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` stands once in the text");
    text.replace(from, to)
}

/// What came of a cluster and its profile: the cluster with warnings, or everything that is wrong, in words.
pub(crate) struct Decoded {
    pub(crate) cluster: Result<Cluster, String>,
    pub(crate) warnings: String,
}

pub(crate) fn decode(profile: &str, cluster: &str) -> Decoded {
    let address = Address::root("cluster", "prod");
    decode_at(profile, cluster, address, Lifecycle::default())
}

pub(crate) fn decode_at(profile: &str, cluster: &str, address: Address, lifecycle: Lifecycle) -> Decoded {
    let mut sources = Sources::default();
    let files = [sources.add("profile", profile), sources.add("cluster", cluster)];
    let context = Context { address, lifecycle, timeouts: Timeouts::default() };
    let outcome = (|| -> Result<(Cluster, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (profile, mut warnings): (Profile, _) =
            decode::profile(&read(profile, files[0], &schema::PROFILE))?;
        let (cluster, more) =
            decode::cluster(&read(cluster, files[1], &schema::CLUSTER), Some(profile), context)?;
        warnings.extend(more);
        Ok((cluster, warnings))
    })();
    match outcome {
        Ok((cluster, warnings)) => Decoded { cluster: Ok(cluster), warnings: tell(&sources, &warnings) },
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal says why");
            Decoded { cluster: Err(tell(&sources, &problems)), warnings: String::new() }
        }
    }
}

pub(crate) fn cluster(text: &str) -> Cluster {
    decode(PROFILE, text).cluster.unwrap_or_else(|problems| panic!("{problems}"))
}

pub(crate) fn account() -> Account {
    Account {
        subscription_id: "11111111-2222-3333-4444-555555555555".into(),
        tenant_id: "99999999-8888-7777-6666-555555555555".into(),
        dns_suffix: "cloudapp.azure.com".into(),
    }
}

/// A state in which nothing is yet.
pub(crate) fn nothing() -> RecordedWorld {
    RecordedWorld { lineage: "7d0f6f1e-lineage".into(), ..RecordedWorld::default() }
}

pub(crate) fn expanded(cluster: &Cluster, world: &RecordedWorld, renewals: &Renewals) -> Expansion {
    expand(cluster, &account(), Records { world, renewals }, Features::default())
}

/// With everything inside the cluster.
pub(crate) fn expanded_inside(cluster: &Cluster, world: &RecordedWorld, renewals: &Renewals) -> Expansion {
    expand(cluster, &account(), Records { world, renewals }, Features { kubernetes: true })
}

/// The record after everything of an expansion was made.
pub(crate) fn applied(world: &RecordedWorld, expansion: &Expansion) -> RecordedWorld {
    let mut world = world.clone();
    world.resources.clear();
    for part in expansion.parts.iter().filter(|part| part.declaration.mode == Mode::Managed) {
        let desired = &part.desired;
        let inputs = to_json(&desired.body.map_unknown(&mut |_| Some(Value::null()))).unwrap();
        let recorded = Recorded {
            address: part.declaration.address.clone(),
            mode: Mode::Managed,
            provider: desired.provider,
            account: desired.account.clone(),
            ty: desired.ty.clone(),
            id: desired.id.clone().unwrap(),
            observed: inputs.clone(),
            inputs,
            dependencies: Vec::new(),
            sensitive: Vec::new(),
            write_only: Default::default(),
            prevent_destroy: false,
            slot: desired.slot.clone(),
            pending: None,
            created_at: String::new(),
            updated_at: String::new(),
        };
        if let Some(slot) = &desired.slot {
            world.roster.insert(slot.address.clone(), slot.clone());
        }
        world.resources.insert(recorded.address.clone(), recorded);
    }
    world
}

/// Diagnostics in words: code and message, then every place with what is said there, the text it means in `‹›`.
pub(crate) fn tell(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text += &format!("{} {}\n", diagnostic.code, diagnostic.message);
        for label in diagnostic.primary.iter().chain(&diagnostic.secondary) {
            let file = &sources.file(label.span.file).unwrap().text;
            let (start, end) = (label.span.start as usize, label.span.end as usize);
            let line_start = file[..start].rfind('\n').map_or(0, |i| i + 1);
            let line_end = file[end..].find('\n').map_or(file.len(), |i| end + i);
            let (before, after) = (file[line_start..start].trim_start(), &file[end..line_end]);
            text += &format!("  {before}‹{}›{after}  {}\n", &file[start..end], label.text);
        }
        if let Some(help) = &diagnostic.help {
            text += &format!("  help: {help}\n");
        }
    }
    text
}

/// Reads the one block of a text.
fn read(text: &str, file: FileId, schema: &'static BlockSchema) -> Block {
    let mut lines = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset + line.len() - line.trim_start().len();
        if !line.trim().is_empty() {
            lines.push((start, line.trim()));
        }
        offset += line.len();
    }
    let mut lines = lines.into_iter();
    let (start, header) = lines.next().unwrap();
    let block = read_block(header, start, &mut lines, file, schema);
    assert!(lines.next().is_none(), "one block");
    block
}

fn read_block<'a>(
    header: &str,
    start: usize,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
    file: FileId,
    schema: &'static BlockSchema,
) -> Block {
    let header = header.strip_suffix('{').unwrap().trim_end();
    let mut labels = Vec::new();
    for (at, part) in
        header.match_indices('"').collect::<Vec<_>>().chunks(2).map(|p| (p[0].0, &header[p[0].0 + 1..p[1].0]))
    {
        let span = Span::new(file, start + at, start + at + part.len() + 2);
        labels.push(Label { text: part.into(), span });
    }
    assert_eq!(labels.len(), schema.labels.len(), "labels of {header}");
    let mut block = Block {
        name: schema.name.into(),
        labels,
        span: Span::new(file, start, start + header.len()),
        attributes: Vec::new(),
        blocks: Vec::new(),
    };
    while let Some((start, line)) = lines.next() {
        if line == "}" {
            return block;
        }
        if line.ends_with('{') {
            let name = line.split_whitespace().next().unwrap();
            let nested = schema.block(name).unwrap_or_else(|| panic!("no block {name} in {}", schema.name));
            block.blocks.push(read_block(line, start, lines, file, nested.schema));
            continue;
        }
        let (name, value) = line.split_once(" = ").unwrap();
        let wanted = schema.attribute(name).unwrap_or_else(|| panic!("no {name} in {}", schema.name));
        let value_start = start + line.len() - value.len();
        block.attributes.push(Attribute {
            name: name.into(),
            name_span: Span::new(file, start, start + name.len()),
            value: shaped(read_value(value, wanted.shape), wanted.shape),
            span: Span::new(file, value_start, value_start + value.len()),
        });
    }
    panic!("{} is not closed", schema.name)
}

fn read_value(text: &str, shape: Shape) -> Value {
    if text == "unknown" {
        return Value::unknown_of(match shape {
            Shape::String | Shape::Reference(_) => Type::String,
            Shape::Number => Type::Number,
            Shape::Bool => Type::Bool,
            Shape::Strings => Type::List(Arc::new(Type::String)),
            Shape::StringMap => Type::Map(Arc::new(Type::String)),
            Shape::Any => Type::Any,
        });
    }
    if let Some(inner) = text.strip_prefix("sensitive(").and_then(|t| t.strip_suffix(')')) {
        return read_value(inner, shape).sensitive();
    }
    let json: Json = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    from_json(&json)
}

/// The value in the shape of the schema; the element `"unknown"` of a list is one.
fn shaped(value: Value, shape: Shape) -> Value {
    let element = |v: &Value| match v.as_str() {
        Some("unknown") => Value::unknown_of(Type::String),
        _ => v.clone(),
    };
    let content = match (shape, value.content()) {
        (Shape::Strings, Content::Tuple(items)) => {
            Content::List(Type::String, Arc::new(items.iter().map(element).collect()))
        }
        (Shape::StringMap, Content::Object(entries)) => Content::Map(Type::String, entries.clone()),
        _ => return value,
    };
    Value::new(content).marked_as(&value)
}
