//! `resource` and `data` blocks as typed values.

use std::sync::Arc;
use std::time::Duration;

use lazuli_core::block::Block as Evaluated;
use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Diagnostics, Path, Span, Value};

use crate::codes;
use crate::evaluator::Evaluator;
use crate::externals::{Externals, Instance};
use crate::module::{Declaration, DeclarationKind};
use crate::schemas;
use crate::unit::TypeAndVersion;

/// Attributes of a `resource` block that are Lazuli's own and not part of the body sent to ARM.
const OWN: [&str; 8] = [
    "type",
    "cloud_account",
    "resource_group",
    "parent_id",
    "name",
    "sensitive_properties",
    "ignore",
    "count",
];

/// An evaluated `resource` or `data` block.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The ARM type without version: `Microsoft.Storage/storageAccounts`.
    pub type_name: Arc<str>,
    /// The version of the API: `2025-06-01`.
    pub api_version: Arc<str>,
    /// The cloud account, by name.
    pub cloud_account: Arc<str>,
    /// Where it lives.
    pub placement: Placement,
    /// The name in Azure: a string, perhaps not known yet.
    pub name: Value,
    /// The body as ARM wants it: an object of the top-level attributes that were written, perhaps with unknown and
    /// sensitive parts. Empty for `data`.
    pub body: Value,
    /// Write-only properties, merged into `properties` when sent.
    pub sensitive_properties: Option<Value>,
    /// Paths another writer owns.
    pub ignore: Vec<Path>,
    /// The evaluated block, for spans: `block.span_of("name")`.
    pub block: Evaluated,
}

/// Where a resource lives.
#[derive(Debug, Clone, PartialEq)]
pub enum Placement {
    /// In a resource group of its account's subscription: the name, a string.
    ResourceGroup(Value),
    /// Under another resource or scope: the id, a string.
    Parent(Value),
}

/// How long operations may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Creating.
    pub create: Option<Duration>,
    /// Reading.
    pub read: Option<Duration>,
    /// Updating.
    pub update: Option<Duration>,
    /// Deleting.
    pub delete: Option<Duration>,
}

impl Evaluator {
    /// Evaluates a `resource` or `data` declaration.
    ///
    /// # Errors
    /// All mistakes in it; none when it fails because of something reported before.
    pub fn resource(
        &self,
        declaration: &Declaration,
        externals: &dyn Externals,
        instance: Option<&Instance>,
    ) -> Result<Resource, Diagnostics> {
        let schema = match declaration.kind {
            DeclarationKind::Data => &schemas::DATA,
            _ => &schemas::RESOURCE,
        };
        let block = self.block(&declaration.block, schema, externals, instance)?;
        let mut diagnostics = Vec::new();
        let type_and_version = self.type_and_version(&block, &mut diagnostics);
        let placement = placement(&block, &mut diagnostics);
        let cloud_account = self.account(&block, &mut diagnostics);
        let ignore = ignore(&block, &mut diagnostics);
        for name in ["properties", "sensitive_properties"] {
            diagnostics.extend(not_an_object(&block, name));
        }
        let (Some((type_name, api_version)), Some(placement), Some(cloud_account), Some(name), true) = (
            type_and_version,
            placement,
            cloud_account,
            block.value("name").cloned(),
            diagnostics.is_empty(),
        ) else {
            return Err(diagnostics);
        };
        let sent = block.attributes.iter().filter(|a| !OWN.contains(&&*a.name));
        let mut body = Vec::with_capacity(block.attributes.len());
        body.extend(sent.map(|a| (a.name.clone(), a.value.clone())));
        let body = Value::object(body);
        let sensitive_properties = block.value("sensitive_properties").cloned().map(Value::sensitive);
        Ok(Resource {
            type_name,
            api_version,
            cloud_account,
            placement,
            name,
            body,
            sensitive_properties,
            ignore,
            block,
        })
    }

    /// The name and the version in `type`; what is right is looked at once.
    fn type_and_version(&self, block: &Evaluated, diagnostics: &mut Diagnostics) -> Option<TypeAndVersion> {
        let written = block.value("type").and_then(Value::as_str);
        let known = written.and_then(|text| self.tree.type_written(text));
        known.or_else(|| {
            let read = type_and_version(block, diagnostics)?;
            self.tree.keep_type(written?, &read);
            Some(read)
        })
    }

    fn account(&self, block: &Evaluated, diagnostics: &mut Diagnostics) -> Option<Arc<str>> {
        if let Some(value) = block.value("cloud_account") {
            return value.as_str().map(Arc::from);
        }
        let accounts = &self.modules().root().cloud_accounts;
        match accounts.iter().collect::<Vec<_>>().as_slice() {
            [only] => Some(only.name.text.clone()),
            [] => {
                diagnostics.push(
                    Diagnostic::error(codes::WHICH_ACCOUNT, "no cloud account is declared")
                        .at(block.span, "this belongs to none")
                        .help("declare a `cloud_account` block"),
                );
                None
            }
            several => {
                let names: Vec<&str> = several.iter().map(|a| &*a.name.text).collect();
                diagnostics.push(
                    Diagnostic::error(codes::WHICH_ACCOUNT, "which cloud account does this belong to?")
                        .at(block.span, "`cloud_account` is missing")
                        .help(format!("declared: {}", names.join(", "))),
                );
                None
            }
        }
    }

