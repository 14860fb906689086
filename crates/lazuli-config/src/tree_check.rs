//! What modules say of each other, checked before anything is evaluated: outputs that do not exist, and addresses in
//! `moved`, `removed` and `import` that mean nothing.

use std::collections::{HashMap, HashSet};

use lazuli_core::address::Segment;
use lazuli_core::suggestion::closest;
use lazuli_core::{Address, Diagnostic, Diagnostics, Span};

use crate::codes;
use crate::module::{DeclarationKind, Module};
use crate::names;
use crate::refactoring::{Moved, Target, TargetKind, address_of, kind_of, plain_key};
use crate::references;
use crate::syntax::{Name, Step, StepKind};
use crate::tree::Modules;
use crate::walk::{self, Mention};

/// Everything wrong between modules.
pub(crate) fn check(modules: &Modules) -> Diagnostics {
    let mut diagnostics = Vec::new();
    let mut seen = HashSet::new();
    for (at, node) in modules.nodes().iter().enumerate() {
        if !seen.insert(node.directory.clone()) {
            continue; // what a module says is the same wherever it is called
        }
        let module = &*node.module;
        if !module.calls.is_empty() {
            walk::module(module, &mut |mention| diagnostics.extend(output(modules, at, &mention)));
        }
        moves(modules, at, &mut diagnostics);
        for removed in &module.removed {
            diagnostics.extend(still_there(modules, at, &removed.from, "removed"));
        }
        for import in &module.imports {
            let mut some = |index: &_| plain_key(index).or(Some(lazuli_core::address::Key::Index(0)));
            if let Some(address) = address_of(&import.to, &mut some) {
                let to = Target { address, span: import.to.span };
                diagnostics.extend(undeclared(modules, at, &to).map(|d| {
                    let to = without_keys(&to.address);
                    Diagnostic::error(
                        codes::BAD_ADDRESS,
                        format!("{to} is not declared, so nothing can be imported to it"),
                    )
                    .at(import.to.span, d)
                }));
            }
        }
    }
    diagnostics
}

/// `module.net.output` where the module has no such output.
fn output(modules: &Modules, at: usize, mention: &Mention<'_>) -> Option<Diagnostic> {
    let Mention::Name { word, steps, .. } = mention else { return None };
    if &***word != "module" {
        return None;
    }
    let Some(Step { kind: StepKind::Attribute(name), .. }) = steps.first() else { return None };
    let call = modules.nodes()[at].module.calls.position(name)?;
    let child = modules.nodes()[at].calls[call]?;
    let outputs = &modules.nodes()[child].module.outputs;
    let (_, Some(wanted)) = references::output(&steps[1..]) else { return None };
    if outputs.get(&wanted).is_some() {
        return None;
    }
    let span = steps[1..].iter().find_map(|step| match &step.kind {
        StepKind::Attribute(name) if *name == wanted => Some(step.span),
        StepKind::Splat(inner) => inner.first().map(|step| step.span),
        _ => None,
    })?;
    let named = Name { text: wanted, span };
    let declared = outputs.iter().map(|o| &*o.name.text);
    Some(names::undeclared(&format!("module.{name}"), &named, declared))
}

/// What is wrong with the `moved` blocks of a module.
fn moves(modules: &Modules, at: usize, diagnostics: &mut Diagnostics) {
    let moved = &modules.nodes()[at].module.moved;
    let mut sources: HashMap<&Address, &Moved> = HashMap::new();
    let mut targets: HashMap<&Address, &Moved> = HashMap::new();
    let twice = |message: String, second: Span, first: Span| {
        Diagnostic::error(codes::BAD_MOVE, message).at(second, "second time").also_at(first, "first time")
    };
    for one in moved {
        if one.from.address == one.to.address {
            let message = format!("{} cannot move to itself", one.from.address);
            diagnostics.push(Diagnostic::error(codes::BAD_MOVE, message).at(one.to.span, "the same address"));
            continue;
        }
        match sources.get(&one.from.address) {
            Some(first) => {
                let message = format!("{} cannot move to two places", one.from.address);
                diagnostics.push(twice(message, one.from.span, first.from.span));
            }
            None => drop(sources.insert(&one.from.address, one)),
        }
        match targets.get(&one.to.address) {
            Some(first) => {
                let message = format!("two things cannot move to {}", one.to.address);
                diagnostics.push(twice(message, one.to.span, first.to.span));
            }
            None => drop(targets.insert(&one.to.address, one)),
        }
    }
    let mut told = HashSet::new();
    for one in sources.values() {
        let mut way = vec![*one];
        let mut here = one;
        while let Some(next) = sources.get(&here.to.address) {
            if next.from.address == one.from.address {
                let first = way.iter().map(|m| m.from.span).min();
                if first.is_some_and(|first| told.insert(first)) {
                    diagnostics.push(circle(&way));
                }
                break;
            }
            if way.len() > sources.len() {
                break; // it leads into a circle that is told of its own
            }
            way.push(next);
            here = next;
        }
    }
    for one in moved.iter().filter(|one| one.from.address != one.to.address) {
        // What a block had before it got copies, or after it lost them, is the same block.
        if without_keys(&one.from.address) != without_keys(&one.to.address) {
            diagnostics.extend(still_there(modules, at, &one.from, "moved"));
        }
        if !sources.contains_key(&one.to.address)
            && let Some(label) = undeclared(modules, at, &one.to)
        {
            let message = format!("{} is not declared, so what moves there is deleted", one.to.address);
            diagnostics.push(Diagnostic::warning(codes::BAD_MOVE, message).at(one.to.span, label));
        }
    }
}

