//! Modules as they are carried out: one unit for each copy of each call, made when somebody asks for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lazuli_core::address::Key;
use lazuli_core::{Address, Diagnostics, Value};

use crate::evaluator::Instances;
use crate::externals::{Files, Instance};
use crate::graph::{Graph, Named};
use crate::module::Module;
use crate::tree::Modules;

/// A module instance: the root, or a copy of a call.
pub(crate) struct Unit {
    /// Unlike that of any other unit of the same tree; 0 is the root.
    pub(crate) id: usize,
    /// Its node in the tree of calls.
    pub(crate) node: usize,
    pub(crate) module: Arc<Module>,
    /// `module.net["a"]`; `None` of the root.
    pub(crate) address: Option<Address>,
    pub(crate) caller: Option<Caller>,
    /// Set once its values that read nothing from outside are looked through.
    pub(crate) settled: OnceLock<()>,
}

/// Who calls a unit.
pub(crate) struct Caller {
    pub(crate) unit: Arc<Unit>,
    pub(crate) call: usize,
    /// Which copy it is, under `count` and `for_each`.
    pub(crate) instance: Option<Instance>,
}

impl Caller {
    pub(crate) fn key(&self) -> Option<&Key> {
        self.instance.as_ref().map(|instance| &instance.key)
    }
}

/// The copies of a call.
pub(crate) struct Units {
    pub(crate) units: Vec<Arc<Unit>>,
    /// By key; empty for a single one.
    places: HashMap<Key, usize>,
}

impl Units {
    /// True when the call has neither `count` nor `for_each`.
    pub(crate) fn single(&self) -> Option<&Arc<Unit>> {
        self.units.first().filter(|unit| unit.caller.as_ref().is_none_or(|c| c.instance.is_none()))
    }

    /// The copy with a key; `"1"` and `1` are the same, as in an index.
    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Unit>> {
        let other = match key {
            Key::Index(index) => Key::Name(index.to_string()),
            Key::Name(name) => Key::Index(name.parse().unwrap_or(u64::MAX)),
        };
        self.places.get(key).or_else(|| self.places.get(&other)).map(|place| &self.units[*place])
    }
}

/// `Microsoft.Network/virtualNetworks` and `2025-05-01`.
pub(crate) type TypeAndVersion = (Arc<str>, Arc<str>);

/// The copies of a call as they were counted: the edition they belong to; `None` when counting failed.
type Counted = (u64, Option<Arc<Units>>);

/// Values that were computed.
#[derive(Default)]
struct Kept {
    /// Those that read nothing from outside; `None` for those that failed.
    pure: HashMap<(usize, Named), Option<Value>>,
    /// The generation of externals the others were computed from.
    generation: u64,
    others: HashMap<(usize, Named), Value>,
}

/// All modules with everything that was computed of them.
pub(crate) struct Tree {
    pub(crate) modules: Modules,
    pub(crate) graph: Graph,
    pub(crate) files: Arc<dyn Files>,
    /// The values of the root's variables.
    pub(crate) given: OnceLock<Vec<Option<Value>>>,
    kept: Mutex<Kept>,
    /// The copies of calls, by unit and position.
    calls: Mutex<HashMap<(usize, usize), Counted>>,
    next: AtomicUsize,
    /// Names and versions of the types of resources, by what is written: few types, very many resources.
    types: Mutex<HashMap<Arc<str>, TypeAndVersion>>,
    /// Mistakes nobody was told of yet, in what is computed once.
    found: Mutex<Diagnostics>,
}

impl Tree {
    pub(crate) fn new(modules: Modules, files: Arc<dyn Files>) -> Self {
        let graph = Graph::new(&modules);
        Tree {
            modules,
            graph,
            files,
            given: OnceLock::new(),
            kept: Mutex::default(),
            calls: Mutex::default(),
            next: AtomicUsize::new(1),
            types: Mutex::default(),
            found: Mutex::default(),
        }
    }

    pub(crate) fn root(&self) -> Arc<Unit> {
        let module = self.modules.root().clone();
        Arc::new(Unit { id: 0, node: 0, module, address: None, caller: None, settled: OnceLock::new() })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value that reads nothing from outside, when it was computed.
    pub(crate) fn pure(&self, unit: usize, named: Named) -> Option<Option<Value>> {
        self.kept().pure.get(&(unit, named)).cloned()
    }

    pub(crate) fn keep_pure(&self, unit: usize, named: Named, value: Option<Value>) {
        self.kept().pure.insert((unit, named), value);
    }

    /// A value that was computed from one generation of externals.
    pub(crate) fn kept_of(&self, generation: u64, unit: usize, named: Named) -> Option<Value> {
        let kept = self.kept();
        if kept.generation == generation { kept.others.get(&(unit, named)).cloned() } else { None }
    }

    pub(crate) fn keep(&self, generation: u64, unit: usize, named: Named, value: Value) {
        let mut kept = self.kept();
        if generation > kept.generation {
            kept.generation = generation;
            kept.others.clear();
        }
        // Others may know more by now.
        if generation == kept.generation {
            kept.others.insert((unit, named), value);
        }
    }

    /// The copies of a call as they were last counted; the inner `None` when that failed.
    pub(crate) fn counted(&self, unit: usize, call: usize) -> Option<Counted> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(&(unit, call)).cloned()
    }

    /// Makes the units of a call.
    pub(crate) fn count(&self, unit: &Arc<Unit>, call: usize, edition: u64, copies: Option<Instances>) {
        let units = copies.and_then(|copies| self.units(unit, call, copies)).map(Arc::new);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.insert((unit.id, call), (edition, units));
    }

    fn units(&self, unit: &Arc<Unit>, call: usize, copies: Instances) -> Option<Units> {
        let node = self.modules.nodes().get(unit.node)?.calls.get(call).copied()??;
        let module = &self.modules.nodes()[node].module;
        let name = &unit.module.calls.at(call)?.name.text;
        let address = match &unit.address {
            None => Address::root("module", name),
            Some(address) => address.child("module").child(name),
        };
        let make = |instance: Option<Instance>| {
            let address = instance.as_ref().map_or(address.clone(), |i| address.instance(&i.key));
            Arc::new(Unit {
                id: self.next.fetch_add(1, Ordering::Relaxed),
                node,
                module: module.clone(),
                address: Some(address),
                caller: Some(Caller { unit: unit.clone(), call, instance }),
                settled: OnceLock::new(),
            })
        };
        Some(match copies {
            Instances::Single => Units { units: vec![make(None)], places: HashMap::new() },
            Instances::Keyed(instances) => {
                let places = instances.iter().enumerate().map(|(place, i)| (i.key.clone(), place)).collect();
                Units { units: instances.into_iter().map(|i| make(Some(i))).collect(), places }
            }
        })
    }

    /// The name and the version of a type, when somebody read it before.
    pub(crate) fn type_written(&self, text: &str) -> Option<TypeAndVersion> {
        self.types.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned()
    }

    pub(crate) fn keep_type(&self, text: &str, name_and_version: &TypeAndVersion) {
        let mut types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        types.insert(text.into(), name_and_version.clone());
    }

    pub(crate) fn report(&self, diagnostics: Diagnostics) {
        if !diagnostics.is_empty() {
            self.found.lock().unwrap_or_else(PoisonError::into_inner).extend(diagnostics);
        }
    }

    /// The mistakes nobody was told of yet.
    pub(crate) fn take_found(&self) -> Diagnostics {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
