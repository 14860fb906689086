//! The evaluator: a module with its variables given, ready to evaluate blocks and expressions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use lazuli_core::address::Key;
use lazuli_core::block::{Block as Evaluated, BlockSchema};
use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Diagnostics, Type, Value};

use crate::codes;
use crate::convert::{self, convert};
use crate::externals::{Externals, Files, Instance, NoExternals};
use crate::limits;
use crate::meta::{Condition, Repetition};
use crate::module::{Declaration, Module, Output};
use crate::references::{self, LocalGraph, Reference};
use crate::scope::{Failed, Outcome, Scope};
use crate::syntax::{Attribute, Block, Expr};
use crate::variables::{self, VariableInput};

/// A module with its variables given. Evaluation changes nothing in it but a cache and may go on in many threads.
pub struct Evaluator {
    module: Arc<Module>,
    files: Arc<dyn Files>,
    variables: Vec<Option<Value>>,
    graph: LocalGraph,
    /// Local values that read nothing from outside; `None` for those that failed (reported at the start) and for
    /// the others.
    locals: Vec<Option<Value>>,
    /// Local values that read externals, for one generation of them.
    kept: Mutex<(u64, HashMap<usize, Option<Value>>)>,
}

/// Mistakes in local values after which no more are looked for.
const MOST_MISTAKES: usize = 200;

/// How many copies of a block there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instances {
    /// One, without a key.
    Single,
    /// One for each key.
    Keyed(Vec<Instance>),
}

impl Evaluator {
    /// Takes the values of variables, later inputs over earlier ones, checks them, and evaluates every local value
    /// that reads nothing from outside. The evaluator is usable also when there are errors: whatever depends on
    /// something that failed fails without another word.
    pub fn new(module: Arc<Module>, inputs: &[VariableInput], files: Arc<dyn Files>) -> (Self, Diagnostics) {
        let graph = LocalGraph::new(&module);
        let mut evaluator = Evaluator {
            variables: vec![None; module.variables.len()],
            locals: vec![None; module.locals.len()],
            graph,
            module,
            files,
            kept: Mutex::default(),
        };
        let (values, mut diagnostics) = variables::values(&evaluator, inputs);
        evaluator.variables = values;
        for i in evaluator.graph.order.clone() {
            if diagnostics.len() >= MOST_MISTAKES {
                break; // what is left counts as failed; nobody reads more
            }
            if evaluator.graph.is_pure(i) {
                let mut scope = Scope::new(&evaluator, &NoExternals, None);
                let value = scope.evaluate_local(i);
                diagnostics.append(&mut scope.diagnostics);
                evaluator.locals[i] = value;
            }
        }
        diagnostics.extend(variables::validate(&evaluator));
        (evaluator, diagnostics)
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    pub(crate) fn files(&self) -> &dyn Files {
        &*self.files
    }

    pub(crate) fn variable_value(&self, position: usize) -> Option<Value> {
        self.variables.get(position).cloned().flatten()
    }

    /// The value of a variable; `None` when it is not declared or its value was refused.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(self.module.variables.position(name)?)?.as_ref()
    }

    /// Every variable's value by name, for a saved plan; refused ones are left out.
    pub fn variables(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.module
            .variables
            .iter()
            .zip(&self.variables)
            .filter_map(|(v, value)| Some((&v.name.text, value.as_ref()?)))
    }

    /// Evaluates an expression.
    ///
    /// # Errors
    /// All mistakes in it; none when it fails because of something reported before.
    pub fn expression(
        &self,
        expr: &Expr,
        externals: &dyn Externals,
        instance: Option<&Instance>,
    ) -> Result<Value, Diagnostics> {
        self.run(externals, instance, None, |scope| scope.eval(expr))
    }

    /// Evaluates a block against a schema: names, types, what is required, how often blocks stand; `dynamic` blocks
    /// are expanded.
    ///
    /// # Errors
    /// All mistakes in it; none when it fails because of something reported before.
    pub fn block(
        &self,
        block: &Block,
        schema: &'static BlockSchema,
        externals: &dyn Externals,
        instance: Option<&Instance>,
    ) -> Result<Evaluated, Diagnostics> {
        self.run(externals, instance, None, |scope| scope.decode(block, schema))
    }

