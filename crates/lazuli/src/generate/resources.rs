//! Objects → `resource` blocks. Ids of objects that are written become references.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lazuli_azure::inventory::Found;
use lazuli_core::kind::{Kind, Kinds};
use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Json};

use super::{Labels, Left, body, hcl, import};

/// What is written of objects.
#[derive(Debug, Default)]
pub struct Blocks {
    /// The blocks, each followed by its `import` block.
    pub text: String,
    /// How many objects they take over.
    pub number: usize,
    /// What is left out.
    pub left: Vec<Left>,
}

/// Writes blocks for objects, in the order given.
pub fn blocks(objects: &[Found], account: &str, kinds: &dyn Kinds, labels: &mut Labels) -> Blocks {
    let mut blocks = Blocks::default();
    let written: Vec<(usize, String)> = objects
        .iter()
        .enumerate()
        .map(|(at, found)| (at, labels.take(found.id.name(), kinds.kind(&found.ty).title)))
        .collect();
    let mut links = Links::new(objects, &written);
    let present: Vec<&Kind> = objects.iter().map(|found| kinds.kind(&found.ty)).collect();
    for (at, label) in &written {
        let found = &objects[*at];
        let kind = kinds.kind(&found.ty);
        let children: Vec<&Kind> = present.iter().filter(|k| below(k, kind)).copied().collect();
        let body::Body { members, secrets } = body::configured(kind, &found.body, &children);
        let mut text = String::new();
        for path in &secrets {
            let note = format!(
                "# {path} cannot be read from Azure. If it is set, give it in `sensitive_properties`, from a variable."
            );
            let _ = writeln!(text, "{note}");
        }
        let _ = writeln!(text, "resource {} {{", hcl::quoted(label));
        let _ = writeln!(text, "type = {}", hcl::quoted(&found.ty.to_string()));
        let _ = writeln!(text, "cloud_account = cloud_account.{account}");
        match place(found) {
            Place::Group(group) => drop(writeln!(text, "resource_group = {}", hcl::quoted(group))),
            Place::Parent(parent) => {
                let parent =
                    links.refer(*at, parent.as_str()).unwrap_or_else(|| hcl::quoted(parent.as_str()));
                let _ = writeln!(text, "parent_id = {parent}");
            }
        }
        let _ = writeln!(text, "name = {}", hcl::quoted(found.id.name()));
        for (name, member) in &members {
            let _ = writeln!(text, "{name} = {}", hcl::value(member, &mut |text| links.refer(*at, text)));
        }
        text.push_str("}\n\n");
        if let Ok(address) = format!("resource.{label}").parse::<Address>() {
            blocks.text.push_str(&text);
            blocks.text.push_str(&import(&address, &found.id));
            blocks.number += 1;
        } else {
            blocks.left.push(Left { id: found.id.clone(), why: "its name makes no address".to_owned() });
        }
    }
    blocks
}

/// True for a kind whose objects lie below those of another.
fn below(child: &Kind, parent: &Kind) -> bool {
    child.name.rsplit_once('/').is_some_and(|(above, _)| above == parent.name)
}

enum Place<'a> {
    Group(&'a str),
    Parent(ResourceId),
}

/// Where an object lies: directly in a resource group, or below another object.
fn place(found: &Found) -> Place<'_> {
    let direct = found.ty.name.matches('/').count() == 1;
    match found.id.resource_group().filter(|_| direct) {
        Some(group) => Place::Group(group),
        None => Place::Parent(found.id.parent().unwrap_or_else(|| found.id.clone())),
    }
}

/// Who refers to whom.
struct Links {
    /// What ids, and principals of identities, stand for: the place of the object and the expression.
    targets: BTreeMap<String, (usize, String)>,
    refers: Vec<BTreeSet<usize>>,
}

impl Links {
    fn new(objects: &[Found], written: &[(usize, String)]) -> Links {
        let mut targets = BTreeMap::new();
        for (at, label) in written {
            let found = &objects[*at];
            targets.insert(found.id.as_str().to_lowercase(), (*at, format!("resource.{label}.id")));
            let principal = found.body.pointer("/properties/principalId").and_then(Json::as_str);
            let is_identity =
                found.ty.name.eq_ignore_ascii_case("Microsoft.ManagedIdentity/userAssignedIdentities");
            if let Some(principal) = principal.filter(|_| is_identity) {
                let expr = format!("resource.{label}.properties.principalId");
                targets.insert(principal.to_lowercase(), (*at, expr));
            }
        }
        Links { targets, refers: vec![BTreeSet::new(); objects.len()] }
    }

    /// The expression that stands for a text in a block; `None` for a text that is only text, of the block itself, or
    /// that would let two blocks wait for each other.
    fn refer(&mut self, from: usize, text: &str) -> Option<String> {
        let lower = text.to_lowercase();
        let whole = self.targets.get(&lower).cloned();
        let (to, expr) = match whole {
            Some(found) => found,
            None => {
                // A part of another object.
                let cuts = lower.rmatch_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
                let (at, (to, expr)) =
                    cuts.filter_map(|at| Some((at, self.targets.get(&lower[..at])?))).next()?;
                let rest = hcl::quoted(text.get(at..)?);
                (*to, format!("\"${{{expr}}}{}", &rest[1..]))
            }
        };
        if to == from || self.reaches(to, from) {
            return None;
        }
        self.refers[from].insert(to);
        Some(expr)
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(here) = open.pop() {
            if here == to {
                return true;
            }
            if seen.insert(here) {
                open.extend(&self.refers[here]);
            }
        }
        false
    }
}
