//! What Entra's sign-in errors mean and what to do about them.

use lazuli_core::provider::{Outcome, ProviderError};

/// Entra's error numbers people meet: number, what it means, what to do.
const MEANINGS: &[(u32, &str, &str)] = &[
    (
        7000215,
        "the client secret is wrong",
        "Use the secret's value, not its id; make a new secret when the value is lost.",
    ),
    (
        7000222,
        "the client secret has expired",
        "Make a new secret for the application and put it into the cloud account.",
    ),
    (7000112, "the application is disabled", "Ask the tenant's administrator to enable the application."),
    (700016, "the application does not exist in this tenant", "Check `client_id` and `tenant_id`."),
    (700024, "the client assertion is not valid now", "Check this machine's clock."),
    (
        700027,
        "the application does not know the certificate",
        "Upload the certificate's public part to the application, or give the cloud account the one that is registered.",
    ),
    (
        700211,
        "the application trusts no such issuer",
        "Add a federated credential with the token's issuer to the application.",
    ),
    (
        700212,
        "the application does not expect this audience",
        "Make the federated credential's audience equal to the token's.",
    ),
    (
        700213,
        "the application trusts no such subject",
        "Make the federated credential's subject equal to the service account's.",
    ),
    (
        70021,
        "no federated credential of the application fits the token",
        "Compare issuer, subject and audience of token and federated credential.",
    ),
    (
        7000216,
        "neither a client secret nor a client assertion was sent",
        "Check `auth` of the cloud account.",
    ),
    (
        7000218,
        "neither a client secret nor a client assertion was sent",
        "Check `auth` of the cloud account.",
    ),
    (
        700021,
        "the client assertion names another application",
        "Check `client_id`: the certificate or the token belongs to another application.",
    ),
    (700023, "the client assertion is meant for somebody else", "Check `tenant_id` and the cloud."),
    (90002, "the tenant does not exist", "Check `tenant_id` and the cloud."),
    (900023, "the tenant is neither a GUID nor a domain", "Check `tenant_id`."),
    (
        500011,
        "the tenant does not know Azure Resource Manager under this name",
        "Check the account's cloud: public, US government or China.",
    ),
    (50057, "the user is disabled", "Sign in as somebody else."),
    (50076, "a second factor is needed", "Sign in again with `az login`."),
    (50079, "a second factor must be registered", "Sign in again with `az login`."),
    (50173, "the session was revoked", "Sign in again with `az login`."),
    (700082, "the session has expired", "Sign in again with `az login`."),
    (70043, "the session has expired", "Sign in again with `az login`."),
    (
        53003,
        "a Conditional Access policy forbids it",
        "Ask the tenant's administrator which policy; sign-in logs name it.",
    ),
    (65001, "nobody has consented to the application", "Ask the tenant's administrator for consent."),
];

/// Makes sense of what a credential said. No request to Azure Resource Manager has been sent.
pub fn explain(text: &str) -> ProviderError {
    let text = text.split("\nTo troubleshoot").next().unwrap_or(text).trim();
    let own = |code: &str, message: String, advice: &str| {
        ProviderError::own(code, message, Outcome::Nothing).advise(advice)
    };
    if let Some(number) = entra_number(text) {
        let known = MEANINGS.iter().find(|(known, _, _)| *known == number);
        let code = format!("AADSTS{number}");
        return match known {
            Some((_, meaning, advice)) => {
                own(&code, format!("cannot sign in: {meaning} ({})", first_line(text)), advice)
            }
            None => own(
                &code,
                format!("cannot sign in: {}", first_line(text)),
                "Check the cloud account's credential.",
            ),
        };
    }
    if text.contains("az login") {
        return own(
            "NotSignedIn",
            "cannot sign in: nobody is signed in to the Azure CLI".into(),
            "Run `az login`.",
        );
    }
    if text.contains("not found") && (text.contains("Azure CLI") || text.contains("AzureCli")) {
        return own(
            "NoAzureCli",
            "cannot sign in: the Azure CLI is not on the PATH".into(),
            "Install `az`, or give the cloud account another credential.",
        );
    }
    if text.contains("ManagedIdentity") {
        return own(
            "NoManagedIdentity",
            format!("cannot sign in with a managed identity: {}", first_line(text)),
            "Is this machine in Azure, and has it an identity? If not, give the cloud account another credential.",
        );
    }
    own(
        "SignInFailed",
        format!("cannot sign in: {}", first_line(text)),
        "Check the cloud account's credential.",
    )
}

/// Entra repeats trace ids and times on further lines and sentences.
fn first_line(text: &str) -> &str {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or(text);
    line.split(" Trace ID:").next().unwrap_or(line).trim()
}

fn entra_number(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::explain;

    #[test]
    fn a_wrong_secret_is_called_a_wrong_secret() {
        let error = explain(
            "ClientSecretCredential authentication failed. AADSTS7000215: Invalid client secret provided. Trace ID: a-b \
             Correlation ID: c\nTo troubleshoot, visit https://example.org",
        );
        assert_eq!(error.code, "AADSTS7000215");
        assert!(error.message.starts_with("cannot sign in: the client secret is wrong"), "{}", error.message);
        assert!(!error.message.contains("Trace ID"));
        assert!(error.advice.unwrap().contains("not its id"));
    }

    #[test]
    fn an_unknown_number_keeps_entras_words() {
        let error = explain("AADSTS99999: Something new.");
        assert_eq!(error.code, "AADSTS99999");
        assert!(error.message.contains("Something new."));
    }

    #[test]
    fn nobody_signed_in_to_the_cli_is_told_to_sign_in() {
        let error =
            explain("AzureCliCredential authentication failed. Please run 'az login' to setup account.");
        assert_eq!(error.advice.as_deref(), Some("Run `az login`."));
    }
}
