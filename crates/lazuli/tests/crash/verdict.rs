//! What is demanded after a crash.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;

use crate::disk::Image;
use crate::insides;
use crate::machine::{Machine, Ran};
use crate::scenario::{Kind, MARKERS, Scenario};

/// What a run that nobody disturbs ends with, names that are made of random numbers left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct End {
    exists: Vec<String>,
    inside: Vec<String>,
    recorded: Vec<String>,
    outputs: Json,
}

/// Ten are kept; a power loss may bring one back that was removed.
const MOST_BACKUPS: usize = 11;

macro_rules! demand {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

pub(crate) fn ended(ran: &Ran, wanted: i32, what: &[&str]) -> Result<(), String> {
    let status = ran.status.map_or_else(|| "a kill".to_owned(), |status| format!("exit code {status}"));
    demand!(ran.status == Some(wanted), "lazuli {} ended with {status}:\n{}", what.join(" "), ran.output);
    Ok(())
}

/// Looks without changing anything, and says what was left unfinished.
pub(crate) fn plan_only_reads(machine: &Machine, scenario: &Scenario, crashed: &Image) -> Result<(), String> {
    let before = machine.look();
    let arguments = ["plan"];
    let ran = machine.run(&arguments);
    ended(&ran, 0, &arguments)?;
    // What Azure has accepted it goes on with; one inside of Lazuli does that when it is started again.
    let moves_on = matches!(scenario.kind, Kind::Slow | Kind::Embedded);
    demand!(
        moves_on || before["resources"] == machine.look()["resources"],
        "`plan` changed the world:\n{}",
        ran.output
    );
    let now = crate::disk::read(&machine.disk());
    let kept = |image: &Image| {
        let own = |path: &&std::path::PathBuf| {
            let name = path.to_string_lossy();
            name.starts_with("project/lazuli.state") || name.ends_with("/journal")
        };
        image.iter().filter(|(path, _)| own(path)).map(|(p, c)| (p.clone(), c.clone())).collect::<Image>()
    };
    demand!(kept(crashed) == kept(&now), "`plan` changed state or journal:\n{}", ran.output);
    let open = open_steps(crashed);
    let told = ran.output.contains("stopped without finishing");
    demand!(open.is_empty() || told, "`plan` does not tell that steps {open:?} are open:\n{}", ran.output);
    demand!(told == !open.is_empty(), "`plan` tells of open steps, and there are none:\n{}", ran.output);
    Ok(())
}

/// The steps that a journal has begun and not ended, when the journal is one of this state.
fn open_steps(image: &Image) -> BTreeSet<u64> {
    let file = |name: &str| image.get(Path::new(name)).and_then(Option::as_deref);
    let mut lines =
        file("project/.lazuli/journal").unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
    let mut next = || -> Option<Json> { serde_json::from_slice(lines.next()?.get(26..)?).ok() };
    let mut open = BTreeSet::new();
    let serial = state(image)["serial"].as_u64().unwrap_or(0);
    let Some(header) = next() else { return open };
    if header["serial"].as_u64() != Some(serial) {
        return open;
    }
    while let Some(batch) = next() {
        for entry in batch["records"].as_array().into_iter().flatten() {
            let record = &entry["record"];
            let step = record["step"].as_u64();
            match record["record"].as_str().unwrap_or_default() {
                "intent" => open.extend(step),
                "done" | "undone" => open.retain(|one| Some(*one) != step),
                _ => {}
            }
        }
    }
    open
}

/// Nothing on the disk tells a secret: none that is marked, not that of the account, none of the world's clusters.
pub(crate) fn no_secret(image: &Image, client_secret: &str, world: &Json) -> Result<(), String> {
    let of_clusters = insides::secrets(world);
    let secrets =
        MARKERS.iter().copied().chain([client_secret]).chain(of_clusters.iter().map(String::as_str));
    let secrets: Vec<&str> = secrets.collect();
    for (path, content) in image {
        let Some(bytes) = content else { continue };
        if path.to_string_lossy().contains("/simulator-") {
            continue; // that is Azure, which knows what it was sent
        }
        let text = String::from_utf8_lossy(bytes);
        for secret in &secrets {
            let around = text.find(secret).map(|at| text[..at].chars().rev().take(200).collect::<String>());
            let before: Option<String> = around.map(|text| text.chars().rev().collect());
            demand!(before.is_none(), "{} holds {secret}, after {before:?}", path.display());
        }
    }
    Ok(())
}

/// Nothing is left to do, and the world, the state and the disk are as after a run that nobody disturbed.
pub(crate) fn converged(machine: &Machine, scenario: &Scenario, wanted: Option<&End>) -> Result<End, String> {
    ended(&machine.run(&scenario.question), 0, &scenario.question)?;
    let image = crate::disk::read(&machine.disk());
    let world = machine.look();
    no_secret(&image, &machine.client_secret(), &world)?;
    for path in image.keys() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Nobody may remove a key from the user's folder, where another run may just be making one.
        let half = name.starts_with('.') && name.contains('-') && !name.starts_with(".state.key-");
        let left = half || ["journal", "lock.json"].contains(&&*name);
        demand!(!left, "{} was left behind", path.display());
    }
    let backups = image.keys().filter(|path| path.to_string_lossy().contains("lazuli.state.backup.")).count();
    demand!(backups <= MOST_BACKUPS, "{backups} backups are there");
    let state = state(&image);
    let end = End {
        exists: exists(&world),
        inside: insides::exist(&world),
        recorded: recorded(&state),
        outputs: plain(&state["outputs"]),
    };
    demand!(
        state["deposed"].as_array().is_none_or(Vec::is_empty),
        "something is deposed: {}",
        state["deposed"]
    );
    nothing_orphaned(&state, &world)?;
    insides::nothing_orphaned(&state, &world)?;
    if let Some(wanted) = wanted {
        demand!(*wanted == end, "the end is another one:\n{}", difference(wanted, &end));
    }
    Ok(end)
}

