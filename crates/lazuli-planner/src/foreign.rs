//! What others put into arrays that are not Lazuli's alone: told, and left alone.

use std::collections::HashSet;

use lazuli_core::kind::Keyed;
use lazuli_core::path::PathStep;
use lazuli_core::plan::{Action, Drift, DriftKind};
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::{Mode, ResourceId};
use lazuli_core::{Json, Path, Value};

use crate::decide::Sight;
use crate::make::{Planned, Request};
use crate::same::{Elements, key_of_json};

/// Elements that appeared in shared arrays of an object that stays since it was recorded last.
pub(crate) fn of(request: &Request<'_>, planned: &Planned<'_>, desired: Option<&Value>) -> Vec<Drift> {
    let Planned { change, recorded: Some(recorded), .. } = planned else { return Vec::new() };
    let kind = request.kinds.kind(&change.ty);
    let stays = matches!(change.action, Action::NoOp | Action::Update | Action::Move);
    if !stays || recorded.mode == Mode::Data || !kind.keyed.iter().any(|keyed| keyed.shared) {
        return Vec::new();
    }
    let Sight::Present(observed) = request.observed.of_record(recorded) else { return Vec::new() };
    let mut others = Vec::new();
    for keyed in kind.keyed.iter().filter(|keyed| keyed.shared) {
        others.extend(added(keyed, desired, recorded, observed));
    }
    if others.is_empty() {
        return Vec::new();
    }
    // What is a resource of its own, as a rule of a security group may be, is ours.
    let own: HashSet<&ResourceId> =
        request.recorded.resources.values().map(|recorded| &recorded.id).collect();
    let others = others.into_iter().filter(|(_, id)| id.as_ref().is_none_or(|id| !own.contains(id)));
    others
        .map(|(path, _)| Drift {
            address: change.address.clone(),
            title: change.title.clone(),
            what: DriftKind::Added { path },
        })
        .collect()
}

/// Elements of one array, with the ids they have.
fn added(
    keyed: &Keyed,
    desired: Option<&Value>,
    recorded: &Recorded,
    observed: &Json,
) -> Vec<(Path, Option<ResourceId>)> {
    let names = || keyed.path.split('.');
    // Without an echo of what was there, nobody can say what is new.
    if recorded.observed.is_null() {
        return Vec::new();
    }
    let Some(found) = at(observed, keyed) else { return Vec::new() };
    let (sent, echoed) = (at(&recorded.inputs, keyed), at(&recorded.observed, keyed));
    let wanted = desired.and_then(|body| names().try_fold(body, |here, name| here.get(name)));
    let wanted = wanted.map(|array| Elements::of_value(array, keyed.key)).unwrap_or_default();
    let [sent, echoed] = [&sent, &echoed].map(|side| Elements::of_side(*side, keyed.key));
    let elements = found.as_array().into_iter().flatten().filter_map(|element| {
        let key = key_of_json(element, keyed.key)?;
        let known = wanted.get(&key).is_some() || sent.get(&key).is_some() || echoed.get(&key).is_some();
        let path = names().fold(Path::root(), |path, name| path.name(name)).then(PathStep::Key(key.into()));
        let id = element.get("id").and_then(Json::as_str).map(ResourceId::new);
        (!known).then_some((path, id))
    });
    elements.collect()
}

fn at<'j>(json: &'j Json, keyed: &Keyed) -> Option<&'j Json> {
    keyed.path.split('.').try_fold(json, |here, name| here.get(name))
}