    /// Runs something in a scope of its own and hands out its mistakes.
    pub(crate) fn run<'a, T>(
        &'a self,
        externals: &'a dyn Externals,
        instance: Option<&'a Instance>,
        this: Option<&'a Value>,
        what: impl FnOnce(&mut Scope<'a>) -> Result<T, Failed>,
    ) -> Result<T, Diagnostics> {
        let mut scope = Scope::new(self, externals, instance);
        scope.this = this;
        let generation = externals.generation();
        if let Some(generation) = generation
            && let Ok(mut kept) = self.kept.lock()
            && kept.0 == generation
        {
            scope.locals = std::mem::take(&mut kept.1);
        }
        let outcome = what(&mut scope);
        let Scope { locals, diagnostics, .. } = scope;
        if let Some(generation) = generation
            && !locals.is_empty()
            && let Ok(mut kept) = self.kept.lock()
        {
            // A local value that failed is evaluated again, so that its mistake is reported to whoever asks.
            let succeeded = locals.into_iter().filter(|(_, value)| value.is_some());
            if kept.0 == generation {
                kept.1.extend(succeeded);
            } else {
                *kept = (generation, succeeded.collect());
            }
        }
        match outcome {
            Ok(value) if !lazuli_core::diagnostic::has_errors(&diagnostics) => Ok(value),
            _ => Err(diagnostics),
        }
    }

    /// The copies of a declaration that `count` or `for_each` make.
    ///
    /// # Errors
    /// When the number or the keys cannot be used: unknown, sensitive, null, of a wrong type.
    pub fn instances(
        &self,
        declaration: &Declaration,
        externals: &dyn Externals,
    ) -> Result<Instances, Diagnostics> {
        match &declaration.meta.repetition {
            None => Ok(Instances::Single),
            Some(Repetition::Count(attribute)) => {
                self.run(externals, None, None, |scope| scope.count(attribute)).map(Instances::Keyed)
            }
            Some(Repetition::ForEach(attribute)) => {
                self.run(externals, None, None, |scope| scope.for_each_keys(attribute)).map(Instances::Keyed)
            }
        }
    }

    /// The blocks a declaration refers to, in its body and its meta-arguments, looking through local values.
    pub fn references(&self, declaration: &Declaration) -> Vec<Reference> {
        self.graph.complete(&self.module, references::of_declaration(&self.module, declaration))
    }

    /// The blocks an expression refers to, looking through local values.
    pub fn references_of(&self, expr: &Expr) -> Vec<Reference> {
        self.graph.complete(&self.module, references::of_expr(&self.module, expr))
    }

    /// The value of an output.
    ///
    /// # Errors
    /// When it cannot be evaluated, a precondition does not hold, or it would show something sensitive.
    pub fn output(&self, output: &Output, externals: &dyn Externals) -> Result<Value, Diagnostics> {
        self.run(externals, None, None, |scope| {
            scope.conditions(&output.preconditions)?;
            let value = scope.eval(&output.value)?;
            if !output.sensitive && value.contains_sensitive() {
                let message = format!("output \"{}\" would show a sensitive value", output.name.text);
                return scope.fail(
                    Diagnostic::error(codes::SENSITIVE_OUTPUT, message)
                        .at(output.value.span, "derived from something sensitive")
                        .help("add `sensitive = true` to the output, or nonsensitive() if it may be shown"),
                );
            }
            Ok(if output.sensitive { value.sensitive() } else { value })
        })
    }

    /// Checks rules of a block; those that depend on something unknown are passed over. `this` is what `self` means.
    ///
    /// # Errors
    /// One diagnostic for every rule that does not hold.
    pub fn conditions(
        &self,
        conditions: &[Condition],
        externals: &dyn Externals,
        instance: Option<&Instance>,
        this: Option<&Value>,
    ) -> Result<(), Diagnostics> {
        self.run(externals, instance, this, |scope| scope.conditions(conditions))
    }
}