fn state(image: &Image) -> Json {
    let bytes = image.get(Path::new("project/lazuli.state")).and_then(Option::as_deref).unwrap_or(b"null");
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("the state is damaged: {error}"))
}

fn exists(world: &Json) -> Vec<String> {
    let mut ids: Vec<String> = world["resources"].as_object().unwrap().keys().map(|id| stem(id)).collect();
    ids.sort();
    ids
}

fn recorded(state: &Json) -> Vec<String> {
    let own = state["resources"].as_array().into_iter().flatten();
    let mut all: Vec<String> = own
        .map(|r| format!("{} {}", r["address"].as_str().unwrap(), stem(r["id"].as_str().unwrap())))
        .collect();
    all.sort();
    all
}

/// The world and the state against each other, names as they are.
fn nothing_orphaned(state: &Json, world: &Json) -> Result<(), String> {
    let own = state["resources"].as_array().into_iter().flatten();
    let recorded: BTreeSet<String> = own.map(|r| r["id"].as_str().unwrap().to_lowercase()).collect();
    let world = world["resources"].as_object().unwrap();
    for (id, resource) in world {
        let kind = resource["kind"].as_str().unwrap_or_default();
        let made = match kind {
            "Microsoft.Resources/resourceGroups" => true,
            "Microsoft.Compute/disks" => {
                // goes with its machine
                let (machine, _) = id.rsplit_once('-').unwrap_or_default();
                world.contains_key(&machine.replace("/disks/", "/virtualmachines/"))
            }
            _ => recorded.contains(id),
        };
        demand!(made, "exists, and is not recorded: {id} ({kind})");
        demand!(resource["state"] == "Succeeded", "{id} is {}", resource["state"]);
    }
    for id in &recorded {
        let embedded = id.contains("/subnets/") || id.contains("/routes/"); // parts of their parents
        // keys are in the state only; what is in clusters is looked at beside this
        let embedded = embedded || id.contains("/providers/lazuli.");
        demand!(embedded || world.contains_key(id), "recorded, and does not exist: {id}");
    }
    for resource in state["resources"].as_array().into_iter().flatten() {
        demand!(resource.get("pending").is_none_or(Json::is_null), "{} is pending", resource["address"]);
    }
    Ok(())
}

/// What only one of two ends has.
fn difference(wanted: &End, found: &End) -> String {
    let mut lines = Vec::new();
    let lists = [
        (&wanted.exists, &found.exists),
        (&wanted.inside, &found.inside),
        (&wanted.recorded, &found.recorded),
    ];
    for (wanted, found) in lists {
        let mut left = found.clone();
        for line in wanted {
            match left.iter().position(|other| other == line) {
                Some(at) => drop(left.remove(at)),
                None => lines.push(format!("missing: {line}")),
            }
        }
        lines.extend(left.into_iter().map(|line| format!("too much: {line}")));
    }
    if wanted.outputs != found.outputs {
        lines.push(format!("wanted {}\nfound {}", wanted.outputs, found.outputs));
    }
    lines.join("\n")
}

/// Text without the digits that a lineage or a generation puts into names.
pub(crate) fn stem(text: &str) -> String {
    let mut stem = String::new();
    for word in text.to_lowercase().split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let (body, end) = match word.char_indices().last() {
            Some((at, end)) if !end.is_ascii_alphanumeric() => (&word[..at], &word[at..]),
            _ => (word, ""),
        };
        let random = body.len() >= 4 && body.bytes().all(|b| b.is_ascii_hexdigit());
        stem.push_str(if random { "*" } else { body });
        stem.push_str(end);
    }
    stem
}

/// Outputs; those that are sealed by their names only.
fn plain(outputs: &Json) -> Json {
    let plain = |(name, output): (&String, &Json)| {
        let hidden = output["sensitive"] == true;
        let value = if hidden { Json::from("sensitive") } else { stem(&output["value"].to_string()).into() };
        (name.clone(), value)
    };
    outputs.as_object().map(|all| Json::Object(all.iter().map(plain).collect())).unwrap_or_default()
}
