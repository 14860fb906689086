//! What blocks wait for, and what a configuration may not say.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lazuli_azure::AzureKinds;
use lazuli_cluster::names::Account;
use lazuli_cluster::roster::Renewals;
use lazuli_config::{Evaluator, NoFiles, parse};
use lazuli_core::configuration::{Configuration, Known, KnownObject};
use lazuli_core::plan::{Plan, PlanMode};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::{Address, Diagnostics, Sources, Value};
use lazuli_planner::{Draft, Observed, Request, make};

use super::Blueprint;
use super::build::Ground;

fn blueprint(text: &str) -> Blueprint {
    let mut sources = Sources::default();
    let text = format!("cloud_account \"a\" {{\n  simulator {{\n  }}\n}}\n{text}");
    let (module, mistakes) = parse(&mut sources, vec![("main.hcl".into(), text)]);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let (evaluator, mistakes) = Evaluator::new(Arc::new(module), &[], Arc::new(NoFiles));
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let account = Account {
        subscription_id: "11111111-2222-3333-4444-555555555555".into(),
        tenant_id: "99999999-8888-7777-6666-555555555555".into(),
        dns_suffix: "cloudapp.azure.com".into(),
    };
    let ground = Ground {
        evaluator: Arc::new(evaluator),
        accounts: BTreeMap::from([("a".into(), account)]),
        recorded: &RecordedWorld::default(),
        renewals: &Renewals::default(),
        boots: false,
    };
    Blueprint::build(&ground).unwrap()
}

/// A block of resources; `lines` come between its name and its end.
fn resource(name: &str, copies: &str, lines: &str) -> String {
    format!(
        "resource \"{name}\" {{\n  {copies}\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  \
         cloud_account = cloud_account.a\n  resource_group = \"rg\"\n  location = \"eastus2\"\n  {lines}\n}}\n"
    )
}

fn plan(blueprint: &Blueprint) -> Result<Plan, Diagnostics> {
    let draft = Draft::new(blueprint)?;
    let request = Request {
        configuration: blueprint,
        kinds: &AzureKinds,
        recorded: &RecordedWorld::default(),
        observed: Observed::Objects(&HashMap::new()),
        mode: PlanMode::Apply,
        replace: &BTreeSet::new(),
        scope: &Default::default(),
        refactoring: &lazuli_planner::Refactoring::NONE,
        locate: &|_| None,
    };
    make(&draft, &request)
}

/// What each copy waits for.
fn waits(blueprint: &Blueprint, of: &str) -> Vec<String> {
    let declarations = blueprint.declarations().iter().filter(|d| d.address.as_str().starts_with(of));
    declarations
        .map(|d| {
            let on: Vec<&str> = d.dependencies.iter().map(|d| d.on.as_str()).collect();
            format!("{} -> {}", d.address, on.join(" "))
        })
        .collect()
}

#[test]
fn a_copy_waits_for_the_copy_with_its_own_key_whatever_the_keys_are_made_of() {
    let user = "name = \"u-${resource.a[count.index].name}\"";
    let counted = resource("a", "count = 2", "name = \"a${count.index}\"");
    let keyed = resource("a", "for_each = { \"0\" = 1, \"1\" = 2 }", "name = \"a${each.key}\"");
    let by_key = "name = \"u-${resource.a[each.key].name}\"";
    for (a, key) in [(&counted, ["0", "1"]), (&keyed, ["\"0\"", "\"1\""])] {
        let users = blueprint(&format!("{a}{}", resource("u", "count = 2", user)));
        let expected = [0, 1].map(|i: usize| format!("resource.u[{i}] -> resource.a[{}]", key[i]));
        assert_eq!(waits(&users, "resource.u"), expected);
        let users = blueprint(&format!("{a}{}", resource("u", "for_each = toset([\"0\", \"1\"])", by_key)));
        let expected = [0, 1].map(|i: usize| format!("resource.u[\"{i}\"] -> resource.a[{}]", key[i]));
        assert_eq!(waits(&users, "resource.u"), expected);
    }
}

#[test]
fn thousands_of_copies_that_refer_to_thousands_one_to_one_take_thousands_of_dependencies() {
    const COPIES: usize = 2_000;
    // Whichever is declared first.
    for (user, used) in [("b", "a"), ("a", "b")] {
        let copies = format!("count = {COPIES}");
        let lines =
            format!("name = \"u-${{count.index}}\"\n  tags = {{ e = resource.{used}[count.index].etag }}");
        let used = (used, resource(used, &copies, "name = \"r-${count.index}\""));
        let blocks = BTreeMap::from([used, (user, resource(user, &copies, &lines))]);
        let blueprint = blueprint(&blocks.into_values().collect::<String>());
        let dependencies: usize = blueprint.declarations().iter().map(|d| d.dependencies.len()).sum();
        assert_eq!(dependencies, COPIES);
        let plan = plan(&blueprint).unwrap();
        assert_eq!((plan.steps.len(), plan.edges.len()), (2 * COPIES, COPIES));
    }
}

/// Some objects that exist, all alike, and how often somebody asked for one.
struct Counted(AtomicUsize);

impl Known for Counted {
    fn object(&self, address: &Address) -> Option<KnownObject> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let value = Value::object([("etag", Value::string(address.as_str()))]);
        Some(KnownObject { value, complete: true })
    }

    fn epoch(&self) -> u64 {
        // As in an apply, where each step makes something known.
        self.0.load(Ordering::Relaxed) as u64
    }
}

#[test]
fn a_reference_to_one_copy_looks_at_one_copy_however_many_there_are() {
    const COPIES: usize = 500;
    let counted = format!("count = {COPIES}");
    let keyed = format!("for_each = toset([for i in range({COPIES}) : \"k${{i}}\"])");
    for (copies, key) in [(&counted, "count.index"), (&keyed, "each.key")] {
        let lines = format!("name = \"u-${{{key}}}\"\n  tags = {{ e = resource.a[{key}].etag }}");
        let text =
            resource("a", copies, &format!("name = \"r-${{{key}}}\"")) + &resource("u", copies, &lines);
        let blueprint = blueprint(&text);
        let known = Counted(AtomicUsize::new(0));
        for place in 0..blueprint.declarations().len() {
            let desired = blueprint.evaluate(place, &known).unwrap();
            if let Some(etag) = desired.body.get("tags").and_then(|tags| tags.get("e")) {
                let address =
                    blueprint.declarations()[place].address.as_str().replace("resource.u", "resource.a");
                assert_eq!(etag.as_str(), Some(&*address));
            }
        }
        assert_eq!(known.0.into_inner(), COPIES);
    }
}

#[test]
fn no_resource_says_itself_which_state_it_belongs_to() {
    let text = resource("x", "", "name = \"x\"\n  tags = { Lazuli_Lineage = \"mine\", team = \"a\" }");
    let problems = plan(&blueprint(&text)).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!((problems[0].code, &*problems[0].message), ("LZ0214", "the tag `lazuli_lineage` is reserved"));
    assert!(plan(&blueprint(&resource("x", "", "name = \"x\"\n  tags = { team = \"a\" }"))).is_ok());
}
