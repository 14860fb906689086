//! What happens to one resource, and why.

use lazuli_core::kind::Kind;
use lazuli_core::plan::{Action, Cause, PathChange, Reason};
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::{Declaration, Desired, Mode, ProviderName};
use lazuli_core::{Address, Diagnostic, Json, Path, Value};

use crate::compare::{compare, owned};
use crate::import;
use crate::marks::mark;
use crate::refactoring::Import;

/// The tag by which an object says which state it belongs to.
pub const LINEAGE_TAG: &str = "lazuli_lineage";

/// What is known of one resource on the three sides.
pub(crate) struct Case<'a> {
    pub(crate) declaration: &'a Declaration,
    pub(crate) desired: &'a Desired,
    pub(crate) kind: &'a Kind,
    pub(crate) recorded: Option<&'a Recorded>,
    /// The object at the desired id.
    pub(crate) observed: Sight<'a>,
    /// The object at the recorded id, where that is another one.
    pub(crate) predecessor: Sight<'a>,
    pub(crate) lineage: &'a str,
    pub(crate) asked_to_replace: bool,
    /// The object an `import` block gives to it.
    pub(crate) import: Option<&'a Import>,
    /// True when an object it lies below is Lazuli's.
    pub(crate) lies_below_ours: bool,
}

impl Case<'_> {
    fn compare(&self, recorded: Option<&Recorded>, object: &Json) -> Vec<PathChange> {
        compare(self.kind, &self.declaration.lifecycle.ignore, &self.desired.body, recorded, Some(object))
    }

    pub(crate) fn before(&self, recorded: Option<&Recorded>, object: &Json) -> Option<Value> {
        Some(owned(self.kind, &self.desired.body, recorded, object))
    }
}

/// What looking at an object gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sight<'a> {
    /// Nobody looked: the record is believed.
    NotLooked,
    /// It does not exist.
    Absent,
    /// It exists.
    Present(&'a Json),
}

/// The outcome.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    pub(crate) action: Action,
    pub(crate) reason: Option<Reason>,
    pub(crate) paths: Vec<PathChange>,
    pub(crate) before: Option<Value>,
}

impl Decision {
    fn plain(action: Action, reason: Option<Reason>) -> Self {
        Decision { action, reason, paths: Vec::new(), before: None }
    }
}

/// Decides about a managed resource.
pub(crate) fn managed(case: &Case<'_>) -> Result<Decision, Box<Diagnostic>> {
    let Some(recorded) = case.recorded else {
        if let Some(import) = case.import {
            return import::decide(case, import);
        }
        return match case.observed {
            Sight::Present(object) => adopt(case, object),
            Sight::Absent | Sight::NotLooked => Ok(Decision::plain(Action::Create, None)),
        };
    };
    still_ours(recorded, case.predecessor, case.lineage).map_err(|problem| {
        match case.declaration.origin {
            Some(span) => Box::new(problem.at(span, "declared here")),
            None => problem,
        }
    })?;
    let same_type = case.desired.ty.name.eq_ignore_ascii_case(&recorded.ty.name);
    if case.desired.id.as_ref() != Some(&recorded.id) || !same_type {
        return another_object(case, recorded);
    }
    let object = match case.observed {
        Sight::Absent if recorded.pending.is_some() => {
            return Ok(Decision::plain(Action::Create, Some(Reason::Unfinished)));
        }
        Sight::Absent => return Ok(Decision::plain(Action::Create, Some(Reason::DeletedOutside))),
        Sight::Present(object) => object,
        Sight::NotLooked => &recorded.observed,
    };
    let mut paths = case.compare(Some(recorded), object);
    let forced = paths.iter().any(|p| p.forces_replacement);
    if !forced && !case.asked_to_replace {
        paths.extend(protection_changed(case, recorded));
    }
    let unfinished = recorded.pending.is_some() || failed(object);
    let (action, reason) = if case.asked_to_replace {
        (Action::ReplaceDeleteFirst, Reason::Asked)
    } else if forced {
        // An id can be used by one object at a time, so a replacement that keeps the id always deletes first.
        (Action::ReplaceDeleteFirst, why(&paths))
    } else if unfinished {
        (Action::Update, Reason::Unfinished)
    } else if paths.is_empty() {
        return Ok(Decision::plain(Action::NoOp, None));
    } else {
        (Action::Update, why(&paths))
    };
    Ok(Decision { action, reason: Some(reason), paths, before: case.before(Some(recorded), object) })
}

/// The cause all paths have in common.
fn why(paths: &[PathChange]) -> Reason {
    if paths.iter().all(|p| p.cause == Cause::Drift) {
        return Reason::Drift;
    }
    let mut configured = paths.iter().filter(|p| p.cause == Cause::Configuration);
    let source =
        |p: &PathChange| p.after.as_ref()?.unknown_part()?.source.as_ref().map(|s| s.address.clone());
    match configured.next().and_then(source) {
        // Nobody touched the attribute: what it is taken from will be another one.
        Some(address) if configured.all(|p| source(p).is_some()) => Reason::Follows(address),
        _ => Reason::Configuration,
    }
}

