//! The declarations of a configuration: which blocks there are, under which names, with their meta-arguments apart.
//!
//! What stands *in* a `cluster`, `resource`, `cloud_account` … is checked when it is evaluated, against a schema.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, Sources, Span};

use crate::codes;
use crate::meta::{self, Condition, Meta};
use crate::parse::parse_file;
use crate::settings::{self, Settings};
use crate::syntax::{Block, Body, Expr, Name};
use crate::type_constraint::TypeConstraint;

/// Things declared under a name, in the order declared.
#[derive(Debug, Clone)]
pub struct Named<T> {
    items: Vec<T>,
    index: HashMap<Arc<str>, usize>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named { items: Vec::new(), index: HashMap::new() }
    }
}

impl<T> Named<T> {
    /// The thing of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.index.get(name).map(|i| &self.items[*i])
    }

    /// Its position in the order declared.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// All of them in the order declared.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl<'a, T> IntoIterator for &'a Named<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

/// The kinds of block that are declared under a name and evaluated against a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeclarationKind {
    /// `cloud_account "name"`
    CloudAccount,
    /// `cluster_profile "name"`
    ClusterProfile,
    /// `cluster "name"`
    Cluster,
    /// `resource "name"`
    Resource,
    /// `data "name"`
    Data,
}

impl DeclarationKind {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            DeclarationKind::CloudAccount => "cloud_account",
            DeclarationKind::ClusterProfile => "cluster_profile",
            DeclarationKind::Cluster => "cluster",
            DeclarationKind::Resource => "resource",
            DeclarationKind::Data => "data",
        }
    }

    /// The kind a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        use DeclarationKind::{CloudAccount, Cluster, ClusterProfile, Data, Resource};
        [CloudAccount, ClusterProfile, Cluster, Resource, Data].into_iter().find(|kind| kind.word() == word)
    }
}

/// A named block with its meta-arguments taken out.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// What is declared.
    pub kind: DeclarationKind,
    /// Under which name.
    pub name: Name,
    /// The rest of the block, to be evaluated against its schema.
    pub block: Block,
    /// `count`, `for_each`, `depends_on`, `lifecycle`, `timeouts`; boxed because most blocks have none.
    pub meta: Box<Meta>,
}

/// `variable "name"`
#[derive(Debug, Clone)]
pub struct Variable {
    /// The name.
    pub name: Name,
    /// What values it takes.
    pub constraint: TypeConstraint,
    /// Its value when none is given.
    pub default: Option<Expr>,
    /// For people.
    pub description: Option<Arc<str>>,
    /// Its value is never shown.
    pub sensitive: bool,
    /// It may be null; otherwise null takes the default.
    pub nullable: bool,
    /// The rules its value must obey.
    pub validations: Vec<Condition>,
}

/// One entry of a `locals` block.
#[derive(Debug, Clone)]
pub struct Local {
    /// The name.
    pub name: Name,
    /// The expression.
    pub value: Expr,
}

/// `output "name"`
#[derive(Debug, Clone)]
pub struct Output {
    /// The name.
    pub name: Name,
    /// The expression.
    pub value: Expr,
    /// For people.
    pub description: Option<Arc<str>>,
    /// Its value may be sensitive and is not shown.
    pub sensitive: bool,
    /// What must hold before the value is accepted.
    pub preconditions: Vec<Condition>,
    /// What it waits for.
    pub depends_on: Vec<Expr>,
}

/// Everything declared in the files of one directory.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// The `lazuli` block.
    pub settings: Settings,
    /// Input variables.
    pub variables: Named<Variable>,
    /// Local values.
    pub locals: Named<Local>,
    /// Outputs.
    pub outputs: Named<Output>,
    /// Cloud accounts.
    pub cloud_accounts: Named<Declaration>,
    /// Cluster profiles.
    pub cluster_profiles: Named<Declaration>,
    /// Clusters.
    pub clusters: Named<Declaration>,
    /// Resources.
    pub resources: Named<Declaration>,
    /// Data blocks.
    pub data: Named<Declaration>,
}

