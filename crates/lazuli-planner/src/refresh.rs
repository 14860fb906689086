//! `--refresh-only`: what somebody else did, taken into the record. Nothing is asked of a provider.
//!
//! What is recorded as sent becomes what was found, attribute by attribute: the next plan compares the configuration with
//! that, and sets back what the configuration wants otherwise.

use lazuli_core::encoding::to_json;
use lazuli_core::kind::Kind;
use lazuli_core::path::{Path, PathStep};
use lazuli_core::plan::{Action, Drift, DriftKind, Plan, Reason};
use lazuli_core::recorded::Recorded;
use lazuli_core::{Diagnostics, Json};

use crate::compare::{compare, enter};
use crate::decide::{self, Decision, Sight};
use crate::foreign;
use crate::make::{Request, drift_of, left_out_of, of_record, plain, stays};
use crate::order;
use crate::same::key_of_json;
use crate::scope::{self, LeftOut};

/// No steps: what the record says differently from the world, and which records have no object any more.
pub(crate) fn plan(request: &Request<'_>) -> Result<Plan, Diagnostics> {
    let mut planned = Vec::with_capacity(request.recorded.resources.len());
    let mut drift = Vec::new();
    let left_out = scope::of_refresh(request.recorded, request.scope);
    for recorded in request.recorded.resources.values() {
        if left_out.record(&recorded.address) {
            planned.push(stays(request, recorded));
            continue;
        }
        let decision = match request.observed.of_record(recorded) {
            // What an earlier run began and did not finish is for an apply to finish.
            Sight::Absent if recorded.pending.is_some() => plain(Action::NoOp, None),
            Sight::Absent => plain(Action::Forget, Some(Reason::DeletedOutside)),
            Sight::NotLooked => plain(Action::NoOp, None),
            Sight::Present(object) => {
                let sent = decide::inputs_of(recorded);
                let kind = request.kinds.kind(&recorded.ty);
                Decision {
                    paths: compare(kind, &[], &sent, Some(recorded), Some(object)),
                    ..plain(Action::NoOp, None)
                }
            }
        };
        let mut p = of_record(request, recorded, decision, false);
        drift.extend(drift_of(&p.change));
        drift.extend(foreign::of(request, &p, None));
        p.change.paths.clear();
        planned.push(p);
    }
    let is_gone = |r: &&Recorded| {
        !LeftOut::deposed(&r.address, request.scope) && request.observed.of_record(r) == Sight::Absent
    };
    let gone = request.recorded.deposed.iter().filter(is_gone);
    planned.extend(gone.map(|r| of_record(request, r, plain(Action::Forget, Some(Reason::Deposed)), true)));
    let left_out = left_out_of(request.recorded, &left_out);
    Ok(Plan { left_out, ..order::plan(planned, None, request, drift, Vec::new())? })
}

/// The record after somebody else's changes: `object` is what was found, `drift` what of it differs from the record.
pub fn taken_in<'d>(
    recorded: &Recorded,
    object: &Json,
    drift: impl IntoIterator<Item = &'d Drift>,
    kind: &Kind,
) -> Recorded {
    let mut recorded = recorded.clone();
    for drift in drift {
        if let DriftKind::Changed { path, observed, .. } = &drift.what {
            let found = observed.as_ref().and_then(|value| to_json(value).ok());
            set(&mut recorded.inputs, path, found, kind);
        }
    }
    recorded.observed = object.clone();
    recorded
}

/// Puts a value at a path, or takes away what is there.
fn set(body: &mut Json, path: &Path, value: Option<Json>, kind: &Kind) {
    let Some((last, above)) = path.steps().split_last() else {
        *body = value.unwrap_or(Json::Null);
        return;
    };
    let mut pattern = String::new();
    let mut here = body;
    for step in above {
        let next = match step {
            PathStep::Name(name) => {
                enter(&mut pattern, name);
                here.as_object_mut().map(|members| members.entry(&**name).or_insert(Json::Null))
            }
            PathStep::Index(index) => here.get_mut(*index),
            PathStep::Key(key) => element(here, &pattern, key, kind),
        };
        match next {
            Some(next) => here = next,
            None => return,
        }
        if here.is_null() {
            *here = Json::Object(Default::default());
        }
    }
    match (last, value, here) {
        (PathStep::Name(name), Some(value), Json::Object(members)) => {
            members.insert(name.to_string(), value);
        }
        (PathStep::Name(name), None, Json::Object(members)) => {
            members.remove(&**name);
        }
        (PathStep::Index(index), Some(value), Json::Array(items)) if *index < items.len() => {
            items[*index] = value;
        }
        (PathStep::Key(key), value, Json::Array(items)) => {
            let property = kind.keyed_at(&pattern).map_or("name", |keyed| keyed.key);
            items.retain(|item| !is_keyed(item, property, key));
            items.extend(value);
        }
        _ => {}
    }
}

fn element<'j>(array: &'j mut Json, pattern: &str, key: &str, kind: &Kind) -> Option<&'j mut Json> {
    let property = kind.keyed_at(pattern).map_or("name", |keyed| keyed.key);
    array.as_array_mut()?.iter_mut().find(|item| is_keyed(item, property, key))
}

fn is_keyed(item: &Json, property: &str, key: &str) -> bool {
    key_of_json(item, property).is_some_and(|own| own.eq_ignore_ascii_case(key))
}