fn circle(way: &[&Moved]) -> Diagnostic {
    let start = way.iter().enumerate().min_by_key(|(_, m)| m.from.span).map_or(0, |(i, _)| i);
    let way: Vec<&Moved> = way[start..].iter().chain(&way[..start]).copied().collect();
    let names: Vec<String> = way.iter().map(|m| m.from.address.to_string()).collect();
    let message = format!("moves lead in a circle: {} -> {}", names.join(" -> "), names[0]);
    let mut diagnostic = Diagnostic::error(codes::BAD_MOVE, message);
    for (n, one) in way.iter().enumerate() {
        let label = format!("moves to {}", one.to.address);
        diagnostic = if n == 0 {
            diagnostic.at(one.from.span, label)
        } else {
            diagnostic.also_at(one.from.span, label)
        };
    }
    diagnostic
}

fn without_keys(address: &Address) -> String {
    address.segments().into_iter().map(|segment| segment.name).collect::<Vec<_>>().join(".")
}

/// What an address names that is declared still, when it names all of it.
fn still_there(modules: &Modules, at: usize, from: &Target, word: &str) -> Option<Diagnostic> {
    let segments = from.address.segments();
    if segments.iter().any(|segment| segment.key.is_some()) {
        return None; // one copy: whether it is there is known only when copies are counted
    }
    let span = declared(modules, at, &segments)?;
    let message = format!("{} is {word}, and declared all the same", from.address);
    Some(
        Diagnostic::error(codes::BAD_MOVE, message)
            .at(from.span, format!("{word} here"))
            .also_at(span, "declared here")
            .help(format!("take one of them out: the block, or the `{word}` block")),
    )
}

/// The place of the block that is declared at an address, keys left aside.
fn declared(modules: &Modules, at: usize, segments: &[Segment]) -> Option<Span> {
    let (calls, rest) = split(segments);
    match rest {
        [kind, name, ..] => {
            let node = modules.follow(at, calls.iter().copied())?;
            let module = &modules.nodes()[node].module;
            let kind = DeclarationKind::from_word(&kind.name)?;
            module.declarations(kind).get(&name.name).map(|d| d.name.span)
        }
        _ => {
            let (last, above) = calls.split_last()?;
            let node = modules.follow(at, above.iter().copied())?;
            modules.nodes()[node].module.calls.get(last).map(|c| c.name.span)
        }
    }
}

/// The names of the calls an address leads through, and what comes after them.
fn split(segments: &[Segment]) -> (Vec<&str>, &[Segment]) {
    let mut calls = Vec::new();
    let mut rest = segments;
    while let [word, name, after @ ..] = rest
        && word.name == "module"
    {
        calls.push(name.name.as_str());
        rest = after;
    }
    (calls, rest)
}

/// "did you mean" for an address at which nothing is declared; `None` when something is.
fn undeclared(modules: &Modules, at: usize, to: &Target) -> Option<String> {
    let segments = to.address.segments();
    if declared(modules, at, &segments).is_some() {
        return None;
    }
    let (calls, _) = split(&segments);
    let above = match kind_of(&to.address) {
        Some(TargetKind::Module) => &calls[..calls.len().saturating_sub(1)],
        _ => &calls[..],
    };
    let mut names: Vec<String> = Vec::new();
    if let Some(node) = modules.follow(at, above.iter().copied()) {
        let prefix: String = above.iter().map(|call| format!("module.{call}.")).collect();
        names.extend(addresses(&modules.nodes()[node].module).map(|name| format!("{prefix}{name}")));
    }
    let wanted = without_keys(&to.address);
    Some(match closest(&wanted, names.iter().map(String::as_str)) {
        Some(close) => format!("did you mean {close}?"),
        None => "nothing has this address".to_owned(),
    })
}

fn addresses(module: &Module) -> impl Iterator<Item = String> + '_ {
    let blocks = module.resources.iter().chain(&module.clusters);
    let blocks = blocks.map(|d| format!("{}.{}", d.kind.word(), d.name.text));
    blocks.chain(module.calls.iter().map(|c| format!("module.{}", c.name.text)))
}
