//! `moved`, `removed` and `import` blocks → which recorded resource has another address now, what is only forgotten, what
//! is taken over.

use std::collections::BTreeSet;

use lazuli_config::{Evaluator, Target};
use lazuli_core::address::Key;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Mode, ResourceId};
use lazuli_core::{Address, Diagnostic, Diagnostics, Span};
use lazuli_planner::Refactoring;
use lazuli_planner::refactoring::Import;

use super::build::Nothing;
use super::seen::Seen;
use super::{Blueprint, history};

/// A `moved` block with addresses seen from the root.
pub(super) struct Move {
    from: Address,
    to: Address,
    span: Span,
}

impl Blueprint {
    /// What the configuration says about addresses, resolved against what is recorded.
    ///
    /// # Errors
    /// When an import cannot be evaluated or names nothing, or what is moved is declared still.
    pub fn refactoring(&self, world: &RecordedWorld) -> Result<Refactoring, Diagnostics> {
        let mut problems = Diagnostics::new();
        let declared: BTreeSet<&Address> =
            self.declarations.iter().filter(|d| d.mode == Mode::Managed).map(|d| &d.address).collect();
        let pairs = self.moves();
        for pair in &pairs {
            if declared.contains(&pair.from) {
                let message = format!("{} is moved, and declared all the same", pair.from);
                problems.push(Diagnostic::error("LZ0236", message).at(pair.span, "moved here"));
            }
        }
        let mut refactoring = Refactoring::default();
        for recorded in world.resources.values().filter(|r| r.mode == Mode::Managed) {
            if declared.contains(&recorded.address) {
                continue;
            }
            let told = followed(&recorded.address, &pairs);
            let is_new = |to: &Address| declared.contains(to) && !world.resources.contains_key(to);
            let to = std::iter::once(told.clone()).chain(repeated(&told)).find(is_new);
            if let Some(to) = to.filter(|to| *to != recorded.address) {
                refactoring.moves.entry(to).or_insert_with(|| recorded.address.clone());
            }
        }
        for unit in &self.units {
            let forgotten = unit.module().removed.iter().filter(|removed| !removed.destroy);
            refactoring.forget.extend(forgotten.map(|removed| absolute(unit, &removed.from)));
        }
        match self.evaluator.imports(&Seen { blueprint: self, known: &Nothing }) {
            Ok(imports) => {
                for import in imports {
                    if !declared.contains(&import.to) {
                        problems.push(undeclared(&import.to, import.span, &declared));
                        continue;
                    }
                    let id = ResourceId::new(import.id);
                    let new = Import { id, span: Some(import.span) };
                    if let Some(first) = refactoring.imports.insert(import.to.clone(), new) {
                        let message = format!("two objects are to be imported to {}", import.to);
                        let problem = Diagnostic::error("LZ0235", message).at(import.span, "second time");
                        problems.push(match first.span {
                            Some(span) => problem.also_at(span, "first time"),
                            None => problem,
                        });
                    }
                }
            }
            Err(found) => problems.extend(found),
        }
        if problems.is_empty() { Ok(refactoring) } else { Err(problems) }
    }

    /// Every `moved` block of every module instance there is so far.
    fn moves(&self) -> Vec<Move> {
        let of = |unit: &Evaluator| -> Vec<Move> {
            let moved = unit.module().moved.iter().map(|moved| Move {
                from: absolute(unit, &moved.from),
                to: absolute(unit, &moved.to),
                span: moved.from.span,
            });
            moved.collect()
        };
        self.units.iter().flat_map(of).collect()
    }

    /// The address under which a cluster is recorded that has this one now, when `moved` blocks say so.
    pub(super) fn moved_cluster(&self, world: &RecordedWorld, address: &Address) -> Option<Address> {
        let pairs = self.moves();
        if pairs.is_empty() || world.resources.keys().any(|recorded| recorded.is_within(address)) {
            return None;
        }
        let recorded = world.resources.keys().filter_map(|recorded| {
            let (module, label, key) = history::parts_of(recorded)?;
            Some(history::cluster(module.as_ref(), &label, key.as_ref()))
        });
        let recorded: BTreeSet<Address> = recorded.collect();
        recorded.into_iter().find(|former| {
            let told = followed(former, &pairs);
            told != *former && (told == *address || repeated(&told).any(|other| other == *address))
        })
    }
}

/// An address written in a module, seen from the root.
fn absolute(unit: &Evaluator, target: &Target) -> Address {
    match unit.address() {
        None => target.address.clone(),
        Some(module) => {
            format!("{module}.{}", target.address).parse().unwrap_or_else(|_| target.address.clone())
        }
    }
}

