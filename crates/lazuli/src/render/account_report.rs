//! What `account validate` found.

use std::fmt::Write as _;

use lazuli_azure::account::Principal;
use lazuli_azure::checks::{Subscription, Usage};
use lazuli_azure::permissions::Granted;
use lazuli_core::provider::ProviderError;
use lazuli_core::{Diagnostic, Json};
use serde_json::json;

use super::layout::{clean, columns, count, flow, pad, wrap};
use super::style::{ALERT, FAINT, STRONG, paint};

/// What was seen of an account.
#[derive(Debug, Default)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// Whether its Azure is simulated.
    pub simulated: bool,
    /// Who signed in.
    pub principal: Option<Principal>,
    /// Its subscription.
    pub subscription: Option<Subscription>,
    /// What may be done, by scope.
    pub granted: Vec<(String, Granted)>,
    /// Which namespaces are registered.
    pub providers: Vec<(String, String)>,
    /// Quotas by region.
    pub quotas: Vec<(String, Vec<Usage>)>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// A step that failed.
#[derive(Debug)]
pub struct Problem {
    /// What was being done: `signing in`.
    pub step: String,
    /// The code of the one who refused: Entra's, Azure's, or Lazuli's own.
    pub code: String,
    /// What it said.
    pub message: String,
    /// What to do.
    pub advice: Option<String>,
    /// What support asks for.
    pub correlation_id: Option<String>,
}

impl Problem {
    /// What somebody answered.
    pub fn of(step: &str, error: &ProviderError) -> Problem {
        Problem {
            step: step.to_owned(),
            code: error.code.clone(),
            message: error.message.clone(),
            advice: error.advice.as_deref().map(str::to_owned),
            correlation_id: error.correlation_id.clone(),
        }
    }
}

impl From<Diagnostic> for Problem {
    fn from(diagnostic: Diagnostic) -> Problem {
        Problem {
            step: "preparing to sign in".to_owned(),
            code: diagnostic.code.to_owned(),
            message: diagnostic.message,
            advice: diagnostic.help,
            correlation_id: None,
        }
    }
}

/// Quotas that people decide by; others are shown when something of them is used.
const ALWAYS: &[&str] = &["cores", "StandardSkuPublicIpAddresses", "NatGateways", "StandardSkuLoadBalancers"];

/// For people.
pub fn text(report: &Report, width: usize) -> String {
    let simulated = if report.simulated { "   Azure is simulated" } else { "" };
    let mut text = format!("{}{}\n", paint(STRONG, &report.name), paint(FAINT, simulated));
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "  {}{}", pad(label, 18), clean(value).trim_end());
    };
    if let Some(principal) = &report.principal {
        line("signed in as", &who(principal));
        line("tenant", principal.tenant_id.as_deref().unwrap_or("not told by the token"));
    }
    if let Some(subscription) = &report.subscription {
        line("subscription", &format!("{} ({}), {}", subscription.name, subscription.id, subscription.state));
    }
    for (scope, granted) in &report.granted {
        let name = scope.rsplit('/').next().unwrap_or_default();
        let place = if scope.contains("/resourceGroups/") { name } else { "the subscription" };
        let mut label = "may do";
        for words in allowed(granted) {
            for part in flow(words.split(' '), " ", width.saturating_sub(22 + columns(place))) {
                line(
                    label,
                    &format!(
                        "{}{part}",
                        if label.is_empty() { "  ".to_owned() } else { format!("on {place}: ") }
                    ),
                );
                label = "";
            }
        }
    }
    if !report.providers.is_empty() {
        let registered =
            report.providers.iter().filter(|(_, state)| state.eq_ignore_ascii_case("registered"));
        let names: Vec<&str> = registered.map(|(name, _)| name.as_str()).collect();
        line(
            "registered",
            if names.is_empty() { "no provider that clusters need".to_owned() } else { names.join(", ") }
                .as_str(),
        );
    }
    for (region, usages) in &report.quotas {
        line("quotas", region);
        let shown = usages.iter().filter(|usage| usage.used > 0 || ALWAYS.contains(&usage.name.as_str()));
        for usage in shown {
            let title = if usage.title.is_empty() { &usage.name } else { &usage.title };
            line("", &format!("{} {} of {}", pad(title, 32), usage.used, limit(usage.limit)));
        }
    }
    for problem in &report.problems {
        let _ = writeln!(text, "  {} {} failed", paint(ALERT, "x"), clean(&problem.step));
        let said = format!("{}: {}", problem.code, clean(&problem.message));
        for part in wrap(&said, width.saturating_sub(4)) {
            let _ = writeln!(text, "    {part}");
        }
        if let Some(id) = &problem.correlation_id {
            let _ = writeln!(text, "    correlation id {}", clean(id));
        }
        if let Some(advice) = &problem.advice {
            for (place, part) in wrap(&clean(advice), width.saturating_sub(11)).into_iter().enumerate() {
                let _ = writeln!(text, "    {} {part}", if place == 0 { "next:" } else { "     " });
            }
        }
    }
    let end = match report.problems.len() {
        0 => "The account can be used.".to_owned(),
        number => format!("{} to solve; nothing was changed.", count(number, "problem")),
    };
    let _ = writeln!(text, "  {end}");
    text
}

