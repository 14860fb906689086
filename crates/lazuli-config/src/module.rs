//! The declarations of a configuration: which blocks there are, under which names, with their meta-arguments apart.
//!
//! What stands *in* a `cluster`, `resource`, `cloud_account` … is checked when it is evaluated, against a schema.

use std::collections::HashMap;
use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, Hashing, Span};

use crate::checks::Check;
use crate::codes;
use crate::meta::{Condition, Meta};
use crate::module_call::ModuleCall;
use crate::refactoring::{Import, Moved, Removed};
use crate::settings::Settings;
use crate::syntax::{Block, Expr, Name};
use crate::type_constraint::TypeConstraint;

/// Things declared under a name, in the order declared.
#[derive(Debug, Clone)]
pub struct Named<T> {
    items: Vec<T>,
    index: HashMap<Arc<str>, usize, Hashing>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named { items: Vec::new(), index: HashMap::default() }
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

    /// The one at a position.
    pub fn at(&self, position: usize) -> Option<&T> {
        self.items.get(position)
    }

    /// Gives back the room that nothing will be put into.
    pub(crate) fn trim(&mut self) {
        self.items.shrink_to_fit();
    }

    /// Adds one; a name that is there already is reported.
    pub(crate) fn insert(
        &mut self,
        item: T,
        name: impl Fn(&T) -> &Name,
        word: &str,
        diagnostics: &mut Diagnostics,
    ) {
        let new = name(&item).clone();
        if let Some(first) = self.get(&new.text) {
            diagnostics.push(twice(word, &new, name(first).span));
            return;
        }
        self.index.insert(new.text, self.items.len());
        self.items.push(item);
    }
}

fn twice(word: &str, new: &Name, first: Span) -> Diagnostic {
    Diagnostic::error(codes::DUPLICATE, format!("{word} \"{}\" is declared twice", new.text))
        .at(new.span, "second time")
        .also_at(first, "first time")
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
    /// `count`, `for_each`, `depends_on`, `lifecycle`, `timeouts`; shared because most blocks have none.
    pub meta: Arc<Meta>,
}

/// `variable "name"`
#[derive(Debug, Clone)]
pub struct Variable {
    /// The name.
    pub name: Name,
    /// What values it takes.
    pub constraint: TypeConstraint,
    /// True when the type is written, be it `any`.
    pub typed: bool,
    /// Its value when none is given.
    pub default: Option<Expr>,
    /// For people.
    pub description: Option<Arc<str>>,
    /// Why nobody should give it a value any more, if so.
    pub deprecated: Option<Arc<str>>,
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
    /// Calls of other modules.
    pub calls: Named<ModuleCall>,
    /// Checks.
    pub checks: Named<Check>,
    /// What has another address than before.
    pub moved: Vec<Moved>,
    /// What is declared no longer.
    pub removed: Vec<Removed>,
    /// What exists and is taken over.
    pub imports: Vec<Import>,
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

/// True for a name that can be written without quotes.
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}
