//! A step that failed: what Azure said, what exists, what to do next.

use lazuli_core::diagnostic::Diagnostic;
use lazuli_core::plan::{Operation, PlanMode};
use lazuli_core::provider::{Outcome, ProviderError};
use lazuli_core::resource::ProviderName;

use super::{Existence, Machine, StepFailure, in_mode, verb};

/// A failed step as a diagnostic: step, answer, state, next.
pub fn failure_diagnostic(failure: &StepFailure, mode: PlanMode) -> Diagnostic {
    let known = Known::of(&failure.error, failure.provider);
    let doing = verb(failure.operation);
    let outcome = match failure.error.outcome {
        Outcome::Nothing => format!("{} was not {}", failure.title, past(failure.operation)),
        Outcome::Unknown if failure.exists == Existence::Recorded => match failure.operation {
            Operation::Create => format!("{} was begun and not finished", failure.title),
            _ => format!("{} was not {}", failure.title, past(failure.operation)),
        },
        Outcome::Unknown => {
            format!("it is not known whether {} was {}", failure.title, past(failure.operation))
        }
    };
    let placed = failure.machine.as_ref().filter(|_| known.of_size);
    let message = match (known.what, placed) {
        // What came of it is told below.
        (Some(what), Some(Machine { size, place, .. })) => match known.code {
            "LZ2107" => format!("{what} for {size} in {place}"),
            _ => format!("Azure does not offer {size} in {place}"),
        },
        (Some(what), None) => format!("{what}: {outcome}"),
        (None, _) => outcome,
    };
    let error = &failure.error;
    let status = error.status.map(|s| format!("{s} ")).unwrap_or_default();
    let mut answer = format!("{status}{}: {}", error.code, error.message);
    let answered = error.answered.as_deref();
    let request = answered.and_then(|answered| answered.request_id.as_ref());
    let ids = [("correlation id", error.correlation_id.as_ref()), ("request id", request)];
    let ids = ids.into_iter().filter_map(|(label, id)| Some(format!("{label} {}", id?)));
    let time = answered.and_then(|answered| answered.time.clone()).or_else(|| failure.at.clone());
    let trace: Vec<String> = ids.chain(time).collect();
    if !trace.is_empty() {
        answer.push('\n');
        answer.push_str(&trace.join("  "));
    }
    // An operation that was accepted and failed later has no status of its own.
    let is_answer = error.status.is_some() || error.correlation_id.is_some() || error.answered.is_some();
    let who = match (is_answer, failure.provider) {
        (false, _) => "error",
        (true, ProviderName::Azure) => "Azure",
        (true, ProviderName::Kubernetes) => "Kubernetes",
        (true, ProviderName::Tls) => "keys",
    };
    let advice = match placed {
        Some(machine) => format!("{} of {}", known.next, machine.pool),
        None => error.advice.as_deref().unwrap_or(known.next).to_owned(),
    };
    let mut next = in_mode(&advice, mode);
    if let Some(origin) = &failure.origin {
        next.push_str(&format!(" ({}:{})", origin.file, origin.line));
    }
    let title = &failure.title;
    let exists = match failure.exists {
        Existence::Recorded => format!("{title} exists and is recorded"),
        Existence::Absent => format!("{title} does not exist"),
        Existence::Unchanged => format!("{title} is as it was before"),
        Existence::Unknown => format!("{title} may exist; the next run reads it before it does anything"),
    };
    let state = match &failure.also {
        Some(also) => format!("{also}; {exists}"),
        None => exists,
    };
    Diagnostic::error(known.code, message)
        .about(failure.address.clone())
        .fact("step", format!("{doing} {}", failure.address))
        .fact(who, answer)
        .fact("state", state)
        .fact("next", next)
}

fn past(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "created",
        Operation::Update => "updated",
        Operation::Delete => "deleted",
        Operation::Read => "read",
    }
}

/// What is known about an error of Azure's, by its code.
struct Known {
    code: &'static str,
    what: Option<&'static str>,
    next: &'static str,
    /// True when it is about the size of a machine at a place.
    of_size: bool,
}

impl Known {
    fn of(error: &ProviderError, provider: ProviderName) -> Known {
        match provider {
            ProviderName::Azure => Known::of_azure(error),
            ProviderName::Kubernetes | ProviderName::Tls => Known::of_kubernetes(error),
        }
    }

