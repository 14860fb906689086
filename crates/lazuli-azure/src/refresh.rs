//! Bulk refresh: many objects with few requests. Lists are asked once per type and resource group (or parent, or scope);
//! children that are inside their parent's body come with the parents' list.
//!
//! Of types without a table nobody knows whether their lists carry everything. Many of one collection are listed all the
//! same, and one of them is read beside: when both say the same, the list is believed; else each is read by itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use lazuli_core::Json;
use lazuli_core::kind::List;
use lazuli_core::provider::{Observation, Outcome, ProviderError, Wanted};
use lazuli_core::resource::{ResourceId, ResourceType};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::arm::{ArmClient, Call, Failure, Purpose, Silent};
use crate::kinds;

/// One question to Azure.
enum Question {
    /// One object.
    Object { ty: ResourceType, id: ResourceId },
    /// A collection, with the children to be taken out of its elements' bodies.
    Collection {
        path: String,
        api_version: Arc<str>,
        query: &'static [(&'static str, &'static str)],
        children: Vec<&'static str>,
    },
    /// A collection of a type without a table, of which these are wanted.
    Sampled { path: String, wanted: Vec<Wanted> },
}

/// From how many objects on a collection of a type without a table is listed: below, reading each is no dearer.
const SAMPLED: usize = 4;

struct Found {
    objects: Vec<Json>,
    requests: usize,
    /// What the list of their collection does not carry: to be read one by one.
    again: Vec<Wanted>,
}

/// Looks at all of `wanted`, at most `parallel` questions at a time.
pub(crate) async fn observe(
    arm: &Arc<ArmClient>,
    wanted: &[Wanted],
    parallel: usize,
) -> Result<Observation, ProviderError> {
    let permits = Arc::new(Semaphore::new(parallel.max(1)));
    let mut running = JoinSet::new();
    let start = |running: &mut JoinSet<_>, question: Question| {
        let (arm, permits) = (Arc::clone(arm), Arc::clone(&permits));
        running.spawn(async move {
            let _permit = permits.acquire().await;
            ask(&arm, question).await
        });
    };
    for question in questions(wanted) {
        start(&mut running, question);
    }
    let asked: HashSet<&ResourceId> = wanted.iter().map(|wanted| &wanted.id).collect();
    let mut observation = Observation { objects: HashMap::with_capacity(wanted.len()), requests: 0 };
    while let Some(joined) = running.join_next().await {
        let found = joined.map_err(|error| {
            ProviderError::own("Internal", format!("a refresh task ended: {error}"), Outcome::Nothing)
        })??;
        observation.requests += found.requests;
        for Wanted { ty, id } in found.again {
            start(&mut running, Question::Object { ty, id });
        }
        for object in found.objects {
            let id = object.get("id").and_then(Json::as_str).map(ResourceId::new);
            if let Some(id) = id.filter(|id| asked.contains(id)) {
                observation.objects.insert(id, object);
            }
        }
    }
    Ok(observation)
}

/// Groups what is wanted. A collection of which only one object is wanted is not listed: that object is read.
fn questions(wanted: &[Wanted]) -> Vec<Question> {
    let mut collections: BTreeMap<(String, Arc<str>), Group> = BTreeMap::new();
    let mut questions = Vec::new();
    let object = |wanted: &Wanted| Question::Object { ty: wanted.ty.clone(), id: wanted.id.clone() };
    for wanted in wanted {
        let kind = kinds::by_name(&wanted.ty.name);
        let (id, child) = match kind.list {
            List::Each | List::ResourceGroup | List::Parent => (Some(wanted.id.clone()), None),
            List::InParent(path) => (wanted.id.parent(), Some(path)),
        };
        let Some(id) = id else {
            questions.push(object(wanted));
            continue;
        };
        let path = crate::arm::collection(&id).to_owned();
        let group =
            collections.entry((path.to_ascii_lowercase(), Arc::clone(&wanted.ty.api_version))).or_default();
        group.path = path;
        group.query = kinds::list_query(kind);
        group.sampled = kind.list == List::Each;
        group.wanted.push(wanted);
        group.children.extend(child.filter(|child| !group.children.contains(child)));
    }
    for ((_, api_version), group) in collections {
        match group.wanted.as_slice() {
            [only] => questions.push(object(only)),
            few if group.sampled && few.len() < SAMPLED => questions.extend(few.iter().map(|w| object(w))),
            many if group.sampled => {
                let wanted = many.iter().map(|wanted| (*wanted).clone()).collect();
                questions.push(Question::Sampled { path: group.path, wanted });
            }
            _ => questions.push(Question::Collection {
                path: group.path,
                api_version,
                query: group.query,
                children: group.children,
            }),
        }
    }
    questions
}

#[derive(Default)]
struct Group<'a> {
    path: String,
    query: &'static [(&'static str, &'static str)],
    children: Vec<&'static str>,
    wanted: Vec<&'a Wanted>,
    /// True for a type without a table.
    sampled: bool,
}

