//! One resource: a line with its identifying facts, or a line with the attributes that differ.

use std::collections::BTreeMap;

use lazuli_core::path::PathStep;
use lazuli_core::plan::{Action, Change, PathChange, Plan, PlanMode, Reason};
use lazuli_core::resource::ProviderName;

use super::attributes::{self, Wording};
use super::facts;
use super::nodes;
use super::place::Place;
use super::{Page, is_shown};
use crate::render::layout::{columns, count, flow, pad};
use crate::render::style::{self, paint};
use crate::render::value;

/// What is left of items.
const MARGIN: usize = 4;
/// Attributes are this far to the right of what they belong to.
const INDENT: usize = 4;
/// From how many on instances of one block that fare alike are told in one line.
const ALIKE: usize = 20;
/// The widest the first two columns get.
const TITLE_WIDTH: usize = 44;
const NAME_WIDTH: usize = 34;

/// Something shown under a heading.
pub(super) enum Item {
    /// One line: what, its name, its facts; below it attributes.
    Row { action: Action, title: String, name: String, facts: Vec<String>, below: Vec<String> },
    /// Lines that are as they should be.
    Lines(Vec<String>),
}

/// The columns of a group's rows.
pub(super) struct Columns {
    title: usize,
    name: usize,
    indent: usize,
}

impl Columns {
    pub(super) fn of<'a>(items: impl Iterator<Item = &'a Item>, width: usize) -> Self {
        let (mut title_width, mut name_width) = (18, 10);
        for item in items {
            if let Item::Row { title, name, .. } = item {
                title_width = title_width.max(columns(title).min(TITLE_WIDTH));
                name_width = name_width.max(columns(name).min(NAME_WIDTH));
            }
        }
        Columns { title: title_width, name: name_width.min(width / 3), indent: 6 }
    }

    /// The column in which facts of headings begin: under the names.
    pub(super) fn facts_start(&self) -> usize {
        self.indent + self.title + 2
    }
}

/// The members of a section that something happens to, as items.
pub(super) fn items(
    plan: &Plan,
    members: &[(Place, &Change)],
    wording: &Wording,
    width: usize,
    verbose: bool,
) -> Vec<Item> {
    let width = width.saturating_sub(MARGIN);
    let mut items = Vec::new();
    let shown = members.iter().filter(|(_, change)| is_shown(change));
    let (parts, rest): (Vec<_>, Vec<_>) = shown.partition(|(place, _)| place.node.is_some() && !verbose);
    let alike = if verbose { BTreeMap::new() } else { blocks(&rest) };
    let mut told = Vec::new();
    let (keys, ends) = if verbose { Default::default() } else { (keys(&rest), ends(&rest)) };
    for (place, change) in rest {
        if (ends && ends_with_cluster(change)) || (keys.is_some() && place.key().is_some()) {
            continue;
        }
        let key = block_of(place, change);
        match alike.get(&key) {
            Some(number) if *number > ALIKE && is_plain(change) => {
                if !told.contains(&key) {
                    items.push(together(plan, change, &key.0, *number));
                    told.push(key);
                }
            }
            _ => items.push(item(plan, place, change, wording, width, verbose)),
        }
    }
    items.extend(keys);
    if ends {
        items.push(Item::Row {
            action: Action::Forget,
            title: "everything".to_owned(),
            name: String::new(),
            facts: vec!["ends with its cluster".to_owned()],
            below: Vec::new(),
        });
    }
    items.extend(nodes::items(plan, &parts, wording, width));
    items
}

