//! What happens to one resource, and why.

use lazuli_core::configuration::Configuration;
use lazuli_core::kind::Kind;
use lazuli_core::plan::{Action, Cause, PathChange, Reason};
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::{Declaration, Desired, Mode};
use lazuli_core::{Address, Diagnostic, Json, Path, Value};

use crate::compare::{compare, project};

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
        return match case.observed {
            Sight::Present(object) => adopt(case, object),
            Sight::Absent | Sight::NotLooked => Ok(Decision::plain(Action::Create, None)),
        };
    };
    let other_object =
        case.desired.id.as_ref() != Some(&recorded.id) || *case.desired.ty.name != *recorded.ty.name;
    if other_object {
        return Ok(match case.predecessor {
            Sight::Absent => Decision::plain(Action::Create, Some(Reason::DeletedOutside)),
            Sight::Present(_) | Sight::NotLooked => replace_by_other(case, recorded),
        });
    }
    let object = match case.observed {
        Sight::Absent if recorded.pending.is_some() => {
            return Ok(Decision::plain(Action::Create, Some(Reason::Unfinished)));
        }
        Sight::Absent => return Ok(Decision::plain(Action::Create, Some(Reason::DeletedOutside))),
        Sight::Present(object) => object,
        Sight::NotLooked => &recorded.observed,
    };
    let paths = compare(
        case.kind,
        &case.declaration.lifecycle.ignore,
        &case.desired.body,
        Some(recorded),
        Some(object),
    );
    let before = Some(project(&case.desired.body, object));
    if case.asked_to_replace {
        return Ok(Decision {
            action: Action::ReplaceDeleteFirst,
            reason: Some(Reason::Asked),
            paths,
            before,
        });
    }
    let unfinished = recorded.pending.is_some() || failed(object);
    if paths.is_empty() {
        return Ok(match unfinished {
            true => Decision { action: Action::Update, reason: Some(Reason::Unfinished), paths, before },
            false => Decision { action: Action::NoOp, reason: None, paths, before: None },
        });
    }
    let reason = match paths.iter().all(|p| p.cause == Cause::Drift) {
        true => Reason::Drift,
        false => Reason::Configuration,
    };
    // An id can be used by one object at a time, so a replacement that keeps the id always deletes first.
    let action =
        if paths.iter().any(|p| p.forces_replacement) { Action::ReplaceDeleteFirst } else { Action::Update };
    Ok(Decision { action, reason: Some(reason), paths, before })
}

/// Another object takes the place of the recorded one: another name, group or type, or the expansion chose a successor.
fn replace_by_other(case: &Case<'_>, recorded: &Recorded) -> Decision {
    let object = match case.predecessor {
        Sight::Present(object) => object,
        Sight::Absent | Sight::NotLooked => &recorded.observed,
    };
    let mut paths = compare(
        case.kind,
        &case.declaration.lifecycle.ignore,
        &case.desired.body,
        Some(recorded),
        Some(object),
    );
    let after = match &case.desired.id {
        Some(id) => Value::string(id.as_str()),
        None => Value::unknown_of(lazuli_core::Type::String),
    };
    let id = PathChange {
        path: Path::root().name("id"),
        before: Some(Value::string(recorded.id.as_str())),
        after: Some(after),
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
    Decision { action, reason: Some(reason), paths, before: Some(project(&case.desired.body, object)) }
}

/// Something already has the id that is to be created.
fn adopt(case: &Case<'_>, object: &Json) -> Result<Decision, Box<Diagnostic>> {
    let address = &case.declaration.address;
    let id = case.desired.id.as_ref().map_or("", |id| id.as_str());
    let tag = object.get("tags").and_then(|tags| tags.get(LINEAGE_TAG)).and_then(Json::as_str);
    // Objects that cannot carry tags are ours when what they hang on is: their names are derived from it.
    let untagged_child = case.desired.body.get("tags").is_none() && object.get("tags").is_none();
    if tag == Some(case.lineage) || untagged_child {
        let paths =
            compare(case.kind, &case.declaration.lifecycle.ignore, &case.desired.body, None, Some(object));
        let before = Some(project(&case.desired.body, object));
        return match paths.iter().find(|p| p.forces_replacement) {
            None => Ok(Decision { action: Action::Adopt, reason: None, paths, before }),
            Some(path) => Err(Box::new(
                exists(address, case.declaration, id)
                    .note(format!(
                        "it carries this state's lineage, but {} differs and cannot be changed in place",
                        path.path
                    ))
                    .help("delete the object in Azure, or give this resource another name"),
            )),
        };
    }
    let owner = match tag {
        Some(other) => format!("it belongs to another Lazuli state (lineage {other})"),
        None => "it was not made by Lazuli".to_owned(),
    };
    Err(Box::new(
        exists(address, case.declaration, id)
            .note(owner)
            .note(format!("to take it over:\nimport {{\n  to = {address}\n  id = \"{id}\"\n}}"))
            .help("give this resource another name, delete the object in Azure, or import it"),
    ))
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
pub(crate) fn data(case: &Case<'_>, waits_for_a_change: bool) -> Result<Decision, Box<Diagnostic>> {
    match case.observed {
        Sight::Present(_) => Ok(Decision::plain(Action::NoOp, None)),
        _ if waits_for_a_change || case.desired.id.is_none() => {
            Ok(Decision::plain(Action::Read, Some(Reason::DependsOnUnknown)))
        }
        Sight::NotLooked => Ok(Decision::plain(Action::Read, None)),
        Sight::Absent => {
            let id = case.desired.id.as_ref().map_or("", |id| id.as_str());
            let address = &case.declaration.address;
            let diagnostic =
                Diagnostic::error("LZ1003", format!("{address}: {id} does not exist")).about(address.clone());
            let diagnostic = match case.declaration.origin {
                Some(span) => diagnostic.at(span, "read here"),
                None => diagnostic,
            };
            Err(Box::new(
                diagnostic.help("check its name and resource group, and that the account may read it"),
            ))
        }
    }
}

/// Decides about a record whose block is gone; `None` for the action when a move has taken it.
pub(crate) fn orphan(
    recorded: &Recorded,
    sight: Sight<'_>,
    destroy: bool,
) -> Result<Decision, Box<Diagnostic>> {
    if recorded.prevent_destroy {
        let what = if destroy {
            "everything is to be destroyed"
        } else {
            "its block is gone from the configuration"
        };
        return Err(Box::new(
            Diagnostic::error(
                "LZ1004",
                format!("{} is protected by lifecycle.prevent_destroy, but {what}", recorded.address),
            )
            .about(recorded.address.clone())
            .help("set prevent_destroy = false and apply that first; only then destroy it"),
        ));
    }
    let reason = if destroy { Reason::Destroy } else { Reason::NotInConfiguration };
    Ok(match sight {
        Sight::Absent => Decision::plain(Action::Forget, Some(Reason::DeletedOutside)),
        Sight::Present(_) | Sight::NotLooked => {
            let before = Some(lazuli_core::encoding::from_json(&recorded.inputs));
            Decision { before, ..Decision::plain(Action::Delete, Some(reason)) }
        }
    })
}

/// True when Azure says that the last operation on the object failed.
fn failed(object: &Json) -> bool {
    object
        .pointer("/properties/provisioningState")
        .and_then(Json::as_str)
        .is_some_and(|s| s.eq_ignore_ascii_case("failed"))
}

/// True when the declaration is read and not owned.
pub(crate) fn is_data(configuration: &dyn Configuration, place: usize) -> bool {
    configuration.declarations().get(place).is_some_and(|d| d.mode == Mode::Data)
}
