//! `rbac_binding` and `namespace`.

use lazuli_core::Diagnostic;
use lazuli_core::block::Block;

use super::labels::labels;
use super::name;
use super::reader::{Reader, shown};
use crate::spec::{Binding, Namespace};

/// Namespaces that Kubernetes makes itself.
const OWN_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

pub(super) fn bindings(read: &mut Reader, cluster: &Block) -> Vec<Binding> {
    let mut bindings: Vec<Binding> = Vec::new();
    for block in cluster.blocks_named("rbac_binding") {
        let span = block.labels.first().map_or(block.span, |label| label.span);
        name::OBJECT.check(read, block.label(), span);
        if let Some(other) = bindings.iter().find(|binding| binding.name == block.label()) {
            read.twice("rbac_binding", block.label(), span, other.span);
        }
        bindings.extend(binding(read, block));
    }
    bindings
}

fn binding(read: &mut Reader, block: &Block) -> Option<Binding> {
    let everywhere = read.choice(block, "kind", &[("ClusterRoleBinding", true), ("RoleBinding", false)]);
    let role = read.text(block, "role");
    if role.as_deref().is_some_and(str::is_empty) {
        read.problem(
            Diagnostic::error("LZ0223", "`role` must name a role").at(block.span_of("role"), "this is empty"),
        );
    }
    let namespace = match block.attribute("namespace") {
        Some(_) => name::NAMESPACE.read(read, block, "namespace"),
        None => None,
    };
    let [groups, users] = ["groups", "users"].map(|name| read.texts(block, name));
    let accounts = read.texts(block, "service_accounts");
    let nobody = ["groups", "users", "service_accounts"]
        .iter()
        .all(|name| block.value(name).is_none_or(|value| value.as_sequence().is_some_and(<[_]>::is_empty)));
    if nobody {
        read.problem(
            Diagnostic::error(
                "LZ0227",
                format!("the rbac_binding `{}` gives its role to nobody", block.label()),
            )
            .at(block.span, "name groups, users or service_accounts"),
        );
    }
    let service_accounts =
        accounts.iter().filter_map(|account| service_account(read, block, account)).collect();
    let written = block.attribute("namespace").is_some();
    match everywhere {
        Some(true) if written => read.problem(
            Diagnostic::error("LZ0227", "a ClusterRoleBinding holds everywhere, so it has no namespace")
                .at(block.span_of("namespace"), "contradicts the kind")
                .help("kind = \"RoleBinding\" gives the role in one namespace only"),
        ),
        Some(false) if !written => read.problem(
            Diagnostic::error("LZ0227", "a RoleBinding needs `namespace`")
                .at(block.span, "where does it hold?"),
        ),
        _ => {}
    }
    let (name, span) = (block.label().to_owned(), block.span);
    everywhere?;
    Some(Binding { name, role: role?, namespace, groups, users, service_accounts, span })
}

/// `namespace/name`
fn service_account(read: &mut Reader, block: &Block, text: &str) -> Option<(String, String)> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Some((namespace.to_owned(), name.to_owned()))
        }
        _ => {
            let shown = shown(block, "service_accounts", text);
            read.problem(
                Diagnostic::error("LZ0223", format!("`{shown}` is not a service account"))
                    .at(block.span_of("service_accounts"), "a namespace and a name, such as ci/deployer"),
            );
            None
        }
    }
}

pub(super) fn namespaces(read: &mut Reader, cluster: &Block) -> Vec<Namespace> {
    let mut namespaces: Vec<Namespace> = Vec::new();
    for block in cluster.blocks_named("namespace") {
        let span = block.labels.first().map_or(block.span, |label| label.span);
        let name = block.label().to_owned();
        if name::NAMESPACE.check(read, &name, span) && OWN_NAMESPACES.contains(&name.as_str()) {
            read.problem(
                Diagnostic::error("LZ0225", format!("`{name}` belongs to Kubernetes itself"))
                    .at(span, "it is there in every cluster, and taking the block away would delete it"),
            );
        }
        if let Some(other) = namespaces.iter().find(|namespace| namespace.name == name) {
            read.twice("namespace", &name, span, other.span);
        }
        let [cpu, memory] = ["cpu", "memory"].map(|name| quantity(read, block, name));
        let gpu = match block.attribute("gpu") {
            Some(_) => read.int(block, "gpu", 0..=100_000).and_then(|gpu| u32::try_from(gpu).ok()),
            None => None,
        };
        let labels = labels(read, block);
        namespaces.push(Namespace { name, cpu, memory, gpu, labels, span: block.span });
    }
    namespaces
}

/// A quantity as Kubernetes writes it: `8`, `500m`, `32Gi`.
fn quantity(read: &mut Reader, block: &Block, name: &str) -> Option<String> {
    let text = read.text(block, name)?;
    if is_quantity(&text) {
        return Some(text);
    }
    let (shown, example) = (shown(block, name, &text), if name == "cpu" { "8 or 500m" } else { "32Gi" });
    read.problem(
        Diagnostic::error("LZ0223", format!("`{shown}` is not a quantity"))
            .at(block.span_of(name), format!("write it as Kubernetes does, such as {example}")),
    );
    None
}

fn is_quantity(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &text[digits.len()..];
    let number = !digits.is_empty()
        && digits.split('.').count() <= 2
        && digits.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    number
        && matches!(
            suffix,
            "" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei"
        )
}