    /// The timeouts of a declaration.
    ///
    /// # Errors
    /// When they are not durations such as `"90m"` or `"1h30m"`.
    pub fn timeouts(
        &self,
        declaration: &Declaration,
        externals: &dyn Externals,
        instance: Option<&Instance>,
    ) -> Result<Timeouts, Diagnostics> {
        let Some(written) = &declaration.meta.timeouts else { return Ok(Timeouts::default()) };
        let block = self.block(written, &schemas::TIMEOUTS, externals, instance)?;
        let mut diagnostics = Vec::new();
        let mut read = |name: &str| {
            let attribute = block.attribute(name)?;
            let duration = attribute.value.as_str().and_then(duration);
            if duration == Some(Duration::ZERO) {
                diagnostics.push(
                    Diagnostic::error(codes::BAD_META, format!("`{name}` leaves no time at all"))
                        .at(attribute.span, "expected something like \"90m\" or \"1h30m\""),
                );
            }
            if duration.is_none() {
                diagnostics.push(
                    Diagnostic::error(codes::BAD_META, format!("`{name}` is not a duration"))
                        .at(attribute.span, "expected something like \"90m\" or \"1h30m\""),
                );
            }
            duration
        };
        let timeouts = Timeouts {
            create: read("create"),
            read: read("read"),
            update: read("update"),
            delete: read("delete"),
        };
        if diagnostics.is_empty() { Ok(timeouts) } else { Err(diagnostics) }
    }
}

/// `1h30m`, `90s`, `10m`
pub fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |n| digits + n);
        let unit = match &rest[digits..unit_end] {
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "s" => Duration::from_secs(number),
            "ms" => Duration::from_millis(number),
            _ => return None,
        };
        total = total.checked_add(unit)?;
        rest = &rest[unit_end..];
    }
    Some(total)
}

fn type_and_version(block: &Evaluated, diagnostics: &mut Diagnostics) -> Option<TypeAndVersion> {
    let attribute = block.attribute("type")?;
    let report = |diagnostics: &mut Diagnostics, label: &str| {
        diagnostics.push(
            Diagnostic::error(codes::BAD_RESOURCE_TYPE, "`type` is not an ARM type with a version")
                .at(attribute.span, label)
                .help("for example \"Microsoft.Storage/storageAccounts@2025-06-01\""),
        );
        None
    };
    let Some(text) = attribute.value.as_str() else {
        return report(diagnostics, "it must be known while planning");
    };
    let Some((type_name, version)) = text.split_once('@') else {
        return report(diagnostics, "the version is missing: …@YYYY-MM-DD");
    };
    let segments: Vec<&str> = type_name.split('/').collect();
    let word = |s: &str| {
        !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    if segments.len() < 2 || !segments.iter().all(|s| word(s)) || !segments[0].contains('.') {
        return report(diagnostics, "expected Namespace.Name/type before the @");
    }
    if !is_version(version) {
        return report(
            diagnostics,
            "expected a version such as 2025-06-01 or 2025-06-01-preview after the @",
        );
    }
    Some((Arc::from(type_name), Arc::from(version)))
}

fn is_version(text: &str) -> bool {
    let Some((date, suffix)) = text.split_at_checked(10) else { return false };
    let shape = date
        .bytes()
        .enumerate()
        .all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    let suffix_fits = suffix.is_empty()
        || suffix
            .strip_prefix('-')
            .is_some_and(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    shape && suffix_fits
}

fn placement(block: &Evaluated, diagnostics: &mut Diagnostics) -> Option<Placement> {
    match (block.attribute("resource_group"), block.attribute("parent_id")) {
        (Some(group), None) => Some(Placement::ResourceGroup(group.value.clone())),
        (None, Some(parent)) => Some(Placement::Parent(parent.value.clone())),
        (Some(group), Some(parent)) => {
            diagnostics.push(
                Diagnostic::error(codes::PLACEMENT, "`resource_group` and `parent_id` exclude each other")
                    .at(parent.name_span, "second")
                    .also_at(group.name_span, "first"),
            );
            None
        }
        (None, None) => {
            diagnostics.push(
                Diagnostic::error(codes::PLACEMENT, "it is not said where this is")
                    .at(block.span, "`resource_group` or `parent_id` is missing")
                    .help("parent_id is the id of another resource, or a scope such as /subscriptions/…"),
            );
            None
        }
    }
}

fn ignore(block: &Evaluated, diagnostics: &mut Diagnostics) -> Vec<Path> {
    let Some(attribute) = block.attribute("ignore") else { return Vec::new() };
    let mut paths = Vec::new();
    for item in attribute.value.as_sequence().unwrap_or_default() {
        match item.as_str().filter(|text| !text.is_empty()).map(str::parse) {
            Some(Ok(path)) => paths.push(path),
            _ => diagnostics.push(
                Diagnostic::error(codes::BAD_META, "`ignore` holds something that is not a path")
                    .at(attribute.span, "expected paths such as \"properties.networkAcls\""),
            ),
        }
    }
    paths
}

fn not_an_object(block: &Evaluated, name: &str) -> Option<Diagnostic> {
    let attribute = block.attribute(name)?;
    let fits =
        matches!(attribute.value.content(), Content::Object(_) | Content::Map(..) | Content::Unknown(_));
    let span: Span = attribute.span;
    (!fits).then(|| {
        let found = crate::convert::describe_value(&attribute.value);
        Diagnostic::error(codes::WRONG_SHAPE, format!("`{name}` must be an object"))
            .at(span, format!("expected {{ … }}, found {found}"))
    })
}
