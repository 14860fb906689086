//! A configuration with all modules it calls: one node for each call, however often it is carried out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, Sources, Span};

use crate::builder::parse_module;
use crate::codes;
use crate::module::Module;
use crate::module_call::{ModuleCall, joined};
use crate::parallel::Workers;

/// The root module and, below it, what it calls.
#[derive(Debug, Clone)]
pub struct Modules {
    nodes: Vec<Node>,
    /// What `path.cwd` means.
    cwd: Arc<str>,
}

/// A call of a module, or the root.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) module: Arc<Module>,
    /// Relative to that of the root, which is empty.
    pub(crate) directory: Arc<str>,
    /// The node that calls it, and the position of the call there; `None` of the root.
    pub(crate) caller: Option<(usize, usize)>,
    /// For each call of the module its node; `None` when its module could not be read.
    pub(crate) calls: Vec<Option<usize>>,
}

/// Calls of modules in modules beyond which a configuration is refused.
const MOST_CALLS: usize = 20_000;
/// Modules in modules in modules.
const DEPTH: usize = 50;

/// Reads the configuration files of a module's directory, given relative to that of the root (`network`, `../shared`):
/// names as people should see them, and texts. The error is a sentence for people.
pub type ReadModule<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<(Arc<str>, String)>, String>;

impl From<Arc<Module>> for Modules {
    /// One module; what it calls is missing.
    fn from(module: Arc<Module>) -> Self {
        let calls = vec![None; module.calls.len()];
        let root = Node { module, directory: "".into(), caller: None, calls };
        Modules { nodes: vec![root], cwd: ".".into() }
    }
}

impl Modules {
    /// The root module.
    pub fn root(&self) -> &Arc<Module> {
        &self.nodes[0].module
    }

    /// Says where the command was started: what `path.cwd` means.
    #[must_use]
    pub fn started_in(self, directory: &str) -> Modules {
        Modules { cwd: directory.into(), ..self }
    }

    pub(crate) fn working_directory(&self) -> Arc<str> {
        self.cwd.clone()
    }

    /// Every module once, with its directory relative to that of the root, which is empty.
    pub fn modules(&self) -> impl Iterator<Item = (&str, &Module)> {
        let mut seen = HashSet::new();
        let once = self.nodes.iter().filter(move |node| seen.insert(node.directory.clone()));
        once.map(|node| (&*node.directory, &*node.module))
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// `module.a.module.b.` of a node, nothing of the root.
    pub(crate) fn prefix(&self, node: usize) -> String {
        let mut names = Vec::new();
        let mut at = node;
        while let Some((caller, call)) = self.nodes[at].caller {
            names
                .extend(self.nodes[caller].module.calls.at(call).map(|c| format!("module.{}.", c.name.text)));
            at = caller;
        }
        names.reverse();
        names.concat()
    }

    /// The declared module a path of calls leads to; `None` when one of them is not declared or could not be read.
    pub(crate) fn follow<'n>(&self, from: usize, calls: impl Iterator<Item = &'n str>) -> Option<usize> {
        let mut at = from;
        for call in calls {
            at = self.nodes[at].calls[self.nodes[at].module.calls.position(call)?]?;
        }
        Some(at)
    }
}

/// Parses a configuration and the modules it calls.
///
/// Everything that could be understood is there, also when there are errors. What comes out does not hang on the workers.
pub fn load(
    sources: &mut Sources,
    files: Vec<(Arc<str>, String)>,
    read: ReadModule<'_>,
    workers: Workers<'_>,
) -> (Modules, Diagnostics) {
    let (root, diagnostics) = parse_module(sources, files, false, workers);
    let (parsed, checked) = (HashMap::new(), HashSet::new());
    let mut loading = Loading { sources, read, workers, parsed, checked, diagnostics };
    let mut modules = Modules::from(Arc::new(root));
    let mut at = 0;
    while at < modules.nodes.len() && loading.calls(&mut modules, at) {
        at += 1;
    }
    let mut diagnostics = loading.diagnostics;
    diagnostics.extend(crate::graph::Graph::new(&modules).cycles(&modules));
    diagnostics.extend(crate::tree_check::check(&modules));
    diagnostics.sort_by_key(|d| d.primary.as_ref().map(|label| label.span));
    (modules, diagnostics)
}

struct Loading<'l> {
    sources: &'l mut Sources,
    read: ReadModule<'l>,
    workers: Workers<'l>,
    /// Modules by directory; `None` for one that cannot be read.
    parsed: HashMap<String, Option<Arc<Module>>>,
    /// Calls whose mistakes were told: a module may be called from many places.
    checked: HashSet<Span>,
    diagnostics: Diagnostics,
}