    /// Codes of an API server are other words for other things than Azure's, even where they are spelled alike.
    fn of_kubernetes(error: &ProviderError) -> Known {
        let known = |code, what, next| Known { code, what: Some(what), next, of_size: false };
        match (error.status, error.code.as_str()) {
            (Some(403), _) => known(
                "LZ2103",
                "the cluster does not permit it",
                "the message names what is missing; an admission webhook or a policy in the cluster can also refuse it",
            ),
            (Some(429), _) => known(
                "LZ2109",
                "the API server is throttling",
                "run `lazuli apply` again in a few minutes, with a smaller --parallelism",
            ),
            (_, "Timeout") => known(
                "LZ2101",
                "it took too long",
                "run `lazuli apply` again: it goes on waiting; or raise the timeouts block",
            ),
            _ => Known::of_azure(error),
        }
    }

    fn of_azure(error: &ProviderError) -> Known {
        let known = |code, what, next| Known { code, what: Some(what), next, of_size: false };
        match error.code.as_str() {
            "ZonalAllocationFailed"
            | "AllocationFailed"
            | "OverconstrainedAllocationRequest"
            | "OverconstrainedZonalAllocationRequest" => Known {
                code: "LZ2107",
                what: Some("Azure has no capacity"),
                next: "run `lazuli apply` again later, or change instance_type or zones",
                of_size: true,
            },
            "SkuNotAvailable" => Known {
                code: "LZ2108",
                what: Some("Azure does not offer this size here"),
                next: "ask Azure support whether the subscription is restricted, or change instance_type or zones",
                of_size: true,
            },
            "QuotaExceeded" | "OperationNotAllowed" if error.message.to_lowercase().contains("quota") => {
                known(
                    "LZ2105",
                    "a quota of the subscription is used up",
                    "ask Azure for more, or plan for less; then run `lazuli apply` again",
                )
            }
            "AuthorizationFailed" | "LinkedAuthorizationFailed" => known(
                "LZ2103",
                "the account lacks a permission",
                "grant it what the message names, wait a minute, and run `lazuli apply` again",
            ),
            "ScopeLocked" => known(
                "LZ2104",
                "a lock forbids it",
                "have the lock removed, or leave the resource out; then run `lazuli apply` again",
            ),
            "RequestDisallowedByPolicy" => known(
                "LZ2106",
                "a policy forbids it",
                "change the configuration to what the policy allows, or have an exemption made",
            ),
            "AnotherOperationInProgress" | "RetryableErrorDueToAnotherOperation" => known(
                "LZ2100",
                "something else is being done to it",
                "wait until that is over (the activity log names it), then run `lazuli apply` again",
            ),
            "PrincipalNotFound" => known(
                "LZ2100",
                "Azure does not know the identity yet",
                "run `lazuli apply` again in some minutes; if it stays so, the identity was deleted",
            ),
            _ if error.status == Some(429) => known(
                "LZ2109",
                "Azure is throttling",
                "run `lazuli apply` again in a few minutes, with a smaller --parallelism",
            ),
            "ObjectExists" => known(
                "LZ1002",
                "the object exists already",
                "give this resource another name, or delete the object when nobody needs it; then run `lazuli plan` again",
            ),
            "PromiseBroken" => known(
                "LZ2002",
                "what is evaluated now is not what the plan showed",
                "run `lazuli plan` again and look at it: something changed while this was applied",
            ),
            "JournalFailed" => known(
                "LZ2110",
                "the journal cannot be written",
                "free disk space or mend the file's permissions, then run `lazuli apply` again",
            ),
            "Missing" => known(
                "LZ2111",
                "what should be read does not exist",
                "check its name and resource group, and that the account may read it",
            ),
            "EvaluationFailed" => known(
                "LZ2112",
                "the configuration cannot be evaluated with what is known now",
                "mend the expression, then run `lazuli apply` again",
            ),
            "PlanUnusable" => known(
                "LZ2113",
                "the plan cannot be carried out",
                "plan again; when it happens again this is a mistake in Lazuli: please report it",
            ),
            "Timeout" => known(
                "LZ2101",
                "it took too long",
                "run `lazuli apply` again: it waits for what Azure is still doing; or raise the timeouts block",
            ),
            _ if error.outcome == Outcome::Unknown => Known {
                code: "LZ2102",
                what: None,
                next: "run `lazuli apply` again: it reads what is there before it does anything",
                of_size: false,
            },
            _ => Known {
                code: "LZ2100",
                what: None,
                next: "correct what the message names, then run `lazuli apply` again: it goes on where it stopped",
                of_size: false,
            },
        }
    }
}