impl Module {
    /// The declarations of a kind.
    pub fn declarations(&self, kind: DeclarationKind) -> &Named<Declaration> {
        match kind {
            DeclarationKind::CloudAccount => &self.cloud_accounts,
            DeclarationKind::ClusterProfile => &self.cluster_profiles,
            DeclarationKind::Cluster => &self.clusters,
            DeclarationKind::Resource => &self.resources,
            DeclarationKind::Data => &self.data,
        }
    }
}

/// Parses the files of a configuration, given by name and text in the order people should see them.
///
/// Everything that could be understood is in the module, also when there are errors. References to things that are
/// declared nowhere are among the diagnostics.
pub fn parse(sources: &mut Sources, files: Vec<(Arc<str>, String)>) -> (Module, Diagnostics) {
    let mut builder = Builder::default();
    let mut names = HashSet::new();
    for (name, text) in files {
        let text: Arc<str> = text.into();
        let file = sources.add(name, text.clone());
        let (body, diagnostics) = parse_file(&text, file, &mut names);
        builder.diagnostics.extend(diagnostics);
        builder.file(body);
    }
    let Builder { module, mut diagnostics, .. } = builder;
    diagnostics.extend(crate::scope_check::check(&module));
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
];

/// The top-level blocks of the language that this version cannot carry out.
const NOT_YET: &[&str] = &["module", "moved", "removed", "import", "check"];

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
        if NOT_YET.contains(&&*block.name.text) {
            self.diagnostics.push(crate::decode::not_supported(&block.name));
            return;
        }
        let Some((_, labels)) = TOP_LEVEL.iter().find(|(name, _)| *name == &*block.name.text) else {
            let names = TOP_LEVEL.iter().map(|(name, _)| *name);
            self.diagnostics.push(crate::decode::unknown_block(&block.name, "the configuration", names));
            return;
        };
        if block.labels.len() != *labels {
            let diagnostic = crate::decode::wrong_labels(&block, &["name"][..*labels]);
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
                insert(&mut self.module.variables, variable, |v| &v.name, "variable", &mut self.diagnostics);
            }
            "output" => {
                if let Some(output) = crate::declare::output(block, &mut self.diagnostics) {
                    insert(&mut self.module.outputs, output, |o| &o.name, "output", &mut self.diagnostics);
                }
            }
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
            insert(&mut self.module.locals, local, |l| &l.name, "local value", &mut self.diagnostics);
        }
    }

    fn declaration(&mut self, kind: DeclarationKind, mut block: Block) {
        let repeats =
            matches!(kind, DeclarationKind::Cluster | DeclarationKind::Resource | DeclarationKind::Data);
        let meta =
            if repeats { meta::take(&mut block, &mut self.diagnostics) } else { Box::new(Meta::default()) };
        let Some(name) = block.labels.first().cloned() else { return }; // impossible: counted above
        let declaration = Declaration { kind, name, block, meta };
        let into = match kind {
            DeclarationKind::CloudAccount => &mut self.module.cloud_accounts,
            DeclarationKind::ClusterProfile => &mut self.module.cluster_profiles,
            DeclarationKind::Cluster => &mut self.module.clusters,
            DeclarationKind::Resource => &mut self.module.resources,
            DeclarationKind::Data => &mut self.module.data,
        };
        insert(into, declaration, |d| &d.name, kind.word(), &mut self.diagnostics);
    }
}

fn insert<T>(
    into: &mut Named<T>,
    item: T,
    name: impl Fn(&T) -> &Name,
    word: &str,
    diagnostics: &mut Diagnostics,
) {
    let new = name(&item).clone();
    if let Some(first) = into.get(&new.text) {
        diagnostics.push(
            Diagnostic::error(codes::DUPLICATE, format!("{word} \"{}\" is declared twice", new.text))
                .at(new.span, "second time")
                .also_at(name(first).span, "first time"),
        );
        return;
    }
    into.index.insert(new.text, into.items.len());
    into.items.push(item);
}

/// True for a name that can be written without quotes.
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}