impl Scope<'_> {
    /// A local value by position.
    pub(crate) fn local_value(&mut self, i: usize) -> Outcome {
        let evaluator = self.evaluator;
        if evaluator.graph.is_broken(i) {
            return Err(Failed); // the cycle was reported
        }
        if evaluator.graph.is_pure(i) {
            return evaluator.locals[i].clone().ok_or(Failed);
        }
        // Those it needs first, without recursion: a chain of local values may be long.
        let mut stack = vec![(i, false)];
        while let Some((local, ready)) = stack.pop() {
            if self.locals.contains_key(&local) {
                continue;
            }
            if ready {
                let value = self.evaluate_local(local);
                self.locals.insert(local, value);
                continue;
            }
            stack.push((local, true));
            let needed = evaluator.graph.locals_of(local).filter(|n| !evaluator.graph.is_pure(*n));
            stack.extend(needed.map(|n| (n, false)));
        }
        let value = self.locals.get(&i).cloned().flatten().ok_or(Failed)?;
        Ok(value)
    }

    /// Evaluates a local value whose own local values are there.
    pub(crate) fn evaluate_local(&mut self, i: usize) -> Option<Value> {
        let evaluator = self.evaluator;
        let local = evaluator.module.locals.iter().nth(i)?;
        let bindings = std::mem::take(&mut self.bindings);
        let (instance, this) = (self.instance.take(), self.this.take());
        let value = self.eval(&local.value).and_then(|value| self.bounded(value, local.value.span));
        self.bindings = bindings;
        (self.instance, self.this) = (instance, this);
        value.ok()
    }

    fn repetition_value(&mut self, attribute: &Attribute) -> Outcome {
        let name = &attribute.name.text;
        let value = self.eval(&attribute.value)?;
        if value.is_null() {
            let diagnostic = Diagnostic::error(codes::BAD_REPETITION, format!("`{name}` is null"));
            return self.fail(diagnostic.at(attribute.value.span, ""));
        }
        if value.is_sensitive() {
            let diagnostic = Diagnostic::error(codes::BAD_REPETITION, format!("`{name}` is sensitive"));
            return self.fail(
                diagnostic
                    .at(attribute.value.span, "the keys of instances are shown in addresses")
                    .help("use nonsensitive() if it may be shown"),
            );
        }
        if let Content::Unknown(unknown) = value.content() {
            let mut diagnostic =
                Diagnostic::error(codes::BAD_REPETITION, format!("`{name}` is not known while planning"))
                    .at(attribute.value.span, "must be known to say what will be there");
            if let Some(source) = &unknown.source {
                let after = if source.path.steps().is_empty() { "" } else { "." };
                diagnostic = diagnostic.note(format!("known after {}{after}{}", source.address, source.path));
            }
            return self.fail(diagnostic);
        }
        Ok(value)
    }

    fn count(&mut self, attribute: &Attribute) -> Result<Vec<Instance>, Failed> {
        const MOST: i64 = 1_000_000;
        let value = self.repetition_value(attribute)?;
        let span = attribute.value.span;
        let number = self.converted(&value, &Type::Number, codes::BAD_REPETITION, "`count`", span)?;
        match number.as_i64() {
            Some(count @ 0..=MOST) => Ok((0u64..)
                .zip(0..count)
                .map(|(key, i)| Instance { key: Key::Index(key), value: Value::int(i) })
                .collect()),
            _ => self.fail(
                Diagnostic::error(codes::BAD_REPETITION, "`count` is not a usable number")
                    .at(span, format!("expected a whole number from 0 to {MOST}")),
            ),
        }
    }

    fn for_each_keys(&mut self, attribute: &Attribute) -> Result<Vec<Instance>, Failed> {
        let value = self.repetition_value(attribute)?;
        let span = attribute.value.span;
        let wrong = |label: String| {
            Diagnostic::error(codes::BAD_REPETITION, "`for_each` cannot use this value")
                .at(span, label)
                .help("a map or an object, or a set of strings: toset([…])")
        };
        match value.content() {
            Content::Map(_, entries) | Content::Object(entries) => Ok(entries
                .iter()
                .map(|(name, value)| Instance { key: Key::Name(name.to_string()), value: value.clone() })
                .collect()),
            Content::Set(_, items) => {
                let mut instances = Vec::with_capacity(items.len());
                for item in items.iter() {
                    match item.content() {
                        Content::String(name) => {
                            instances.push(Instance { key: Key::Name(name.to_string()), value: item.clone() })
                        }
                        Content::Unknown(_) => {
                            return self
                                .fail(wrong("an element of the set is not known while planning".into()));
                        }
                        _ => {
                            let what = convert::describe_value(item);
                            return self.fail(wrong(format!("the set holds {what}, expected strings")));
                        }
                    }
                }
                Ok(instances)
            }
            _ => {
                let label = format!("found {}", convert::describe_value(&value));
                self.fail(wrong(label))
            }
        }
    }

    /// Reports the rules that do not hold.
    pub(crate) fn conditions(&mut self, conditions: &[Condition]) -> Result<(), Failed> {
        let mut failed = false;
        for condition in conditions {
            failed |= self.condition(condition, codes::CONDITION).is_err();
        }
        if failed { Err(Failed) } else { Ok(()) }
    }

    pub(crate) fn condition(&mut self, rule: &Condition, code: &'static str) -> Result<(), Failed> {
        let truth = self.eval_as(&rule.condition, &Type::Bool, code, "a condition")?;
        if truth.as_bool() != Some(false) {
            return Ok(());
        }
        let message = self.eval(&rule.error_message)?;
        let message = match convert(&message, &Type::String) {
            Ok(text) if text.contains_sensitive() => "(the message is sensitive)".to_owned(),
            Ok(text) => text.as_str().unwrap_or("(the message is not known yet)").trim().to_owned(),
            Err(_) => "(the message is not text)".to_owned(),
        };
        let before = self.diagnostics.len();
        self.diagnostics.push(Diagnostic::error(code, message).at(rule.condition.span, "this is false"));
        self.explain(&rule.condition, before);
        Err(Failed)
    }
}

const _: () = assert!(limits::DEPTH < 1000); // recursion over values stays shallow
