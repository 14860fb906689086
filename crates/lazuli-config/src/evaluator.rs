//! The evaluator: a configuration with its variables given, ready to evaluate blocks and expressions.

use std::sync::Arc;

use lazuli_core::block::{Block as Evaluated, BlockSchema};
use lazuli_core::{Address, Diagnostic, Diagnostics, Span, Value};

use crate::codes;
use crate::externals::{Externals, Files, Instance, NoExternals};
use crate::graph::Named;
use crate::meta::Condition;
use crate::module::{Declaration, DeclarationKind, Module, Output};
use crate::scope::{Failed, Scope};
use crate::syntax::{Block, Expr};
use crate::tree::Modules;
use crate::unit::{Tree, Unit};
use crate::variables::{self, VariableInput};

/// A module instance with its variables given: the root, or one of those it calls. Cheap to clone; evaluation changes
/// nothing but a cache that all instances share, and may go on in many threads.
#[derive(Clone)]
pub struct Evaluator {
    pub(crate) tree: Arc<Tree>,
    pub(crate) unit: Arc<Unit>,
}

/// Mistakes in named values after which no more are looked for.
const MOST_MISTAKES: usize = 200;

/// How many copies of a block there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instances {
    /// One, without a key.
    Single,
    /// One for each key.
    Keyed(Vec<Instance>),
}

/// A block with mistakes.
#[derive(Debug)]
pub struct Mistaken {
    /// What is wrong with it.
    pub found: Diagnostics,
    /// The block without what could not be read, and where attributes stand that could not be evaluated: unknown values are
    /// in their places. `None` when blocks of it are missing.
    pub rest: Option<Box<(Evaluated, Vec<Span>)>>,
}

impl Mistaken {
    /// Adds what `owner` finds wrong with the rest.
    pub fn and(self, owner: impl FnOnce(&Evaluated) -> Result<(), Diagnostics>) -> Diagnostics {
        let Mistaken { mut found, rest } = self;
        if let Some((block, guessed)) = rest.as_deref()
            && let Err(more) = owner(block)
        {
            // Nothing is said of a value that could not be read.
            let more = more.into_iter().filter(|problem| {
                problem.primary.as_ref().is_none_or(|label| !guessed.contains(&label.span))
            });
            found.extend(more);
        }
        found
    }
}

impl Evaluator {
    /// Takes the values of the root's variables, later inputs over earlier ones, checks them, and evaluates every named
    /// value that reads nothing from outside, in every module. The evaluator is usable also when there are errors:
    /// whatever depends on something that failed fails without another word.
    pub fn new(
        modules: impl Into<Modules>,
        inputs: &[VariableInput],
        files: Arc<dyn Files>,
    ) -> (Self, Diagnostics) {
        let tree = Arc::new(Tree::new(modules.into(), files));
        let unit = tree.root();
        let evaluator = Evaluator { tree, unit };
        let (values, mut diagnostics) = variables::values(&evaluator, inputs);
        let _ = evaluator.tree.given.set(values); // for the first time
        let mut open = vec![evaluator.clone()];
        while let Some(next) = open.pop() {
            if diagnostics.len() >= MOST_MISTAKES {
                break; // what is left counts as failed; nobody reads more
            }
            next.settle(&mut diagnostics);
            let tree = &next.tree;
            for call in 0..next.unit.module.calls.len() {
                if tree.graph.is_pure(&tree.modules, next.unit.node, Named::Call(call)) {
                    let called = next.called(call, &NoExternals);
                    diagnostics.extend(tree.take_found());
                    open.extend(called.into_iter().rev());
                }
            }
        }
        (evaluator, diagnostics)
    }

    /// Evaluates, once, what reads nothing from outside, so that its mistakes are told whether or not somebody asks.
    fn settle(&self, diagnostics: &mut Diagnostics) {
        let Evaluator { tree, unit } = self;
        if unit.settled.set(()).is_err() {
            return;
        }
        let mut scope = Scope::new(self, &NoExternals, None);
        let called = unit.caller.is_some();
        let variables = (0..unit.module.variables.len()).filter(|_| called).map(Named::Variable);
        let locals = (0..unit.module.locals.len()).map(Named::Local);
        let outputs = (0..unit.module.outputs.len()).filter(|_| called).map(Named::Output);
        let mut mistakes = diagnostics.len();
        for named in variables.chain(locals).chain(outputs) {
            if tree.graph.is_pure(&tree.modules, unit.node, named) && mistakes < MOST_MISTAKES {
                let _ = scope.named(unit, named);
                let found = tree.take_found();
                mistakes += found.len();
                diagnostics.extend(found);
            }
        }
        variables::validate(&mut scope, true);
        diagnostics.append(&mut scope.elsewhere);
        diagnostics.append(&mut scope.diagnostics);
        diagnostics.extend(tree.take_found());
    }

    /// The copies of a call of this module; none when they cannot be counted.
    fn called(&self, call: usize, externals: &dyn Externals) -> Vec<Evaluator> {
        let mut scope = Scope::new(self, externals, None);
        let units = scope.units(&self.unit, call);
        self.tree.report(scope.elsewhere);
        self.tree.report(scope.diagnostics);
        let units = units.map(|units| units.units.clone()).unwrap_or_default();
        units.into_iter().map(|unit| Evaluator { tree: self.tree.clone(), unit }).collect()
    }

