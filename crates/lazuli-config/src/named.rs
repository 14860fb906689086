//! Values with names, evaluated when they are asked for: local values, variables and outputs of modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::address::Key;
use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Value};

use crate::codes;
use crate::evaluator::{Evaluator, Instances};
use crate::externals::Instance;
use crate::graph::Named;
use crate::meta::Repetition;
use crate::module::Output;
use crate::names;
use crate::references::{Link, ReferenceKey};
use crate::scope::{Failed, Outcome, Scope};
use crate::syntax::{Expr, Name, Step, StepKind};
use crate::unit::{Unit, Units};
use crate::variables;

/// Evaluations within evaluations, where what is needed is not evaluated before.
const DEPTH: usize = 32;
/// Copies of a module that are all evaluated before something that may need only one of them.
const FEW: usize = 64;

impl Scope<'_> {
    /// The value of something with a name in a unit.
    pub(crate) fn named(&mut self, unit: &Arc<Unit>, named: Named) -> Outcome {
        let tree = self.evaluator.tree.clone();
        if tree.graph.reach(&tree.modules, unit.node, named).is_none() {
            return Err(Failed); // the circle was reported
        }
        if let Some(known) = self.known(unit, named) {
            return known.ok_or(Failed);
        }
        // Those it needs first, without recursion: a chain of values may be long.
        let mut stack = vec![(unit.clone(), named, 0)];
        while let Some((unit, named, stage)) = stack.pop() {
            if self.known(&unit, named).is_some()
                || tree.graph.reach(&tree.modules, unit.node, named).is_none()
            {
                continue;
            }
            if stage == 2 {
                self.compute(&unit, named);
                continue;
            }
            stack.push((unit.clone(), named, stage + 1));
            // Which copies of modules there are is looked at first: it says which values are needed.
            self.needs(&unit, named, stage == 0, &mut stack);
        }
        self.known(unit, named).flatten().ok_or(Failed)
    }

    /// What is known already; the inner `None` when it failed.
    fn known(&self, unit: &Unit, named: Named) -> Option<Option<Value>> {
        let tree = &self.evaluator.tree;
        match named {
            Named::Variable(i) if unit.caller.is_none() => {
                return Some(tree.given.get().and_then(|given| given.get(i).cloned().flatten()));
            }
            Named::Call(call) => return self.counted(unit, call).map(|units| units.map(|_| Value::null())),
            _ => {}
        }
        if !matches!(named, Named::Whole(_)) && tree.graph.is_pure(&tree.modules, unit.node, named) {
            return tree.pure(unit.id, named);
        }
        if let Some(known) = self.session.get(&(unit.id, named)) {
            return Some(known.clone());
        }
        tree.kept_of(self.generation?, unit.id, named).map(Some)
    }

    /// The copies of a call, when they are counted for these externals.
    fn counted(&self, unit: &Unit, call: usize) -> Option<Option<Arc<Units>>> {
        let tree = &self.evaluator.tree;
        let (edition, units) = tree.counted(unit.id, call)?;
        let pure = tree.graph.is_pure(&tree.modules, unit.node, Named::Call(call));
        (pure || edition == self.externals.edition()).then_some(units)
    }

    /// The values something needs: only calls of modules, or only the others.
    fn needs(&self, unit: &Arc<Unit>, named: Named, calls: bool, into: &mut Vec<(Arc<Unit>, Named, u8)>) {
        let tree = &self.evaluator.tree;
        let (frame, direct, key) = match named {
            Named::Local(i) => (unit, tree.graph.directs(unit.node).locals.get(i), None),
            Named::Output(i) => (unit, tree.graph.directs(unit.node).outputs.get(i), None),
            Named::Call(i) => (unit, tree.graph.directs(unit.node).calls.get(i).map(|c| &c.repetition), None),
            Named::Variable(i) => {
                let (Some(caller), Some(variable)) = (&unit.caller, unit.module.variables.at(i)) else {
                    return;
                };
                let call = tree.graph.directs(caller.unit.node).calls.get(caller.call);
                (&caller.unit, call.and_then(|c| c.inputs.get(&variable.name.text)), caller.key())
            }
            Named::Whole(_) => return,
        };
        for (link, _) in direct.map_or(&[][..], |direct| &direct.links) {
            match link {
                Link::Local(i) if !calls => into.push((frame.clone(), Named::Local(*i), 0)),
                Link::Variable(i) if !calls => into.push((frame.clone(), Named::Variable(*i), 0)),
                Link::Output { call, .. } if calls => into.push((frame.clone(), Named::Call(*call), 0)),
                Link::Output { call, key: named, output } => {
                    let Some(Some(units)) = self.counted(frame, *call) else { continue };
                    let one = match (named, key) {
                        (Some(ReferenceKey::Literal(key)), _) => units.get(key),
                        (Some(ReferenceKey::Instance), Some(key)) => units.get(key),
                        _ => units.single(),
                    };
                    let meant = match one {
                        Some(unit) => std::slice::from_ref(unit),
                        // Of many copies perhaps only one is wanted: that is seen when it is asked for.
                        None if units.units.len() <= FEW => &units.units,
                        None => &[],
                    };
                    for unit in meant {
                        let outputs = unit.module.outputs.iter().enumerate();
                        let wanted =
                            outputs.filter(|(_, o)| output.as_ref().is_none_or(|w| *w == o.name.text));
                        into.extend(wanted.map(|(i, _)| (unit.clone(), Named::Output(i), 0)));
                    }
                }
                _ => {}
            }
        }
    }

    /// Computes a value whose needs are there, and keeps it.
    fn compute(&mut self, unit: &Arc<Unit>, named: Named) {
        let tree = self.evaluator.tree.clone();
        let before = self.diagnostics.len();
        if let Named::Call(call) = named {
            let copies = self.copies_of_call(unit, call);
            tree.report(self.diagnostics.split_off(before));
            tree.count(unit, call, self.externals.edition(), copies.ok());
            return;
        }
        let value = match named {
            Named::Local(i) => match unit.module.locals.at(i) {
                Some(local) => self.within(unit, None, |scope| {
                    let value = scope.eval(&local.value)?;
                    scope.bounded(value, local.value.span)
                }),
                None => Err(Failed), // impossible: positions come from the same module
            },
            Named::Output(i) => match unit.module.outputs.at(i) {
                Some(output) => self.within(unit, None, |scope| scope.output(output)),
                None => Err(Failed),
            },
            Named::Variable(i) => self.input(unit, i),
            Named::Call(_) | Named::Whole(_) => Err(Failed), // computed elsewhere
        };
        if tree.graph.is_pure(&tree.modules, unit.node, named) {
            // Computed once, so its mistakes are told once, whoever asked.
            tree.report(self.diagnostics.split_off(before));
            tree.keep_pure(unit.id, named, value.ok());
        } else {
            let mistakes = self.diagnostics.split_off(before);
            self.elsewhere.extend(mistakes);
            self.keep(unit, named, value);
        }
    }

    /// Keeps a value for this evaluation, and one that did not fail for others.
    fn keep(&mut self, unit: &Unit, named: Named, value: Outcome) {
        if let (Ok(value), Some(generation)) = (&value, self.generation) {
            self.evaluator.tree.keep(generation, unit.id, named, value.clone());
        }
        // What failed is evaluated again by others, so that its mistake is reported to whoever asks.
        self.session.insert((unit.id, named), value.ok());
    }

    /// The value of a variable of a module that is called.
    fn input(&mut self, unit: &Arc<Unit>, i: usize) -> Outcome {
        let (Some(caller), Some(variable)) = (&unit.caller, unit.module.variables.at(i)) else {
            return Err(Failed); // impossible: the root's are given
        };
        let call = caller.unit.module.calls.at(caller.call);
        let input = call.and_then(|call| call.input(&variable.name.text));
        let given = match input {
            Some(input) => {
                if crate::parse::is_broken(&input.value) {
                    return Err(Failed);
                }
                let instance =
                    self.renewed(caller.instance.as_ref(), &caller.unit, Named::Call(caller.call))?;
                Some((self.within(&caller.unit, instance.as_ref(), |scope| scope.eval(&input.value))?, input))
            }
            None => None,
        };
        let value = variables::of_input(self, unit, variable, given)?;
        // Its own rules may mention it: it is there before they are looked at.
        let named = Named::Variable(i);
        let tree = self.evaluator.tree.clone();
        if !variable.validations.is_empty() && !tree.graph.is_pure(&tree.modules, unit.node, named) {
            self.session.insert((unit.id, named), Some(value.clone()));
            self.within(unit, None, |scope| {
                let failed =
                    variable.validations.iter().filter(|r| scope.condition(r, codes::VALIDATION).is_err());
                if failed.count() > 0 { Err(Failed) } else { Ok(()) }
            })?;
        }
        Ok(value)
    }

    /// A copy with its value as it is known now: it may have been unknown when copies were counted.
    pub(crate) fn renewed(
        &mut self,
        instance: Option<&Instance>,
        unit: &Arc<Unit>,
        named: Named,
    ) -> Result<Option<Instance>, Failed> {
        let Some(instance) = instance else { return Ok(None) };
        let Named::Call(call) = named else { return Ok(Some(instance.clone())) };
        if instance.value.is_wholly_known() {
            return Ok(Some(instance.clone()));
        }
        let repetition = unit.module.calls.at(call).and_then(|call| call.meta.repetition.as_ref());
        let Some(Repetition::ForEach(attribute)) = repetition else { return Ok(Some(instance.clone())) };
        let whole = self.within(unit, None, |scope| scope.eval(&attribute.value))?;
        Ok(Some(now(instance, &whole)))
    }

    fn copies_of_call(&mut self, unit: &Arc<Unit>, call: usize) -> Result<Instances, Failed> {
        let call = unit.module.calls.at(call).ok_or(Failed)?;
        self.within(unit, None, |scope| scope.copies(call.meta.repetition.as_ref()))
    }

    /// Evaluates something in another unit.
    pub(crate) fn within<T>(
        &mut self,
        unit: &Arc<Unit>,
        instance: Option<&Instance>,
        what: impl FnOnce(&mut Scope<'_>) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        if self.depth >= DEPTH {
            let message = format!("values need each other through more than {DEPTH} modules");
            return self.fail(Diagnostic::error(codes::EVALUATION_LIMIT, message));
        }
        let evaluator = Evaluator { tree: self.evaluator.tree.clone(), unit: unit.clone() };
        let mut inner = Scope::new(&evaluator, self.externals, instance);
        inner.session = std::mem::take(&mut self.session);
        inner.generation = self.generation;
        inner.fuel = self.fuel;
        inner.depth = self.depth + 1;
        let outcome = what(&mut inner);
        self.session = inner.session;
        self.fuel = inner.fuel;
        self.diagnostics.append(&mut inner.diagnostics);
        self.elsewhere.append(&mut inner.elsewhere);
        outcome
    }

    /// The value of an output of this scope's module, its preconditions checked.
    pub(crate) fn output(&mut self, output: &Output) -> Outcome {
        self.conditions(&output.preconditions)?;
        let value = self.eval(&output.value)?;
        Ok(if output.sensitive { value.sensitive() } else { value })
    }

    /// What `module.name` and the steps after it mean, as far as they are taken together; and the steps that are left.
    pub(crate) fn module<'s>(
        &mut self,
        name: &Name,
        steps: &'s [Step],
    ) -> Result<(Value, &'s [Step]), Failed> {
        let unit = self.evaluator.unit.clone();
        let Some(call) = unit.module.calls.position(&name.text) else {
            let names = unit.module.calls.iter().map(|c| &*c.name.text);
            return self.fail(names::undeclared("module", name, names));
        };
        let units = self.units(&unit, call)?;
        if let Some(single) = units.single() {
            if let Some((Step { kind: StepKind::Attribute(output), span }, rest)) = steps.split_first() {
                return Ok((self.named_output(single, output, *span, &name.text)?, rest));
            }
            return Ok((self.outputs(single)?, steps));
        }
        if let Some((Step { kind: StepKind::Index(index), .. }, rest)) = steps.split_first()
            && let Some(found) = self.copy(&units, index)?
        {
            if let Some((Step { kind: StepKind::Attribute(output), span }, rest)) = rest.split_first() {
                return Ok((self.named_output(&found, output, *span, &name.text)?, rest));
            }
            return Ok((self.outputs(&found)?, rest));
        }
        Ok((self.whole(&unit, call, &units)?, steps))
    }

    /// The copies of a call.
    pub(crate) fn units(&mut self, unit: &Arc<Unit>, call: usize) -> Result<Arc<Units>, Failed> {
        let _ = self.named(unit, Named::Call(call));
        self.counted(unit, call).flatten().ok_or(Failed)
    }

    /// The copy an index names; `None` when it is not plain which, or there is none.
    fn copy(&mut self, units: &Units, index: &Expr) -> Result<Option<Arc<Unit>>, Failed> {
        let key = self.eval(index)?;
        if key.is_sensitive() {
            return Ok(None);
        }
        let key = match key.content() {
            Content::String(name) => Key::Name(name.to_string()),
            Content::Number(_) => match key.as_i64().and_then(|i| u64::try_from(i).ok()) {
                Some(index) => Key::Index(index),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(units.get(&key).cloned())
    }

    fn named_output(
        &mut self,
        unit: &Arc<Unit>,
        output: &Arc<str>,
        span: lazuli_core::Span,
        module: &str,
    ) -> Outcome {
        match unit.module.outputs.position(output) {
            Some(i) => self.named(unit, Named::Output(i)),
            None => {
                let names = unit.module.outputs.iter().map(|o| &*o.name.text);
                let name = Name { text: output.clone(), span };
                self.fail(names::undeclared(&format!("module.{module}"), &name, names))
            }
        }
    }

    /// All outputs of a unit.
    fn outputs(&mut self, unit: &Arc<Unit>) -> Outcome {
        let mut outputs = BTreeMap::new();
        for (i, output) in unit.module.outputs.iter().enumerate() {
            outputs.insert(output.name.text.clone(), self.named(unit, Named::Output(i))?);
        }
        Ok(Value::object(outputs))
    }

    /// All outputs of all copies of a call.
    fn whole(&mut self, unit: &Arc<Unit>, call: usize, units: &Units) -> Outcome {
        if let Some(known) = self.known(unit, Named::Whole(call)) {
            return known.ok_or(Failed);
        }
        let mut objects = Vec::with_capacity(units.units.len());
        for copy in &units.units {
            objects.push((copy.caller.as_ref().and_then(|c| c.key()).cloned(), self.outputs(copy)?));
        }
        let counted = unit.module.calls.at(call).and_then(|call| call.meta.repetition.as_ref());
        let value = match counted {
            Some(Repetition::ForEach(_)) => {
                let entry = |(key, object)| match key {
                    Some(Key::Name(name)) => Some((Arc::<str>::from(name), object)),
                    _ => None, // impossible: for_each makes names
                };
                Value::object(objects.into_iter().filter_map(entry))
            }
            _ => Value::tuple(objects.into_iter().map(|(_, object)| object)),
        };
        self.keep(unit, Named::Whole(call), Ok(value.clone()));
        Ok(value)
    }
}

/// A copy of a `for_each` with its value out of the whole as it is known now.
pub(crate) fn now(instance: &Instance, whole: &Value) -> Instance {
    let Key::Name(name) = &instance.key else { return instance.clone() };
    match whole.get(name) {
        Some(value) => Instance { key: instance.key.clone(), value: value.clone() },
        None => instance.clone(),
    }
}