/// Where an address leads, move after move.
fn followed(address: &Address, pairs: &[Move]) -> Address {
    let mut here = address.clone();
    // Moves in a circle are refused where they are written; those of several modules together end here.
    for _ in 0..=pairs.len() {
        let Some(next) = pairs.iter().find_map(|pair| moved(&here, pair)) else { break };
        here = next;
    }
    here
}

/// An address after one move; `None` when the move is not about it.
fn moved(address: &Address, pair: &Move) -> Option<Address> {
    if !address.is_within(&pair.from) {
        return None;
    }
    let rest = &address.as_str()[pair.from.as_str().len()..];
    // What gets a key had none: `a` to `a["x"]` says nothing about `a["y"]`.
    let to_copy = pair.to.as_str().ends_with(']') && !pair.from.as_str().ends_with(']');
    if to_copy && rest.starts_with('[') {
        return None;
    }
    format!("{}{rest}", pair.to).parse().ok()
}

/// The address with the first copy in place of a single one, or the other way round: what `count` makes of a block that
/// is there.
fn repeated(address: &Address) -> impl Iterator<Item = Address> {
    let segments = address.segments();
    let spell = move |changed: usize| {
        let mut text = String::new();
        for (at, segment) in segments.iter().enumerate() {
            let key = match (&segment.key, at == changed) {
                (None, true) if at % 2 == 1 => Some(Key::Index(0)),
                (Some(Key::Index(0)), true) => None,
                (_, true) => return None,
                (key, false) => key.clone(),
            };
            text.push_str(if at == 0 { "" } else { "." });
            text.push_str(&segment.name);
            text.push_str(&key.map_or_else(String::new, |key| key.to_string()));
        }
        text.parse().ok()
    };
    let count = address.segments().len();
    (0..count).rev().filter_map(spell)
}

fn undeclared(to: &Address, span: Span, declared: &BTreeSet<&Address>) -> Diagnostic {
    let problem =
        Diagnostic::error("LZ0235", format!("{to} is not declared, so nothing can be imported to it"));
    let names = declared.iter().map(|address| address.as_str());
    match lazuli_core::suggestion::closest(to.as_str(), names) {
        Some(close) => problem.at(span, format!("did you mean {close}?")),
        None => problem.at(span, "nothing has this address"),
    }
}

#[cfg(test)]
mod tests {
    use lazuli_core::{Address, FileId, Span};

    use super::{Move, followed, repeated};

    fn pairs(pairs: &[(&str, &str)]) -> Vec<Move> {
        let span = Span::new(FileId(0), 0, 0);
        let pair =
            |(from, to): &(&str, &str)| Move { from: from.parse().unwrap(), to: to.parse().unwrap(), span };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn moves_are_followed_to_their_end() {
        let moves = pairs(&[
            ("resource.a", "resource.b"),
            ("resource.b", "module.net.resource.b"),
            ("module.net", "module.nets[\"x\"]"),
            ("resource.one", "resource.many[\"k\"]"),
            ("resource.c[\"old\"]", "resource.c[\"new\"]"),
            ("resource.x", "resource.y"),
            ("resource.y", "resource.x"),
        ]);
        for (from, to) in [
            ("resource.a", "module.nets[\"x\"].resource.b"),
            ("resource.a[3]", "module.nets[\"x\"].resource.b[3]"),
            ("resource.ab", "resource.ab"),
            ("resource.one", "resource.many[\"k\"]"),
            ("resource.one[\"z\"]", "resource.one[\"z\"]"),
            ("resource.c[\"old\"]", "resource.c[\"new\"]"),
            ("resource.c[\"other\"]", "resource.c[\"other\"]"),
        ] {
            assert_eq!(followed(&from.parse().unwrap(), &moves).to_string(), to, "{from}");
        }
        followed(&"resource.x".parse().unwrap(), &moves); // comes to an end
    }

    #[test]
    fn a_single_copy_and_the_first_of_several_are_the_same() {
        let all = |text: &str| -> Vec<String> {
            repeated(&text.parse::<Address>().unwrap()).map(|address| address.to_string()).collect()
        };
        assert_eq!(all("resource.a"), ["resource.a[0]"]);
        assert_eq!(all("resource.a[0]"), ["resource.a"]);
        assert_eq!(all("resource.a[1]"), [""; 0]);
        assert_eq!(all("module.m.resource.a"), ["module.m.resource.a[0]", "module.m[0].resource.a"]);
    }
}