/// A cluster's keys in one row, when nothing but the one thing happens to all of them.
fn keys(changes: &[&(Place, &Change)]) -> Option<Item> {
    let keys: Vec<(&'static str, &Change)> =
        changes.iter().filter_map(|(place, change)| Some((place.key()?, *change))).collect();
    let (_, first) = keys.first()?;
    let (action, reason) = (first.action, &first.reason);
    let is_expected = matches!(
        (action, reason),
        (Action::Create, None | Some(Reason::Configuration)) | (Action::Delete, None | Some(Reason::Destroy))
    );
    if !is_expected || keys.iter().any(|(_, change)| change.action != action || change.reason != *reason) {
        return None;
    }
    let words: Vec<&str> = keys.iter().map(|(words, _)| *words).collect();
    Some(Item::Row {
        action,
        title: "keys".to_owned(),
        name: String::new(),
        facts: vec![words.join(", ")],
        below: Vec::new(),
    })
}

fn ends(changes: &[&(Place, &Change)]) -> bool {
    changes.iter().any(|(_, change)| ends_with_cluster(change))
}

/// True for what nothing has to be done about, since the cluster it is in goes.
pub(super) fn ends_with_cluster(change: &Change) -> bool {
    matches!(change.reason, Some(Reason::EndsWith(_)))
}

/// A block's address, what happens to its instances, their type.
type Block = (String, &'static str, String);

fn block_of(place: &Place, change: &Change) -> Block {
    let text = change.address.as_str();
    let block = match &place.part.key {
        Some(_) => text.rfind('[').map_or(text, |end| &text[..end]),
        None => text,
    };
    (block.to_owned(), change.action.symbol(), change.ty.name.to_string())
}

/// How many instances of each block fare alike.
fn blocks(changes: &[&(Place, &Change)]) -> BTreeMap<Block, usize> {
    let mut blocks = BTreeMap::new();
    for (place, change) in changes {
        if place.part.key.is_some() && is_plain(change) {
            *blocks.entry(block_of(place, change)).or_default() += 1;
        }
    }
    blocks
}

fn together(plan: &Plan, change: &Change, block: &str, number: usize) -> Item {
    Item::Row {
        action: change.action,
        title: format!("{block}[…]"),
        name: format!("{number} x {}", change.title),
        facts: why(plan, change).into_iter().chain(["-v shows them".to_owned()]).collect(),
        below: Vec::new(),
    }
}

/// True for what one line tells.
fn is_plain(change: &Change) -> bool {
    matches!(change.action, Action::Create | Action::Delete | Action::Read | Action::Forget | Action::Move)
}

fn item(plan: &Plan, place: &Place, change: &Change, wording: &Wording, width: usize, verbose: bool) -> Item {
    let plain = is_plain(change) && (change.action != Action::Move || change.paths.is_empty());
    let by_address = change.action == Action::Move || place.cluster.is_none();
    let title = if by_address { change.address.to_string() } else { place.title(&change.title) };
    let was = change.previous_address.as_ref().map(|previous| format!("was {previous}"));
    let name = facts::name(change);
    let identifying =
        if name.is_empty() || (plain && was.is_none()) { facts::of(change) } else { Vec::new() };
    let mut facts: Vec<String> = identifying.into_iter().chain(was).chain(why(plan, change)).collect();
    let mut below = Vec::new();
    if verbose && !by_address {
        below.push(paint(style::FAINT, change.address.as_str()));
    }
    let room = width.saturating_sub(INDENT);
    match (plain, verbose) {
        (true, true) => below.extend(unfold(change, room)),
        (true, false) => {}
        (false, _) => below.extend(attributes::all(change, wording, room)),
    }
    if !verbose && let Some((short, hides)) = folded(change) {
        let more = hides.then(|| "-v shows them".to_owned());
        facts = vec![short].into_iter().chain(why(plan, change)).chain(more).collect();
        below.clear();
    }
    Item::Row { action: change.action, title, name, facts, below }
}

/// What a layer or an add-on becomes, in a few words, and whether there is more to see: its objects counted, or the version
/// it follows.
fn folded(change: &Change) -> Option<(String, bool)> {
    // What somebody else did is shown: nobody has it in a file of theirs.
    if change.action != Action::Update || change.reason == Some(Reason::Drift) {
        return None;
    }
    let objects = attributes::objects(change);
    if objects > 0 {
        let verb = if objects == 1 { "changes" } else { "change" };
        return Some((format!("{} {verb}", count(objects, "object")), true));
    }
    let first = change.paths.first()?;
    let same = |path: &PathChange| {
        matches!(path.path.steps().last(), Some(PathStep::Name(name)) if &**name == "kubernetesVersion")
            && (&path.before, &path.after) == (&first.before, &first.after)
    };
    let (before, after) = (first.before.as_ref()?.as_str()?, first.after.as_ref()?.as_str()?);
    change.paths.iter().all(same).then(|| (format!("{before} -> {after}"), false))
}

impl Item {
    pub(super) fn write(&self, page: &mut Page, indent: usize, widths: &Columns) {
        let margin = " ".repeat(indent);
        match self {
            Item::Row { action, title, name, facts, below } => {
                let symbol = paint(style::of_action(*action), action.symbol());
                let mut head = pad(title, (widths.title + 1).saturating_sub(columns(action.symbol())));
                if !name.is_empty() {
                    head = format!("{head}  {}", pad(name, widths.name));
                }
                let facts_at = indent + columns(action.symbol()) + 1 + columns(&head) + 2;
                let room = page.width.saturating_sub(facts_at);
                // Where little room is left, facts go below.
                let (first, rest, at) = match flow(facts, "  ", room).split_first() {
                    Some((first, rest)) if columns(first) <= room => (first.clone(), rest.to_vec(), facts_at),
                    Some(_) => (
                        String::new(),
                        flow(facts, "  ", page.width.saturating_sub(indent + INDENT)),
                        indent + INDENT,
                    ),
                    None => (String::new(), Vec::new(), facts_at),
                };
                page.line(&format!("{margin}{symbol} {head}  {first}"));
                for line in rest {
                    page.line(&format!("{}{line}", " ".repeat(at)));
                }
                for line in below {
                    page.line(&format!("{margin}{}{line}", " ".repeat(INDENT)));
                }
            }
            Item::Lines(lines) => {
                for line in lines {
                    page.line(&format!("{margin}{line}"));
                }
            }
        }
    }
}

/// Every attribute of an object that is made, or goes.
fn unfold(change: &Change, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(id) = &change.id {
        lines.push(format!("id = {id}"));
    }
    if let Some(entries) = facts::body(change).and_then(|body| body.as_entries()) {
        for (key, inner) in entries {
            lines.extend(value::lines(&format!("{key} = "), inner, width));
        }
    }
    lines
}

/// By what an object that exists is known to be this state's.
fn adopted(change: &Change) -> &'static str {
    let mut bodies = change.after.iter().chain(&change.before);
    let has_tags = bodies.any(|body| body.get("tags").is_some())
        || change.paths.iter().any(|path| path.path.is_under("tags"));
    match change.provider {
        ProviderName::Azure if has_tags => "exists already and carries this state's lineage: will be adopted",
        ProviderName::Azure => "exists already in what is this state's: will be adopted",
        ProviderName::Kubernetes | ProviderName::Tls => {
            "exists already in this state's cluster: will be adopted"
        }
    }
}

/// Why something happens, where that is not plain, and where that is written.
fn why(plan: &Plan, change: &Change) -> Option<String> {
    let marks = marks(change).into_iter().map(|mark| format!("   {mark}"));
    Some(marks.fold(reason(plan, change)?, |told, mark| told + &mark))
}

/// Of a node that gets a successor because of an attribute, that it does and where that attribute is written.
pub(super) fn marks(change: &Change) -> Vec<String> {
    let Some(Reason::Succession(why)) = &change.reason else { return Vec::new() };
    // What is configured otherwise says what it becomes; the others say who did what.
    if !why.contains(" -> ") && change.changed_at.is_none() {
        return Vec::new();
    }
    let place = change.changed_at.as_ref().map(|at| format!("changed in {}:{}", at.file, at.line));
    ["# forces replacement".to_owned()].into_iter().chain(place).collect()
}

/// Why something happens, where that is not plain.
pub(super) fn reason(plan: &Plan, change: &Change) -> Option<String> {
    let place = || {
        let at = change.changed_at.as_ref().or(change.origin.as_ref());
        at.map(|at| format!("{}:{}", at.file, at.line))
    };
    let configured = || match place() {
        Some(place) => format!("changed in {place}"),
        None => "changed in the configuration".to_owned(),
    };
    Some(match change.reason.as_ref() {
        None if change.action == Action::Adopt => match change.paths.len() {
            0 => adopted(change).to_owned(),
            1 => format!("{} (1 attribute differs, below)", adopted(change)),
            differ => format!("{} ({differ} attributes differ, below)", adopted(change)),
        },
        None if matches!(change.action, Action::Update) || change.action.is_replace() => configured(),
        None => return None,
        Some(Reason::Configuration) if change.action == Action::Create => return None,
        Some(Reason::Configuration) => configured(),
        Some(Reason::Drift) => "changed outside of Lazuli: will be set back".to_owned(),
        Some(Reason::DeletedOutside) if change.action == Action::Forget => {
            "deleted outside of Lazuli: no longer recorded".to_owned()
        }
        Some(Reason::DeletedOutside) => "deleted outside of Lazuli: will be created again".to_owned(),
        Some(Reason::Destroy) => return None,
        Some(Reason::NotInConfiguration) if plan.mode == PlanMode::Destroy => return None,
        Some(Reason::NotInConfiguration) if change.action == Action::Forget => {
            "no longer managed, stays in Azure".to_owned()
        }
        Some(Reason::NotInConfiguration) => "no longer in the configuration".to_owned(),
        Some(Reason::Asked) => "asked by --replace".to_owned(),
        Some(Reason::Succession(text)) => crate::render::layout::clean(text).into_owned(),
        Some(Reason::Follows(address)) => format!("{address} is replaced"),
        Some(Reason::Deposed) => "left over from a replacement that was interrupted".to_owned(),
        Some(Reason::Unfinished) => "begun by an earlier run that did not finish".to_owned(),
        Some(Reason::Triggered(address)) => format!("{address} changes (replace_triggered_by)"),
        Some(Reason::EndsWith(_)) => "ends with its cluster".to_owned(),
        Some(Reason::Imported) => "exists already: an import block takes it over".to_owned(),
        Some(Reason::DependsOnUnknown) => "depends on what is known only after apply".to_owned(),
    })
}
