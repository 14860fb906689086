//! What holds of every plan, for random graphs with random edits, deletions and drift.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use lazuli_core::plan::{Action, Operation, Plan, PlanMode};
use proptest::prelude::*;
use serde_json::{Map, json};
use world::{Block, Config, How, World, block, destroying, excluding, refreshing, targeting, text};

/// One resource of a random configuration.
#[derive(Debug, Clone)]
struct Spec {
    /// 0 and 1 are its own names, 2 is one it may share with others.
    name: u8,
    size: u8,
    fixed: u8,
    /// Others it refers to: which, counted from the front, and by which attribute.
    refs: Vec<(prop::sample::Index, u8)>,
    child: bool,
    create_first: bool,
    rolls: bool,
}

fn spec() -> impl Strategy<Value = Spec> {
    let name = prop_oneof![6 => Just(0u8), 2 => Just(1u8), 1 => Just(2u8)];
    let refs = prop::collection::vec((any::<prop::sample::Index>(), 0u8..4), 0..3);
    (
        name,
        0u8..3,
        prop_oneof![4 => Just(0u8), 1 => Just(1u8)],
        refs,
        prop::bool::weighted(0.15),
        any::<bool>(),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(name, size, fixed, refs, child, create_first, rolls)| Spec {
            name,
            size,
            fixed,
            refs,
            child,
            create_first,
            rolls,
        })
}

/// What becomes of a resource from one configuration to the next.
#[derive(Debug, Clone)]
enum Edit {
    Keep,
    Take,
    Become(Spec),
}

/// What somebody else does to its object.
#[derive(Debug, Clone, Copy)]
enum Outside {
    Nothing,
    Change,
    Delete,
}

#[derive(Debug, Clone)]
struct Case {
    before: Vec<Spec>,
    edits: Vec<Edit>,
    outside: Vec<Outside>,
    /// The second configuration refers in the other direction.
    reversed: bool,
    /// What a partial plan names.
    named: Vec<bool>,
}

fn case() -> impl Strategy<Value = Case> {
    let edit = prop_oneof![4 => Just(Edit::Keep), 1 => Just(Edit::Take), 3 => spec().prop_map(Edit::Become)];
    let outside =
        prop_oneof![8 => Just(Outside::Nothing), 1 => Just(Outside::Change), 1 => Just(Outside::Delete)];
    let one = (spec(), edit, outside, prop::bool::weighted(0.2));
    (prop::collection::vec(one, 1..30), prop::bool::weighted(0.1)).prop_map(|(all, reversed)| Case {
        before: all.iter().map(|(spec, ..)| spec.clone()).collect(),
        edits: all.iter().map(|(_, edit, ..)| edit.clone()).collect(),
        outside: all.iter().map(|(_, _, outside, _)| *outside).collect(),
        named: all.iter().map(|(.., named)| *named).collect(),
        reversed,
    })
}

/// The blocks of the specs that are there; each refers to those before it only.
fn config<'a>(specs: impl Iterator<Item = (usize, &'a Spec)>) -> Config {
    let mut blocks: Vec<Block> = Vec::new();
    for (slot, spec) in specs {
        let address = format!("x.r{slot}");
        let name =
            if spec.name == 2 { format!("shared{}", slot % 3) } else { format!("r{slot}-{}", spec.name) };
        let mut properties = Map::from_iter([
            ("size".to_owned(), json!(spec.size)),
            ("fixed".to_owned(), json!(spec.fixed)),
            ("spelling".to_owned(), json!("loud")),
        ]);
        for (i, (on, by)) in spec.refs.iter().enumerate().filter(|_| !blocks.is_empty()) {
            let on = &on.get(&blocks).declaration.address;
            let attribute = ["id", "properties.serialNumber", "properties.size", "etag"][usize::from(*by)];
            properties.insert(format!("ref{i}"), json!(format!("${{{on}#{attribute}}}")));
        }
        let parent = spec.child.then(|| blocks.iter().rev().find(|b| b.ty == "Test/things")).flatten();
        let path = match parent {
            Some(parent) => format!("Test/things/${{{}#name}}/children/{name}", parent.declaration.address),
            None => format!("Test/things/{name}"),
        };
        let mut made = block(&address, &path, json!({"properties": properties}));
        if spec.create_first {
            made = made.create_first();
        }
        if spec.rolls {
            made = made.rolling("x.pool", &format!("x.node[\"{slot}\"]"), 1 + slot % 2);
        }
        blocks.push(made);
    }
    Config::new(blocks)
}