    /// The modules this one calls, one for each copy, in the order the calls are written.
    ///
    /// # Errors
    /// When copies cannot be counted, and everything wrong with values in the modules that read nothing from outside.
    pub fn children(&self, externals: &dyn Externals) -> (Vec<Evaluator>, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let mut children = Vec::new();
        for call in 0..self.unit.module.calls.len() {
            for child in self.called(call, externals) {
                child.settle(&mut diagnostics);
                children.push(child);
            }
        }
        diagnostics.extend(self.tree.take_found());
        (children, diagnostics)
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.unit.module
    }

    /// The root module with all it calls.
    pub fn modules(&self) -> &Modules {
        &self.tree.modules
    }

    /// Where this module is in the tree of calls: `module.net["a"]`; `None` of the root.
    pub fn address(&self) -> Option<&Address> {
        self.unit.address.as_ref()
    }

    /// The address of something in this module: `resource`, `logs`.
    pub fn address_of(&self, first: &str, second: &str) -> Address {
        match &self.unit.address {
            None => Address::root(first, second),
            Some(module) => module.child(first).child(second),
        }
    }

    /// The root module.
    #[must_use]
    pub fn root(&self) -> Evaluator {
        let mut unit = self.unit.clone();
        while let Some(caller) = &unit.caller {
            unit = caller.unit.clone();
        }
        Evaluator { tree: self.tree.clone(), unit }
    }

    /// The name by which a block that is only named, not read, is known to all modules.
    pub fn qualified(&self, kind: DeclarationKind, name: &Arc<str>) -> Arc<str> {
        match &self.unit.address {
            None => name.clone(),
            Some(_) => self.address_of(kind.word(), name).as_str().into(),
        }
    }

    /// The module's folder, relative to the configuration; empty for the root.
    pub fn folder(&self) -> &str {
        &self.tree.modules.nodes()[self.unit.node].directory
    }

    pub(crate) fn files(&self) -> &dyn Files {
        &*self.tree.files
    }

    /// `path.module`, `path.root`, `path.cwd`
    pub(crate) fn path(&self, name: &str) -> Value {
        let directory = &self.tree.modules.nodes()[self.unit.node].directory;
        match name {
            "cwd" => Value::string(self.tree.modules.working_directory()),
            "module" if !directory.is_empty() => Value::string(directory.clone()),
            _ => Value::from("."),
        }
    }

    fn given(&self) -> &[Option<Value>] {
        self.tree.given.get().map_or(&[], Vec::as_slice)
    }

    /// The value of a variable of the root; `None` when it is not declared or its value was refused.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.given().get(self.tree.modules.root().variables.position(name)?)?.as_ref()
    }

    /// Every variable's value of the root by name, for a saved plan; refused ones are left out.
    pub fn variables(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        let root = self.tree.modules.root();
        root.variables.iter().zip(self.given()).filter_map(|(v, value)| Some((&v.name.text, value.as_ref()?)))
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

    /// [`Self::block`], with what there is of a block that has mistakes: it may have more of them, that only who understands
    /// the block can see.
    ///
    /// # Errors
    /// All mistakes in it, and the rest.
    pub fn block_in_part(
        &self,
        block: &Block,
        schema: &'static BlockSchema,
        externals: &dyn Externals,
        instance: Option<&Instance>,
    ) -> Result<Evaluated, Mistaken> {
        let mut rest = None;
        let outcome = self.run(externals, instance, None, |scope| {
            let partial = scope.decode_partially(block, schema);
            if !partial.failed {
                return Ok(partial.block);
            }
            rest = (!partial.lacks_blocks).then(|| Box::new((partial.block, partial.guessed)));
            Err(Failed)
        });
        outcome.map_err(|found| Mistaken { found, rest })
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
        let outcome = what(&mut scope);
        let mut diagnostics = self.tree.take_found();
        diagnostics.append(&mut scope.elsewhere);
        diagnostics.append(&mut scope.diagnostics);
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
        self.run(externals, None, None, |scope| scope.copies(declaration.meta.repetition.as_ref()))
    }

    /// The value of an output.
    ///
    /// # Errors
    /// When it cannot be evaluated, a precondition does not hold, or it would show something sensitive.
    pub fn output(&self, output: &Output, externals: &dyn Externals) -> Result<Value, Diagnostics> {
        self.run(externals, None, None, |scope| {
            let value = scope.output(output)?;
            if self.unit.caller.is_none() && !output.sensitive && value.contains_sensitive() {
                let message = format!("output \"{}\" would show a sensitive value", output.name.text);
                return scope.fail(
                    Diagnostic::error(codes::SENSITIVE_OUTPUT, message)
                        .at(output.value.span, "derived from something sensitive")
                        .help("add `sensitive = true` to the output, or nonsensitive() if it may be shown"),
                );
            }
            Ok(value)
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
        if conditions.is_empty() {
            return Ok(());
        }
        self.run(externals, instance, this, |scope| scope.conditions(conditions))
    }

    /// What is looked at only when everything has been planned or applied: rules of variables that read something from
    /// outside, and outputs of modules that nobody asked for.
    ///
    /// # Errors
    /// One diagnostic for everything that is wrong.
    pub fn late(&self, externals: &dyn Externals) -> Result<(), Diagnostics> {
        self.run(externals, None, None, |scope| {
            variables::validate(scope, false);
            if self.unit.caller.is_some() {
                for output in 0..self.unit.module.outputs.len() {
                    let _ = scope.named(&self.unit, Named::Output(output));
                }
            }
            Ok(())
        })
    }
}
