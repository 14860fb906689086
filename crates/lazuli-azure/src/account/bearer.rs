//! The token of every request: remembered, renewed before it ends, and replaced when Azure refuses it earlier.
//!
//! The identity library's own policy goes by the end that Entra announced. A machine whose clock is slow or that slept, or
//! a session that was revoked, makes Azure refuse a token before that; the library would send it again, until it fails.

use std::fmt;
use std::sync::Arc;

use azure_core::Error;
use azure_core::credentials::{AccessToken, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::headers::AUTHORIZATION;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request, StatusCode};
use azure_core::time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use super::credential::CredentialError;

/// How long before its end a token is renewed, as the identity library does.
const AHEAD: Duration = Duration::minutes(5);

type Make = dyn Fn() -> Result<Arc<dyn TokenCredential>, CredentialError> + Send + Sync;

/// Puts tokens into requests.
pub(crate) struct Bearer {
    /// Makes a credential that remembers nothing yet.
    make: Box<Make>,
    scope: String,
    held: Mutex<Held>,
}

struct Held {
    credential: Arc<dyn TokenCredential>,
    token: Option<AccessToken>,
}

impl Bearer {
    /// `make` makes a credential like `credential` whenever a token was refused: credentials remember theirs.
    pub(crate) fn new(
        credential: Arc<dyn TokenCredential>,
        make: impl Fn() -> Result<Arc<dyn TokenCredential>, CredentialError> + Send + Sync + 'static,
        scope: String,
    ) -> Self {
        Bearer { make: Box::new(make), scope, held: Mutex::new(Held { credential, token: None }) }
    }

    /// A token that is good for a while, and another one than `refused`.
    async fn token(&self, refused: Option<&AccessToken>) -> azure_core::Result<AccessToken> {
        let mut held = self.held.lock().await;
        let is_refused = |token: &AccessToken| {
            refused.is_some_and(|refused| refused.token.secret() == token.token.secret())
        };
        if let Some(token) = &held.token {
            if is_refused(token) {
                held.credential = (self.make)().map_err(|error| Error::new(ErrorKind::Credential, error))?;
                held.token = None;
            } else if token.expires_on > OffsetDateTime::now_utc() + AHEAD {
                return Ok(token.clone());
            }
        }
        match held.credential.get_token(&[&self.scope], None).await {
            Ok(token) => {
                held.token = Some(token.clone());
                Ok(token)
            }
            // Entra cannot be asked just now, and the old one is good for some minutes.
            Err(error) => {
                held.token.clone().filter(|token| token.expires_on > OffsetDateTime::now_utc()).ok_or(error)
            }
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}

#[async_trait::async_trait]
impl Policy for Bearer {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let Some((policy, rest)) = next.split_first() else {
            return Err(Error::with_message(ErrorKind::Other, "nothing sends the request"));
        };
        if request.url().scheme() != "https" {
            return Err(Error::with_message(ErrorKind::Other, "a token is sent over TLS only"));
        }
        let token = self.token(None).await?;
        request.insert_header(AUTHORIZATION, format!("Bearer {}", token.token.secret()));
        let response = policy.send(ctx, request, rest).await?;
        if response.status() != StatusCode::Unauthorized {
            return Ok(response);
        }
        // Nothing was done. Whatever was wrong with the token: a new one is tried, once.
        tracing::debug!("the token was refused; a new one is fetched");
        let fresh = self.token(Some(&token)).await?;
        if fresh.token.secret() == token.token.secret() {
            return Ok(response); // there is no other
        }
        request.insert_header(AUTHORIZATION, format!("Bearer {}", fresh.token.secret()));
        policy.send(ctx, request, rest).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use azure_core::credentials::TokenRequestOptions;

    use super::*;

    /// Remembers one token until its end, as the identity library does.
    #[derive(Debug)]
    struct Remembers {
        number: usize,
        minutes: i64,
        asked: AtomicUsize,
    }

    #[async_trait::async_trait]
    impl TokenCredential for Remembers {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            if self.asked.fetch_add(1, Ordering::Relaxed) > 0 && self.minutes < 5 {
                return Err(Error::with_message(ErrorKind::Credential, "Entra is away"));
            }
            let end = OffsetDateTime::now_utc() + Duration::minutes(self.minutes);
            Ok(AccessToken::new(format!("token-{}", self.number), end))
        }
    }

    fn bearer(minutes: i64) -> Bearer {
        let made = AtomicUsize::new(0);
        let make = move || {
            let number = made.fetch_add(1, Ordering::Relaxed);
            Ok(Arc::new(Remembers { number, minutes, asked: AtomicUsize::new(0) })
                as Arc<dyn TokenCredential>)
        };
        Bearer::new(make().unwrap(), make, "scope".to_owned())
    }

    #[tokio::test]
    async fn a_token_that_was_refused_is_replaced_once_for_all_who_used_it() {
        let bearer = bearer(60);
        let first = bearer.token(None).await.unwrap();
        assert_eq!(bearer.token(None).await.unwrap().token.secret(), first.token.secret());
        for _ in 0..3 {
            assert_eq!(bearer.token(Some(&first)).await.unwrap().token.secret(), "token-1");
        }
        assert!(!format!("{bearer:?}").contains("token"));
    }

    #[tokio::test]
    async fn while_entra_is_away_the_old_token_serves_until_its_end() {
        let bearer = bearer(3);
        for _ in 0..2 {
            assert_eq!(bearer.token(None).await.unwrap().token.secret(), "token-0");
        }
    }
}