impl Case {
    /// True when what is recorded may contradict something else: a rollout goes by the names of nodes, and what is created
    /// first goes last.
    fn contradicts(&self) -> bool {
        let becomes = self.edits.iter().filter_map(|edit| match edit {
            Edit::Become(spec) => Some(spec),
            Edit::Keep | Edit::Take => None,
        });
        self.reversed || self.before.iter().chain(becomes).any(|spec| spec.rolls || spec.create_first)
    }

    fn first(&self) -> Config {
        config(self.before.iter().enumerate())
    }

    fn second(&self) -> Config {
        let after =
            self.before.iter().zip(&self.edits).enumerate().filter_map(|(slot, (spec, edit))| match edit {
                Edit::Keep => Some((slot, spec)),
                Edit::Take => None,
                Edit::Become(spec) => Some((slot, spec)),
            });
        let mut after: Vec<_> = after.collect();
        if self.reversed {
            after.reverse();
        }
        config(after.into_iter())
    }

    fn meddle(&self, world: &mut World) {
        let ids: Vec<_> =
            world.recorded.resources.values().map(|r| (r.address.clone(), r.id.clone())).collect();
        for (address, id) in ids {
            let slot: usize = address.as_str()[3..].parse().unwrap();
            let path = id.as_str()[world::config::ROOT.len()..].to_owned();
            match self.outside[slot] {
                Outside::Nothing => {}
                Outside::Change if world.cloud.get(&id).is_some() => {
                    world.cloud.edit(&path, "/properties/size", json!(99));
                }
                Outside::Change => {}
                Outside::Delete => world.cloud.try_to_lose(&id),
            }
        }
    }
}

/// The plan, or nothing when it is refused for one of the reasons there may be.
fn plan_or_refusal(world: &World, config: &Config, how: &How) -> Option<Plan> {
    match world.try_plan(config, how) {
        Ok(plan) => Some(plan),
        Err(found) => {
            let allowed = ["LZ1005", "LZ1006", "LZ1007", "LZ1013"];
            assert!(found.iter().all(|d| allowed.contains(&d.code)), "{}", text::diagnostics(&found));
            None
        }
    }
}