async fn ask(arm: &ArmClient, question: Question) -> Result<Found, ProviderError> {
    match question {
        Question::Object { ty, id } => {
            let url = arm.url(id.as_str(), &ty.api_version, &[]);
            match arm.send(Call::get(url, Purpose::Read), &Silent).await {
                Ok(answer) => Ok(Found::all(vec![named(answer.body, &id)], answer.requests)),
                Err((Failure::Refused(refusal), _)) if refusal.says_absent() => Ok(Found::all(Vec::new(), 1)),
                Err((failure, uncertain)) => {
                    Err(named_group(failure.into_error(false, uncertain), id.as_str()))
                }
            }
        }
        Question::Collection { path, api_version, query, children } => {
            let url = arm.url(&path, &api_version, query);
            let listed = arm.list(url, &Silent).await.map_err(|error| named_group(error, &path))?;
            let Some(listed) = listed else { return Ok(Found::all(Vec::new(), 1)) };
            let mut objects = Vec::with_capacity(listed.items.len());
            for mut item in listed.items {
                for child in &children {
                    objects.extend(inside(&mut item, child));
                }
                objects.push(item);
            }
            Ok(Found::all(objects, listed.requests))
        }
        Question::Sampled { path, wanted } => sampled(arm, &path, wanted).await,
    }
}

impl Found {
    fn all(objects: Vec<Json>, requests: usize) -> Found {
        Found { objects, requests, again: Vec::new() }
    }
}

/// Lists a collection, and reads one of the wanted objects that are in it to see whether the list carries everything.
async fn sampled(arm: &ArmClient, path: &str, wanted: Vec<Wanted>) -> Result<Found, ProviderError> {
    let Some(Wanted { ty, .. }) = wanted.first() else { return Ok(Found::all(Vec::new(), 0)) };
    let url = arm.url(path, &ty.api_version, &[]);
    let listed = match arm.list(url, &Silent).await {
        Ok(Some(listed)) => listed,
        // Not every type has a list, and what a refusal of one means only the objects can say.
        Ok(None) | Err(ProviderError { status: Some(400..=499), .. }) => {
            return Ok(Found { objects: Vec::new(), requests: 1, again: wanted });
        }
        Err(error) => return Err(named_group(error, path)),
    };
    let id_of = |item: &Json| item.get("id").and_then(Json::as_str).map(ResourceId::new);
    let items: HashMap<ResourceId, &Json> =
        listed.items.iter().filter_map(|item| Some((id_of(item)?, item))).collect();
    let sample = wanted.iter().find_map(|wanted| Some((wanted, *items.get(&wanted.id)?)));
    // None is in the list: then they are gone, or the list is not what it seems.
    let Some((sample, in_list)) = sample else {
        return Ok(Found { objects: Vec::new(), requests: listed.requests, again: wanted });
    };
    let question = Question::Object { ty: sample.ty.clone(), id: sample.id.clone() };
    let read = Box::pin(ask(arm, question)).await?;
    let requests = listed.requests + read.requests;
    if !read.objects.first().is_some_and(|read| carries(in_list, read)) {
        let again = wanted.iter().filter(|other| other.id != sample.id).cloned().collect();
        return Ok(Found { objects: read.objects, requests, again });
    }
    // What the list leaves out may be there all the same.
    let again = wanted.iter().filter(|wanted| !items.contains_key(&wanted.id)).cloned().collect();
    Ok(Found { objects: listed.items, requests, again })
}

/// True when an element of a list says everything that the object says by itself, but for its etag.
fn carries(in_list: &Json, object: &Json) -> bool {
    match (in_list, object) {
        (Json::Object(listed), Json::Object(object)) => object.iter().all(|(name, value)| {
            name == "etag" || value.is_null() || listed.get(name).is_some_and(|listed| carries(listed, value))
        }),
        (Json::String(listed), Json::String(object)) => listed.eq_ignore_ascii_case(object),
        _ => in_list == object,
    }
}

/// The children in a parent's body. They are copied: the parent itself may be wanted too.
fn inside(item: &mut Json, path: &str) -> Vec<Json> {
    let mut value = &*item;
    for name in path.split('.') {
        value = &value[name];
    }
    value.as_array().cloned().unwrap_or_default()
}

/// Some services leave the id out of the body, or spell it so differently that it would not be found again.
pub(crate) fn named(mut body: Json, id: &ResourceId) -> Json {
    let same = body.get("id").and_then(Json::as_str).is_some_and(|found| ResourceId::new(found) == *id);
    if let (false, Json::Object(map)) = (same, &mut body) {
        map.insert("id".to_owned(), Json::from(id.as_str()));
    }
    body
}

/// A missing resource group is named: people have several.
pub(crate) fn named_group(mut error: ProviderError, path: &str) -> ProviderError {
    let group = (error.code == "ResourceGroupNotFound").then(|| ResourceId::new(path));
    if let Some(group) =
        group.as_ref().and_then(ResourceId::resource_group).filter(|group| !error.message.contains(group))
    {
        error.message = format!("resource group `{group}`: {}", error.message);
    }
    error
}

#[cfg(test)]
mod tests;