fn limit(limit: u64) -> String {
    if limit == u64::MAX { "any number".to_owned() } else { limit.to_string() }
}

fn who(principal: &Principal) -> String {
    let name = principal.name.clone();
    let name = name.or_else(|| principal.application_id.as_ref().map(|id| format!("application {id}")));
    let object = principal.object_id.as_deref().map_or_else(String::new, |id| format!("object id {id}"));
    match name {
        Some(name) if object.is_empty() => name,
        Some(name) => format!("{name}, {object}"),
        None if object.is_empty() => "somebody whose token does not say who".to_owned(),
        None => object,
    }
}

fn allowed(granted: &Granted) -> Vec<String> {
    if granted.0.is_empty() {
        return vec!["nothing that it was told of".to_owned()];
    }
    let one = |grant: &lazuli_azure::permissions::Grant| {
        let mut words = grant.actions.join(" ");
        if !grant.not_actions.is_empty() {
            let _ = write!(words, " without {}", grant.not_actions.join(" "));
        }
        words
    };
    granted.0.iter().map(one).collect()
}

/// For machines.
pub fn json(report: &Report) -> Json {
    let principal = report.principal.as_ref().map(|principal| {
        json!({
            "object_id": principal.object_id, "tenant_id": principal.tenant_id,
            "application_id": principal.application_id, "name": principal.name,
        })
    });
    let subscription = report.subscription.as_ref().map(|subscription| {
        json!({
            "id": subscription.id, "name": subscription.name, "state": subscription.state,
            "tenant_id": subscription.tenant_id,
        })
    });
    let permissions = report.granted.iter().map(|(scope, granted)| {
        let grants: Vec<Json> = granted
            .0
            .iter()
            .map(|grant| json!({ "actions": grant.actions, "not_actions": grant.not_actions }))
            .collect();
        json!({ "scope": scope, "grants": grants })
    });
    let quotas = report.quotas.iter().flat_map(|(region, usages)| {
        usages.iter().map(move |usage| {
            let limit = (usage.limit != u64::MAX).then_some(usage.limit);
            json!({ "region": region, "name": usage.name, "title": usage.title, "used": usage.used, "limit": limit })
        })
    });
    let problems = report.problems.iter().map(|problem| {
        json!({
            "step": problem.step, "code": problem.code, "message": problem.message, "advice": problem.advice,
            "correlation_id": problem.correlation_id,
        })
    });
    json!({
        "name": report.name,
        "valid": report.problems.is_empty(),
        "simulated": report.simulated,
        "principal": principal,
        "subscription": subscription,
        "permissions": permissions.collect::<Vec<_>>(),
        "providers": report.providers.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "quotas": quotas.collect::<Vec<_>>(),
        "problems": problems.collect::<Vec<_>>(),
    })
}
