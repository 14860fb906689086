//! `import`: an object that exists is taken over by what an `import` block or the command of that name says.

use lazuli_core::kind::Kind;
use lazuli_core::plan::Reason;
use lazuli_core::resource::{Declaration, Desired};
use lazuli_core::{Diagnostic, Json, Value};

use crate::decide::{Case, Decision, Sight, lineage_of, take_over};
use crate::refactoring::Import;

/// Takes an object over at once, without a plan: what of it is the declaration's, secrets marked.
///
/// # Errors
/// Those of an `import` block: the object is not the declared one, belongs to another state, is not there, or differs
/// in something that cannot be changed in place.
pub fn at_once(
    declaration: &Declaration,
    desired: &Desired,
    kind: &Kind,
    import: &Import,
    object: Option<&Json>,
    lineage: &str,
) -> Result<Value, Box<Diagnostic>> {
    let case = Case {
        declaration,
        desired,
        kind,
        recorded: None,
        observed: object.map_or(Sight::Absent, Sight::Present),
        predecessor: Sight::Absent,
        lineage,
        asked_to_replace: false,
        import: Some(import),
        lies_below_ours: false,
    };
    Ok(decide(&case, import)?.before.unwrap_or_else(|| Value::object::<&str>([])))
}

/// Decides about a resource that is not recorded and that an `import` block gives an object to.
pub(crate) fn decide(case: &Case<'_>, import: &Import) -> Result<Decision, Box<Diagnostic>> {
    let address = &case.declaration.address;
    let problem = |message: String, label: &str| {
        let problem = Diagnostic::error("LZ1012", message).about(address.clone());
        let problem = match import.span {
            Some(span) => problem.at(span, label),
            None => problem,
        };
        match case.declaration.origin {
            Some(span) => problem.also_at(span, "declared here"),
            None => problem,
        }
    };
    let refuse = |message: String, label: &str| Err(Box::new(problem(message, label)));
    let Some(id) = &case.desired.id else {
        let message = format!("{address} cannot take over {}: its own id is not known yet", import.id);
        return refuse(message, "imported here");
    };
    if *id != import.id {
        let message = format!("{address} is {id}, so it cannot take over {}", import.id);
        let problem = problem(message, "another object");
        return Err(Box::new(
            problem.help("make type, name and resource group of the block those of the object"),
        ));
    }
    match case.observed {
        Sight::Present(object) => {
            if let Some(other) = lineage_of(object).filter(|other| *other != case.lineage) {
                let problem = problem(format!("{id} belongs to another Lazuli state"), "imported here");
                return Err(Box::new(
                    problem
                        .note(format!("its tag says {other}, and this state is {}", case.lineage))
                        .help("take it out of that state first, with a `removed` block"),
                ));
            }
            let taken = take_over(case, object);
            let taken = taken.map(|decision| Decision { reason: Some(Reason::Imported), ..decision });
            taken.map_err(|path| {
                let message = format!("{id} differs in {path}, which cannot be changed in place");
                Box::new(problem(message, "imported here").help("write the block as the object is"))
            })
        }
        Sight::Absent => refuse(format!("{id} does not exist, so it cannot be imported"), "imported here"),
        Sight::NotLooked => {
            let problem =
                problem(format!("{id} is to be imported, and nobody looked at it"), "imported here");
            Err(Box::new(problem.help("plan without --refresh=false")))
        }
    }
}
