//! What is asked of a deployment: read, and looked at as Azure does before it begins.

use serde_json::Value;

use super::functions::{self, Problem, Scope};
use super::{KIND, content, lenient, scope_of, template};
use crate::arm::{Call, access, policy, versions};
use crate::catalog;
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::world::{Step, World};

/// What a request about a deployment may hold.
const MEMBERS: &[&str] = &["identity", "location", "properties", "tags"];
const PROPERTIES: &[&str] = &[
    "debugSetting",
    "expressionEvaluationOptions",
    "extensionConfigs",
    "externalInputDefinitions",
    "externalInputs",
    "mode",
    "onErrorDeployment",
    "parameters",
    "parametersLink",
    "template",
    "templateLink",
    "validationLevel",
    "whatIfSettings",
];

/// What a deployment would be: read, checked, and not begun.
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) template: Value,
    pub(super) parameters: Value,
    pub(super) shown_parameters: Value,
    pub(super) steps: Vec<Step>,
    /// The bodies that would be sent, as far as they are known before.
    pub(super) bodies: Vec<Option<Value>>,
}

pub(super) fn asked(world: &World, call: &Call<'_>, key: &str, group: &str) -> Result<Asked, ArmError> {
    let mut body = content(call)?;
    let properties = body["properties"].take();
    let name = call
        .request
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .skip_while(|part| !part.eq_ignore_ascii_case("deployments"))
        .nth(1)
        .unwrap_or("");
    let is_name = name.len() <= 64 && name.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c));
    if !is_name {
        return Err(ArmError::gateway(
            400,
            "InvalidDeploymentName",
            format!(
                "The deployment name '{name}' is not valid: it has up to 64 letters, digits, '-', '_', '.' and parentheses."
            ),
        ));
    }
    let strangers = [(&body, MEMBERS, ""), (&properties, PROPERTIES, "properties.")].into_iter().find_map(
        |(of, known, at)| {
            let stranger = of
                .as_object()?
                .keys()
                .find(|name| !known.iter().any(|known| known.eq_ignore_ascii_case(name)))?;
            Some(format!("{at}{stranger}"))
        },
    );
    if let Some(path) = strangers {
        return Err(ArmError::gateway(
            400,
            "InvalidRequestContent",
            format!(
                "The request content was invalid and could not be deserialized: 'Could not find member '{}' on object of type 'DeploymentContent'. Path '{path}', line 1, position 1.'.",
                ids::last(&path.replace('.', "/"))
            ),
        ));
    }
    if properties.get("templateLink").is_some_and(|link| !link.is_null()) {
        return Err(template::invalid(
            "This simulated Azure fetches no templates: send 'template' in place of 'templateLink'",
        ));
    }
    match properties["mode"].as_str() {
        Some(mode) if mode.eq_ignore_ascii_case("Incremental") => {}
        Some(mode) if mode.eq_ignore_ascii_case("Complete") => {
            return Err(template::invalid(
                "This simulated Azure carries out incremental deployments only; complete mode would delete what the template leaves out",
            ));
        }
        _ => {
            return Err(ArmError::gateway(
                400,
                "InvalidRequestContent",
                "The request content was invalid: the deployment mode is 'Incremental' or 'Complete'.",
            ));
        }
    }
    let template = match &properties["template"] {
        // Some clients send the template as text.
        Value::String(text) => lenient::parse(text).map_err(template::invalid)?,
        template => template.clone(),
    };
    if !template.is_object() {
        return Err(ArmError::gateway(
            400,
            "InvalidRequestContent",
            "The request content was invalid: 'properties.template' is missing.",
        ));
    }
    let id = format!("{group}/providers/{KIND}/{name}");
    let (steps, parameters, shown_parameters, bodies) = {
        let look = |wanted: &str| Err(Problem::NotYet(wanted.to_owned()));
        let scope = Scope { variables: &template["variables"], ..scope_of(world, key, call.now, &look) };
        let (parameters, shown) = template::parameters(&scope, &template, &properties["parameters"])?;
        let scope = Scope { parameters: &parameters, ..scope };
        let steps = template::steps(&scope, &template)?;
        let bodies = steps
            .iter()
            .map(|step| {
                let scope = Scope { loops: step.loops.clone(), ..scope.clone() };
                match functions::evaluate(&scope, &step.body) {
                    Err(Problem::NotYet(_)) => Ok(None),
                    outcome => template::settled(outcome).map(Some),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        (steps, parameters.clone(), shown, bodies)
    };
    let asked = Asked { id, template, parameters, shown_parameters, steps, bodies };
    preflight(world, call, &asked)?;
    Ok(asked)
}

/// What Azure looks at before anything is made: the caller's permissions, regions, and policies.
fn preflight(world: &World, call: &Call<'_>, asked: &Asked) -> Result<(), ArmError> {
    for (step, body) in asked.steps.iter().zip(&asked.bodies) {
        let Some(target) = Target::parse(&step.id) else { continue };
        let row = catalog::find(&target.kind());
        let kind = if row.name.is_empty() { target.kind() } else { row.name.to_owned() };
        let looked = access::permit(world, &format!("{kind}/write"), &step.id).and_then(|()| match body {
            Some(body) => versions::region_of(call, &target, body)
                .and_then(|()| policy::check(world, &kind, target.name(), body)),
            None => Ok(()),
        });
        if let Err(cause) = looked {
            let tracking = crate::random::guid_of(&["deployment", &asked.id, &call.now.to_string()]);
            let mut refusal = ArmError::gateway(
                400,
                "InvalidTemplateDeployment",
                format!(
                    "The template deployment '{}' is not valid according to the validation procedure. The tracking id is '{tracking}'. See inner errors for details.",
                    ids::last(&asked.id)
                ),
            );
            refusal.detail = Some(Box::new(cause.inner()));
            return Err(refusal);
        }
    }
    Ok(())
}