/// The protection is recorded by an update, so that it holds when the block is gone and goes when it is taken away.
fn protection_changed(case: &Case<'_>, recorded: &Recorded) -> Option<PathChange> {
    let declared = case.declaration.lifecycle.prevent_destroy;
    (declared != recorded.prevent_destroy).then(|| PathChange {
        path: Path::root().name("lifecycle").name("prevent_destroy"),
        before: Some(Value::from(recorded.prevent_destroy)),
        after: Some(Value::from(declared)),
        recorded: None,
        forces_replacement: false,
        cause: Cause::Configuration,
    })
}

/// Another object takes the place of the recorded one: another name, group or type, or the expansion chose a successor.
fn another_object(case: &Case<'_>, recorded: &Recorded) -> Result<Decision, Box<Diagnostic>> {
    let taken = match case.observed {
        Sight::Present(object) => Some(adopt(case, object)?),
        Sight::Absent | Sight::NotLooked => None,
    };
    let object = match case.predecessor {
        Sight::Absent => {
            let create = Decision::plain(Action::Create, Some(Reason::DeletedOutside));
            return Ok(taken.unwrap_or(create));
        }
        Sight::Present(object) => object,
        Sight::NotLooked => &recorded.observed,
    };
    let mut paths = case.compare(Some(recorded), object);
    let after = match &case.desired.id {
        Some(id) => Value::string(id.as_str()),
        None => Value::unknown_of(lazuli_core::Type::String),
    };
    let id = PathChange {
        path: Path::root().name("id"),
        before: Some(Value::string(recorded.id.as_str())),
        after: Some(after),
        recorded: None,
        forces_replacement: true,
        cause: Cause::Configuration,
    };
    paths.insert(0, id);
    let reason = match &case.desired.succeeds {
        Some(why) => Reason::Succession(why.clone()),
        None if case.asked_to_replace => Reason::Asked,
        None => Reason::Configuration,
    };
    let create_first = case.declaration.lifecycle.create_before_destroy;
    let action = if create_first { Action::ReplaceCreateFirst } else { Action::ReplaceDeleteFirst };
    Ok(Decision { action, reason: Some(reason), paths, before: case.before(Some(recorded), object) })
}

/// The state an object says it belongs to. Azure does not tell upper and lower case apart in the keys of tags.
pub(crate) fn lineage_of(object: &Json) -> Option<&str> {
    let tags = object.get("tags")?.as_object()?;
    let (_, lineage) = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(LINEAGE_TAG))?;
    lineage.as_str()
}

/// Refuses an object of the record that says that it belongs to another state: it is neither changed nor deleted.
pub(crate) fn still_ours(
    recorded: &Recorded,
    sight: Sight<'_>,
    lineage: &str,
) -> Result<(), Box<Diagnostic>> {
    let object = match sight {
        Sight::Absent => return Ok(()),
        Sight::Present(object) => object,
        Sight::NotLooked => &recorded.observed,
    };
    let Some(other) = lineage_of(object).filter(|other| *other != lineage) else { return Ok(()) };
    let Recorded { address, id, .. } = recorded;
    let help = format!(
        "to give it up, read it with a data block instead of declaring it; if it is this state's after all, take it out \
         of the other state and give it its tag back:\naz tag update --operation Merge --resource-id {id} --tags \
         {LINEAGE_TAG}={lineage}"
    );
    let problem = Diagnostic::error("LZ1009", format!("{address}: {id} belongs to another Lazuli state now"))
        .about(address.clone())
        .note(format!("its tag {LINEAGE_TAG} says {other}, and this state is {lineage}"));
    Err(Box::new(problem.help(help)))
}

/// Something already has the id that is to be created.
fn adopt(case: &Case<'_>, object: &Json) -> Result<Decision, Box<Diagnostic>> {
    let address = &case.declaration.address;
    let id = case.desired.id.as_ref().map_or("", |id| id.as_str());
    let tag = lineage_of(object);
    // Objects that cannot carry tags are ours when what they lie below is; of Kubernetes objects, that is the cluster.
    let cannot_carry_tags = case.desired.body.get("tags").is_none() && object.get("tags").is_none();
    let below_ours = case.lies_below_ours || case.desired.provider != ProviderName::Azure;
    if tag == Some(case.lineage) || cannot_carry_tags && below_ours {
        return take_over(case, object).map_err(|path| {
            Box::new(
                exists(address, case.declaration, id)
                    .note(format!(
                        "it carries this state's lineage, but {path} differs and cannot be changed in place"
                    ))
                    .help("delete the object in Azure, or give this resource another name"),
            )
        });
    }
    let owner = match tag {
        Some(other) => format!("it belongs to another Lazuli state (lineage {other})"),
        None => "it carries no mark of this state: others made it, or the state that did is lost".to_owned(),
    };
    Err(Box::new(
        exists(address, case.declaration, id)
            .note(owner)
            .note(format!("this takes it over:\nimport {{\n  to = {address}\n  id = \"{id}\"\n}}"))
            .help("give this resource another name, or delete the object in Azure; when the state file was lost, put its newest backup back"),
    ))
}