/// Nothing is deleted before what is recorded as referring to it; a record that the objects do not bear out may be older
/// than the configuration, and gives way when it contradicts another (`stale`).
fn users_go_first(world: &World, plan: &Plan, stale: bool) -> Result<(), TestCaseError> {
    let place = |address: &lazuli_core::Address| {
        let id = Some(&world.recorded.resources.get(address)?.id);
        plan.steps.iter().position(|s| s.operation == Operation::Delete && s.id.as_ref() == id)
    };
    for user in world.recorded.resources.values() {
        for on in &user.dependencies {
            let borne_out = || {
                let used = &world.recorded.resources.get(on)?.id;
                Some(user.inputs.to_string().contains(used.as_str()))
            };
            if let (Some(first), Some(then)) = (place(&user.address), place(on)) {
                prop_assert!(
                    first < then || stale && borne_out() != Some(true),
                    "{} after {on}\n{}",
                    user.address,
                    text::plan(plan)
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_is_exact_and_applying_it_leaves_nothing_to_do(case in case()) {
        let mut world = World::default();
        let (first, second) = (case.first(), case.second());
        let Some(plan) = plan_or_refusal(&world, &first, &How::default()) else { return Ok(()) };
        prop_assert!(plan.changes.iter().all(|c| c.action == Action::Create));
        world.carry_out(&first, &plan).map_err(|why| TestCaseError::fail(format!("{why}\n{}", text::plan(&plan))))?;
        prop_assert!(world.plan(&first).is_empty(), "{}", text::plan(&world.plan(&first)));

        case.meddle(&mut world);
        let Some(plan) = plan_or_refusal(&world, &second, &How::default()) else { return Ok(()) };
        let again = plan_or_refusal(&world, &second, &How::default());
        prop_assert_eq!(serde_json::to_string(&plan).unwrap(), serde_json::to_string(&again).unwrap());
        users_go_first(&world, &plan, case.contradicts())?;
        world.carry_out(&second, &plan).map_err(|why| TestCaseError::fail(format!("{why}\n{}", text::plan(&plan))))?;
        let after = world.plan(&second);
        prop_assert!(after.is_empty(), "{}\nthen\n{}", text::plan(&plan), text::plan(&after));
        prop_assert!(world.recorded.deposed.is_empty());
        prop_assert_eq!(world.cloud.paths().len(), second.blocks.len());

        let plan = world.try_plan(&second, &destroying()).unwrap();
        prop_assert!(plan.left_out.is_empty());
        users_go_first(&world, &plan, case.contradicts())?;
        world.carry_out(&second, &plan).map_err(|why| TestCaseError::fail(format!("{why}\n{}", text::plan(&plan))))?;
        prop_assert!(world.cloud.paths().is_empty() && world.recorded.resources.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_partial_plan_leaves_the_rest_alone_and_a_full_one_after_it_does_the_rest(case in case(), exclude in any::<bool>()) {
        let mut world = World::default();
        let (first, second) = (case.first(), case.second());
        let Some(plan) = plan_or_refusal(&world, &first, &How::default()) else { return Ok(()) };
        world.carry_out(&first, &plan).map_err(TestCaseError::fail)?;
        case.meddle(&mut world);

        let named: Vec<String> = case.named.iter().enumerate().filter(|(_, n)| **n).map(|(slot, _)| format!("x.r{slot}")).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        if named.is_empty() {
            return Ok(());
        }
        let how = if exclude { excluding(&named) } else { targeting(&named) };
        let how_to_destroy = How { mode: PlanMode::Destroy, ..if exclude { excluding(&named) } else { targeting(&named) } };
        let before = world.recorded.resources.clone();
        if let Some(plan) = plan_or_refusal(&world, &second, &how) {
            prop_assert!(plan.steps.iter().all(|s| !plan.left_out.contains(&s.address)), "{}", text::plan(&plan));
            world.carry_out(&second, &plan).map_err(|why| TestCaseError::fail(format!("{named:?} {why}\n{}", text::plan(&plan))))?;
            for address in &plan.left_out {
                prop_assert_eq!(before.get(address), world.recorded.resources.get(address), "{}", address);
            }
            let again = world.try_plan(&second, &how).unwrap();
            prop_assert!(again.is_empty(), "{named:?}\n{}\nthen\n{}", text::plan(&plan), text::plan(&again));
        }
        let Some(plan) = plan_or_refusal(&world, &second, &How::default()) else { return Ok(()) };
        world.carry_out(&second, &plan).map_err(|why| TestCaseError::fail(format!("{why}\n{}", text::plan(&plan))))?;
        prop_assert!(world.plan(&second).is_empty());
        prop_assert_eq!(world.cloud.paths().len(), second.blocks.len());

        if let Some(plan) = plan_or_refusal(&world, &second, &how_to_destroy) {
            world.carry_out(&second, &plan).map_err(|why| TestCaseError::fail(format!("{why}\n{}", text::plan(&plan))))?;
            for address in &plan.left_out {
                prop_assert!(world.recorded.resources.contains_key(address));
            }
        }
        let plan = world.plan(&second);
        world.carry_out(&second, &plan).map_err(TestCaseError::fail)?;
        prop_assert!(world.plan(&second).is_empty());
    }

    #[test]
    fn a_refresh_takes_in_what_others_did_and_the_configuration_wins_after_all(case in case()) {
        let mut world = World::default();
        let (first, second) = (case.first(), case.second());
        let Some(plan) = plan_or_refusal(&world, &first, &How::default()) else { return Ok(()) };
        world.carry_out(&first, &plan).map_err(TestCaseError::fail)?;
        case.meddle(&mut world);
        let cloud = world.cloud.clone();
        let plan = world.try_plan(&first, &refreshing()).unwrap();
        prop_assert!(plan.steps.is_empty());
        world.carry_out(&first, &plan).map_err(TestCaseError::fail)?;
        prop_assert_eq!(cloud.paths(), world.cloud.paths());
        let again = world.try_plan(&first, &refreshing()).unwrap();
        prop_assert!(again.is_empty(), "{}\nthen\n{}", text::plan(&plan), text::plan(&again));
        // Nothing is forgotten of what the configuration wants.
        for config in [&first, &second] {
            let Some(plan) = plan_or_refusal(&world, config, &How::default()) else { return Ok(()) };
            prop_assert!(plan.drift.is_empty());
            world.carry_out(config, &plan).map_err(TestCaseError::fail)?;
            prop_assert!(world.plan(config).is_empty());
            prop_assert_eq!(world.cloud.paths().len(), config.blocks.len());
        }
    }
}
