//! One resource: a line with its identifying facts, or a line with the attributes that differ.

use std::collections::BTreeMap;

use lazuli_core::plan::{Action, Cause, Change, PathChange, Plan, PlanMode, Reason};

use super::facts;
use super::nodes;
use super::place::Place;
use super::{Page, is_shown};
use crate::render::layout::{columns, flow, pad};
use crate::render::style::{self, paint};
use crate::render::value;

/// What is left of items.
const MARGIN: usize = 4;
/// From how many on instances of one block that fare alike are told in one line.
const ALIKE: usize = 20;
/// The widest the first two columns get.
const TITLE_WIDTH: usize = 44;
const NAME_WIDTH: usize = 34;

/// Something shown under a heading.
pub(super) enum Item<'a> {
    /// One line: what, its name, its facts; then its attributes when they are unfolded.
    Row { action: Action, title: String, name: String, facts: Vec<String>, unfolded: Option<&'a Change> },
    /// A change with its attributes.
    Detail(Vec<String>),
}

/// The columns of a group's rows.
pub(super) struct Columns {
    title: usize,
    name: usize,
    indent: usize,
}

impl Columns {
    pub(super) fn of<'a>(items: impl Iterator<Item = &'a Item<'a>>, width: usize) -> Self {
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
pub(super) fn items<'a>(
    plan: &Plan,
    members: &[(Place, &'a Change)],
    width: usize,
    verbose: bool,
) -> Vec<Item<'a>> {
    let width = width.saturating_sub(MARGIN);
    let mut items = Vec::new();
    let shown = members.iter().filter(|(_, change)| is_shown(change));
    let (parts, rest): (Vec<_>, Vec<_>) = shown.partition(|(place, _)| place.node.is_some() && !verbose);
    let alike = if verbose { BTreeMap::new() } else { blocks(&rest) };
    let mut told = Vec::new();
    for (place, change) in rest {
        let key = block_of(place, change);
        match alike.get(&key) {
            Some(number) if *number > ALIKE && is_plain(change) => {
                if !told.contains(&key) {
                    items.push(together(plan, change, &key.0, *number));
                    told.push(key);
                }
            }
            _ => items.push(item(plan, place, change, width, verbose)),
        }
    }
    items.extend(nodes::items(plan, &parts, width));
    items
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

fn together<'a>(plan: &Plan, change: &Change, block: &str, number: usize) -> Item<'a> {
    Item::Row {
        action: change.action,
        title: format!("{block}[…]"),
        name: format!("{number} x {}", change.title),
        facts: why(plan, change).into_iter().chain(["-v shows them".to_owned()]).collect(),
        unfolded: None,
    }
}

/// True for what one line tells.
fn is_plain(change: &Change) -> bool {
    matches!(change.action, Action::Create | Action::Delete | Action::Read | Action::Forget | Action::Move)
}

fn item<'a>(plan: &Plan, place: &Place, change: &'a Change, width: usize, verbose: bool) -> Item<'a> {
    if !is_plain(change) || (change.action == Action::Move && !change.paths.is_empty()) {
        return Item::Detail(detail(plan, change, change.address.as_str(), width));
    }
    let name = facts::name(change);
    let mut row_facts = facts::of(change);
    if let Some(previous) = &change.previous_address {
        row_facts = vec![format!("was {previous}")];
    }
    row_facts.extend(why(plan, change));
    let in_cluster = place.cluster.is_some();
    let title = if change.action == Action::Move || !in_cluster {
        change.address.to_string()
    } else {
        place.title(&change.title)
    };
    Item::Row { action: change.action, title, name, facts: row_facts, unfolded: verbose.then_some(change) }
}

impl Item<'_> {
    pub(super) fn write(&self, page: &mut Page, indent: usize, widths: &Columns) {
        let margin = " ".repeat(indent);
        match self {
            Item::Row { action, title, name, facts, unfolded } => {
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
                    Some(_) => {
                        (String::new(), flow(facts, "  ", page.width.saturating_sub(indent + 4)), indent + 4)
                    }
                    None => (String::new(), Vec::new(), facts_at),
                };
                page.line(&format!("{margin}{symbol} {head}  {first}"));
                for line in rest {
                    page.line(&format!("{}{line}", " ".repeat(at)));
                }
                if let Some(change) = unfolded {
                    for line in unfold(change, page.width.saturating_sub(indent + 4)) {
                        page.line(&format!("{margin}    {line}"));
                    }
                }
            }
            Item::Detail(lines) => {
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

/// `~ cluster.prod.network.control_plane_nsg   changed in main.hcl:34`, and the attributes that differ below.
pub(super) fn detail(plan: &Plan, change: &Change, what: &str, width: usize) -> Vec<String> {
    let symbol = paint(style::of_action(change.action), change.action.symbol());
    let was = change.previous_address.as_ref().map(|previous| format!("was {previous}"));
    let notes: Vec<String> = was.into_iter().chain(why(plan, change)).collect();
    let notes = notes.join(", ");
    let head = format!("{symbol} {}", paint(style::STRONG, what));
    let used = columns(change.action.symbol()) + 1 + columns(what);
    let mut lines = match notes.as_str() {
        "" => vec![head],
        _ if used + 3 + columns(&notes) <= width => vec![format!("{head}   {notes}")],
        _ => vec![head, format!("    {notes}")],
    };
    lines.extend(attributes(change, width));
    lines
}

fn attributes(change: &Change, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mixed = change.paths.iter().any(|p| p.cause == Cause::Configuration);
    for path in &change.paths {
        let mut head =
            if path.path.steps().is_empty() { "the object".to_owned() } else { path.path.to_string() };
        if path.forces_replacement {
            head.push_str(&format!("   {}", paint(style::ALERT, "# forces replacement")));
        }
        if mixed && path.cause == Cause::Drift {
            head.push_str("   # changed outside of Lazuli");
        }
        lines.push(format!("    {head}"));
        lines.extend(differences(path, width));
    }
    lines
}

fn differences(path: &PathChange, width: usize) -> Vec<String> {
    let lines = value::difference(path.before.as_ref(), path.after.as_ref(), width.saturating_sub(6));
    lines.iter().map(|line| format!("      {}", line.styled())).collect()
}

/// Why something happens, where that is not plain.
pub(super) fn why(plan: &Plan, change: &Change) -> Option<String> {
    let place = || change.origin.as_ref().map(|at| format!("{}:{}", at.file, at.line));
    let configured = || match place() {
        Some(place) => format!("changed in {place}"),
        None => "changed in the configuration".to_owned(),
    };
    Some(match change.reason.as_ref() {
        None if change.action == Action::Adopt => {
            "exists already and carries this state's lineage: will be adopted".to_owned()
        }
        None if matches!(change.action, Action::Update) || change.action.is_replace() => configured(),
        None => return None,
        Some(Reason::Configuration) if change.action == Action::Create => return None,
        Some(Reason::Configuration) => configured(),
        Some(Reason::Drift) => "changed outside of Lazuli: will be set back".to_owned(),
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
        Some(Reason::DependsOnUnknown) => "depends on what is known only after apply".to_owned(),
    })
}