/// Takes over what exists; the path that forbids it when something cannot be changed in place.
pub(crate) fn take_over(case: &Case<'_>, object: &Json) -> Result<Decision, Path> {
    let paths = case.compare(None, object);
    match paths.iter().find(|p| p.forces_replacement) {
        None => {
            let before = case.before(None, object);
            Ok(Decision { action: Action::Adopt, reason: None, paths, before })
        }
        Some(path) => Err(path.path.clone()),
    }
}

fn exists(address: &Address, declaration: &Declaration, id: &str) -> Diagnostic {
    let diagnostic =
        Diagnostic::error("LZ1002", format!("{address} is to be created, but {id} exists already"))
            .about(address.clone());
    match declaration.origin {
        Some(span) => diagnostic.at(span, "declared here"),
        None => diagnostic,
    }
}

/// Decides about something that is only read. `Read` when it can be read only during the apply.
///
/// `changes` is true when this plan changes the very object that is read; `waits` when it changes something it depends on.
pub(crate) fn data(case: &Case<'_>, changes: bool, waits: bool) -> Result<Decision, Box<Diagnostic>> {
    let later = Ok(Decision::plain(Action::Read, Some(Reason::DependsOnUnknown)));
    let remembered = case.recorded.is_some_and(|r| Some(&r.id) == case.desired.id.as_ref());
    match case.observed {
        _ if changes => later,
        Sight::Present(_) => Ok(Decision::plain(Action::NoOp, None)),
        Sight::NotLooked if remembered => Ok(Decision::plain(Action::NoOp, None)),
        _ if waits || case.desired.id.is_none() => later,
        Sight::NotLooked => Ok(Decision::plain(Action::Read, None)),
        Sight::Absent => Err(Box::new(missing(case))),
    }
}

fn missing(case: &Case<'_>) -> Diagnostic {
    let id = case.desired.id.as_ref().map_or("", |id| id.as_str());
    let address = &case.declaration.address;
    let diagnostic =
        Diagnostic::error("LZ1003", format!("{address}: {id} does not exist")).about(address.clone());
    let diagnostic = match case.declaration.origin {
        Some(span) => diagnostic.at(span, "read here"),
        None => diagnostic,
    };
    diagnostic.help("check its name and resource group, and that the account may read it")
}

/// Why a record has no place in the plan's world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Its block is gone.
    Undeclared,
    /// Its block is gone, and another one reads the object from now on.
    OnlyRead,
    /// A `removed` block says that it stays.
    Forgotten,
    /// Everything is being destroyed.
    Destroyed {
        /// Whether its block, still there, protects it.
        protected: bool,
    },
}

/// Decides about a record that nothing wants any more.
pub(crate) fn orphan(
    recorded: &Recorded,
    sight: Sight<'_>,
    gone: Gone,
    lineage: &str,
) -> Result<Decision, Box<Diagnostic>> {
    let reason = match gone {
        Gone::Destroyed { .. } => Reason::Destroy,
        Gone::Undeclared | Gone::OnlyRead | Gone::Forgotten => Reason::NotInConfiguration,
    };
    // What was only read is never deleted.
    if recorded.mode == Mode::Data || matches!(gone, Gone::OnlyRead | Gone::Forgotten) {
        return Ok(Decision::plain(Action::Forget, Some(reason)));
    }
    still_ours(recorded, sight, lineage)?;
    Ok(match sight {
        Sight::Absent => Decision::plain(Action::Forget, Some(Reason::DeletedOutside)),
        Sight::Present(_) | Sight::NotLooked => {
            Decision { before: Some(inputs_of(recorded)), ..Decision::plain(Action::Delete, Some(reason)) }
        }
    })
}

/// What was last sent, secrets marked.
pub(crate) fn inputs_of(recorded: &Recorded) -> Value {
    mark(lazuli_core::encoding::from_json(&recorded.inputs), &recorded.sensitive)
}

/// True when Azure says that the last operation on the object failed.
fn failed(object: &Json) -> bool {
    object
        .pointer("/properties/provisioningState")
        .and_then(Json::as_str)
        .is_some_and(|s| s.eq_ignore_ascii_case("failed"))
}
