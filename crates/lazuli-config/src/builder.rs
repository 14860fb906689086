//! Parsed files to a [`Module`]: top-level blocks sorted by what they declare.

use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, FileId, Sources, Span};

use crate::checks;
use crate::codes;
use crate::graph::Graph;
use crate::meta;
use crate::module::{Declaration, DeclarationKind, Local, Module, is_identifier};
use crate::module_call;
use crate::parallel::{Workers, alone, parse_files};
use crate::refactoring;
use crate::settings;
use crate::syntax::{Block, Body};
use crate::tree::Modules;

/// Parses the files of a configuration, given by name and text in the order people should see them.
///
/// Everything that could be understood is in the module, also when there are errors. References to things that are
/// declared nowhere are among the diagnostics. What it calls is not read: [`crate::load`] does.
pub fn parse(sources: &mut Sources, files: Vec<(Arc<str>, String)>) -> (Module, Diagnostics) {
    let (module, mut diagnostics) = parse_module(sources, files, false, &alone);
    let modules = Modules::from(Arc::new(module));
    diagnostics.extend(Graph::new(&modules).cycles(&modules));
    diagnostics.sort_by_key(|d| d.primary.as_ref().map(|label| label.span));
    (Module::clone(modules.root()), diagnostics)
}

/// One of several modules, the root or one that is called: whether values make a circle is seen only when all are there.
pub(crate) fn parse_module(
    sources: &mut Sources,
    files: Vec<(Arc<str>, String)>,
    called: bool,
    workers: Workers<'_>,
) -> (Module, Diagnostics) {
    let mut builder = Builder::default();
    let texts: Vec<(FileId, Arc<str>)> = files
        .into_iter()
        .map(|(name, text)| {
            let text: Arc<str> = text.into();
            (sources.add(name, text.clone()), text)
        })
        .collect();
    for (body, diagnostics) in parse_files(&texts, workers) {
        builder.diagnostics.extend(diagnostics);
        builder.file(body);
    }
    let Builder { mut module, mut diagnostics, .. } = builder;
    module.resources.trim();
    diagnostics.extend(crate::scope_check::check(&module, called));
    diagnostics.sort_by_key(|d| d.primary.as_ref().map(|label| label.span));
    (module, diagnostics)
}

/// The top-level blocks and how many labels they take.
const TOP_LEVEL: &[(&str, usize)] = &[
    ("lazuli", 0),
    ("cloud_account", 1),
    ("variable", 1),
    ("locals", 0),
    ("output", 1),
    ("cluster_profile", 1),
    ("cluster", 1),
    ("resource", 1),
    ("data", 1),
    ("module", 1),
    ("check", 1),
    ("moved", 0),
    ("removed", 0),
    ("import", 0),
];

#[derive(Default)]
struct Builder {
    module: Module,
    settings_at: Option<Span>,
    diagnostics: Diagnostics,
}

impl Builder {
    fn file(&mut self, body: Body) {
        for attribute in &body.attributes {
            let name = &attribute.name.text;
            self.diagnostics.push(
                Diagnostic::error(
                    codes::UNKNOWN_ATTRIBUTE,
                    format!("`{name}` cannot stand outside of a block"),
                )
                .at(attribute.name.span, "an attribute of no block")
                .help("put it into a `locals` block, or into the block it belongs to"),
            );
        }
        for block in body.blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: Block) {
        let Some((_, labels)) = TOP_LEVEL.iter().find(|(name, _)| *name == &*block.name.text) else {
            let names = TOP_LEVEL.iter().map(|(name, _)| *name);
            self.diagnostics.push(crate::misnamed::unknown_block(&block.name, "the configuration", names));
            return;
        };
        if block.labels.len() != *labels {
            let diagnostic = crate::misnamed::wrong_labels(&block, &["name"][..*labels]);
            self.diagnostics.push(diagnostic);
            return;
        }
        if let Some(label) = block.labels.first()
            && !is_identifier(&label.text)
        {
            self.diagnostics.push(
                Diagnostic::error(codes::BAD_NAME, format!("\"{}\" is not a name", label.text))
                    .at(label.span, "a letter or _, then letters, digits, _ and -"),
            );
            return;
        }
        match &*block.name.text {
            "lazuli" => self.settings(&block),
            "locals" => self.locals(block),
            "variable" => {
                let variable = crate::declare::variable(block, &mut self.diagnostics);
                self.module.variables.insert(variable, |v| &v.name, "variable", &mut self.diagnostics);
            }
            "output" => {
                let output = crate::declare::output(block, &mut self.diagnostics);
                self.module.outputs.insert(output, |o| &o.name, "output", &mut self.diagnostics);
            }
            "module" => {
                let call = module_call::read(block, &mut self.diagnostics);
                self.module.calls.insert(call, |c| &c.name, "module", &mut self.diagnostics);
            }
            "check" => {
                let check = checks::read(block, &mut self.diagnostics);
                self.module.checks.insert(check, |c| &c.name, "check", &mut self.diagnostics);
            }
            "moved" => self.module.moved.extend(refactoring::moved(block, &mut self.diagnostics)),
            "removed" => self.module.removed.extend(refactoring::removed(block, &mut self.diagnostics)),
            "import" => self.module.imports.extend(refactoring::import(block, &mut self.diagnostics)),
            word => {
                if let Some(kind) = DeclarationKind::from_word(word) {
                    self.declaration(kind, block);
                }
            }
        }
    }

    fn settings(&mut self, block: &Block) {
        if let Some(first) = self.settings_at {
            self.diagnostics.push(
                Diagnostic::error(codes::DUPLICATE, "`lazuli` stands twice")
                    .at(block.span, "second time")
                    .also_at(first, "first time"),
            );
            return;
        }
        self.settings_at = Some(block.span);
        self.module.settings = settings::read(block, &mut self.diagnostics);
    }

    fn locals(&mut self, block: Block) {
        for inner in &block.body.blocks {
            self.diagnostics.push(
                Diagnostic::error(codes::UNKNOWN_BLOCK, "`locals` has no blocks")
                    .at(inner.span, "a value is written with `=`"),
            );
        }
        for attribute in block.body.attributes {
            let local = Local { name: attribute.name, value: attribute.value };
            self.module.locals.insert(local, |l| &l.name, "local value", &mut self.diagnostics);
        }
    }

    fn declaration(&mut self, kind: DeclarationKind, mut block: Block) {
        let repeats =
            matches!(kind, DeclarationKind::Cluster | DeclarationKind::Resource | DeclarationKind::Data);
        let meta = if repeats { meta::take(&mut block, &mut self.diagnostics) } else { meta::none() };
        let Some(name) = block.labels.first().cloned() else { return }; // impossible: counted above
        let declaration = Declaration { kind, name, block, meta };
        let into = match kind {
            DeclarationKind::CloudAccount => &mut self.module.cloud_accounts,
            DeclarationKind::ClusterProfile => &mut self.module.cluster_profiles,
            DeclarationKind::Cluster => &mut self.module.clusters,
            DeclarationKind::Resource => &mut self.module.resources,
            DeclarationKind::Data => &mut self.module.data,
        };
        into.insert(declaration, |d| &d.name, kind.word(), &mut self.diagnostics);
    }
}