impl Loading<'_> {
    /// Adds the nodes of what a node calls; false when there are too many.
    fn calls(&mut self, modules: &mut Modules, at: usize) -> bool {
        let module = modules.nodes[at].module.clone();
        for (position, call) in module.calls.iter().enumerate() {
            let Some(source) = &call.source else { continue }; // refused
            let directory = joined(&modules.nodes[at].directory, source);
            let first = self.checked.insert(call.source_span);
            if let Some(problem) = endless(modules, at, call, &directory) {
                self.diagnostics.extend(first.then_some(problem));
                continue;
            }
            let Some(called) = self.module(&directory, call) else { continue };
            if modules.nodes.len() > MOST_CALLS {
                let message = format!("modules call modules more than {MOST_CALLS} times");
                let problem = Diagnostic::error(codes::MODULE_CYCLE, message);
                self.diagnostics.push(problem.at(call.source_span, "one call too many"));
                return false;
            }
            if first {
                self.diagnostics.extend(inputs(call, &called));
            }
            let node = modules.nodes.len();
            let calls = vec![None; called.calls.len()];
            let caller = Some((at, position));
            modules.nodes.push(Node { module: called, directory: directory.into(), caller, calls });
            modules.nodes[at].calls[position] = Some(node);
        }
        true
    }

    fn module(&mut self, directory: &str, call: &ModuleCall) -> Option<Arc<Module>> {
        if let Some(known) = self.parsed.get(directory) {
            return known.clone();
        }
        let module = match (self.read)(directory) {
            Ok(files) => {
                let (module, found) = parse_module(self.sources, files, true, self.workers);
                self.diagnostics.extend(found);
                self.diagnostics.extend(root_only(&module));
                Some(Arc::new(module))
            }
            Err(reason) => {
                let message = format!("the module in {} cannot be read", shown(directory));
                self.diagnostics
                    .push(Diagnostic::error(codes::BAD_SOURCE, message).at(call.source_span, reason));
                None
            }
        };
        self.parsed.insert(directory.to_owned(), module.clone());
        module
    }
}

fn shown(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

/// What forbids to go on from here: a module that calls itself, or too many in one another.
fn endless(modules: &Modules, at: usize, call: &ModuleCall, directory: &str) -> Option<Diagnostic> {
    let mut way = vec![(call.source_span, directory)];
    let mut above = at;
    loop {
        let node = &modules.nodes[above];
        if &*node.directory == directory {
            break;
        }
        let Some((caller, position)) = node.caller else {
            if way.len() <= DEPTH {
                return None;
            }
            let message = format!("modules are nested deeper than {DEPTH} levels");
            return Some(
                Diagnostic::error(codes::MODULE_CYCLE, message).at(call.source_span, "one level too deep"),
            );
        };
        let span =
            modules.nodes[caller].module.calls.at(position).map_or(call.source_span, |c| c.source_span);
        way.push((span, &node.directory));
        above = caller;
    }
    way.reverse();
    let names: Vec<&str> =
        std::iter::once(shown(directory)).chain(way.iter().map(|(_, called)| shown(called))).collect();
    let message = format!("modules call each other in a circle: {}", names.join(" -> "));
    let mut diagnostic = Diagnostic::error(codes::MODULE_CYCLE, message);
    for (n, (span, _)) in way.iter().enumerate() {
        let label = format!("{} calls {}", names[n], names[n + 1]);
        diagnostic = if n == 0 { diagnostic.at(*span, label) } else { diagnostic.also_at(*span, label) };
    }
    Some(diagnostic)
}

/// Inputs that the module does not have, and variables of it that have no value.
fn inputs(call: &ModuleCall, module: &Module) -> Diagnostics {
    let mut diagnostics = Vec::new();
    let name = format!("module {}", call.name.text);
    let unknown: Vec<_> =
        call.inputs.iter().filter(|input| module.variables.get(&input.name.text).is_none()).collect();
    for input in &unknown {
        let names = module.variables.iter().map(|v| &*v.name.text);
        diagnostics.push(crate::misnamed::unknown_attribute(&input.name, &name, names));
    }
    for input in &call.inputs {
        let variable = module.variables.get(&input.name.text);
        diagnostics.extend(variable.and_then(|v| crate::variables::deprecated(v, Some(input.name.span))));
    }
    for variable in module.variables.iter().filter(|variable| variable.default.is_none()) {
        let wanted = &variable.name.text;
        let names = || module.variables.iter().map(|v| &*v.name.text);
        let misspelt =
            unknown.iter().any(|i| lazuli_core::suggestion::closest(&i.name.text, names()) == Some(wanted));
        if call.input(wanted).is_none() && !misspelt {
            diagnostics.push(
                crate::misnamed::missing_attribute(wanted, &name, call.span)
                    .also_at(variable.name.span, "declared here, without a default"),
            );
        }
    }
    diagnostics
}

/// What may stand in the root module alone.
fn root_only(module: &Module) -> Diagnostics {
    let report = |word: &str, span: Span, help: &str| {
        let message = format!("`{word}` stands in the root module, not in one that is called");
        Diagnostic::error(codes::ROOT_ONLY, message).at(span, "not here").help(help.to_owned())
    };
    let accounts = module.cloud_accounts.iter().map(|account| {
        let help = "hand it over: a variable here, account = cloud_account.main in the call";
        report("cloud_account", account.name.span, help)
    });
    let backend = module
        .settings
        .backend
        .as_ref()
        .map(|b| report("backend", b.span, "there is one state for all modules"));
    let imports = module.imports.iter().map(|import| {
        report("import", import.span, "write it in the root module: to = module.NAME.resource.NAME")
    });
    accounts.chain(backend).chain(imports).collect()
}
