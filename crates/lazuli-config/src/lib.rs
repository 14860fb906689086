//! HCL text to a typed, spanned configuration, and the evaluation of its expressions.
//!
//! Pure: no input or output, no clock, no randomness. Files that expressions read come through [`Files`], objects of
//! other blocks through [`Externals`].
//!
//! | module | what |
//! |---|---|
//! | `split`, `parallel`, `parse`, `token`, `scan`, `parser` | text to the syntax tree ([`syntax`]), mistake by mistake |
//! | `module`, `builder`, `declare`, `meta`, `settings`, `type_constraint` | what is declared ([`Module`]) |
//! | `module_call`, `checks`, `refactoring`, `imports` | calls of modules; `check`; `moved`, `removed`, `import` |
//! | `tree`, `tree_check` | all modules of a configuration ([`Modules`]), and what they say of each other |
//! | `walk`, `references`, `scope_check`, `graph`, `circles` | what expressions refer to, without evaluating them |
//! | `evaluator`, `variables`, `variables_file`, `unit` | module instances with their variables given ([`Evaluator`]) |
//! | `named`, `repetition`, `rules`, `dependencies` | named values; copies; conditions; what blocks wait for |
//! | `scope`, `operators`, `conditional`, `traverse`, `one`, `splat`, `collections`, `template`, `template_functions`, `call` | evaluation of expressions |
//! | `explain`, `discretion` | what a failed expression refers to, said with its mistakes; what is not said |
//! | `manifests` | files of Kubernetes objects |
//! | `convert`, `mismatch`, `unify`, `compare`, `set_order`, `text`, `limits` | operations on values |
//! | [`functions`] | the functions of the language |
//! | `misnamed` | names, labels and attributes that are not as they should be |
//! | `decode`, [`schemas`], [`resource`] | blocks against schemas; `resource` and `data` as typed values |
//! | `fmt` | the canonical format of a file ([`format()`]) |
//! | `codes` | the codes of diagnostics |

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod builder;
mod call;
mod checks;
mod circles;
mod codes;
mod collections;
mod compare;
mod conditional;
mod convert;
mod declare;
mod decode;
mod dependencies;
mod evaluator;
mod explain;
mod externals;
mod fmt;
pub mod functions;
mod graph;
mod imports;
mod limits;
mod manifests;
mod meta;
mod mismatch;
mod misnamed;
mod module;
mod module_call;
mod named;
mod names;
mod one;
mod operators;
mod parallel;
mod parse;
mod parser;
mod refactoring;
mod references;
mod repetition;
pub mod resource;
mod rules;
mod scan;
pub mod schemas;
mod scope;
mod scope_check;
mod set_order;
mod settings;
mod split;
pub mod syntax;
mod template;
mod template_functions;
mod text;
mod token;
mod traverse;
mod tree;
mod tree_check;
mod type_constraint;
mod unify;
mod unit;
mod variables;
mod variables_file;
mod walk;

pub use builder::parse;
pub use checks::Check;
pub use codes::CODES;
pub use convert::convert;
pub use dependencies::ClusterPlace;
pub use evaluator::{Evaluator, Instances, Mistaken};
pub use externals::{Externals, FileKind, Files, Instance, Moment, NoExternals, NoFiles, Root, Unavailable};
pub use fmt::format;
pub use imports::Imported;
pub use meta::{Condition, IgnoreChanges, Lifecycle, Meta, Repetition};
pub use mismatch::Mismatch;
pub use module::{Declaration, DeclarationKind, Local, Module, Named, Output, Variable};
pub use module_call::ModuleCall;
pub use parallel::{Workers, alone};
pub use parse::{parse_expression, parse_template};
pub use refactoring::{Import, Moved, Removed, Target, TargetKind, kind_of};
pub use references::{Reference, ReferenceKey};
pub use resource::{Placement, Resource, Timeouts};
pub use rules::{CheckVerdict, Checked};
pub use settings::{Backend, Setting, Settings};
pub use tree::{Modules, ReadModule, load};
pub use type_constraint::TypeConstraint;
pub use variables::{InputValue, Origin, VariableInput};
pub use variables_file::parse_variables;

use lazuli_core::Diagnostics;

/// Adds diagnostics to others, leaving out those that are there already: a mistake in a local value is found by
/// everybody who reads it.
pub fn merge(into: &mut Diagnostics, more: Diagnostics) {
    for diagnostic in more {
        if !into.contains(&diagnostic) {
            into.push(diagnostic);
        }
    }
}
