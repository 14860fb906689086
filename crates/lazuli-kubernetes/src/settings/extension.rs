//! The config map `extension-apiserver-authentication`: from it the API servers that were added to a cluster read whose
//! clients they are to accept. API servers put their authorities in, and none takes one out: whoever has the key of an
//! authority that was rotated would go on being believed there.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{ProviderError, Watch};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Trust;
use super::edit::change;
use crate::objects::wire::Wire;
use crate::pki::certificates;

/// How long the last control-plane node of before may take to go; less than the step may take.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// After how long an API server has put back what it misses.
const PUT_BACK: Duration = Duration::from_secs(3);

const PATH: &str = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";

impl Trust {
    /// How many steps both were rotated that are told to other API servers.
    pub(crate) fn steps(&self) -> i64 {
        self.rotation + self.front_proxy_rotation
    }

    /// The names under which their certificates are published.
    fn published(&self) -> [(&'static str, &str); 2] {
        [("client-ca-file", &self.bundle), ("requestheader-client-ca-file", &self.front_proxy_bundle)]
    }
}

/// Takes out what is not trusted. An API server that trusts it puts it back at once: as long as the last of them is on its way
/// out, this is done again and again. False when one is still there after a while.
pub(crate) async fn put(wire: &Wire, trust: &Trust, watch: &dyn Watch) -> Result<bool, ProviderError> {
    let deadline = Instant::now() + PATIENCE;
    while !is_current(wire, trust).await? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        write(wire, trust).await?;
        watch.progress("extension-apiserver-authentication written");
        sleep(PUT_BACK).await;
    }
    Ok(true)
}

async fn write(wire: &Wire, trust: &Trust) -> Result<(), ProviderError> {
    change(wire, PATH, |map| {
        for (name, bundle) in trust.published() {
            let Some(text) = map["data"][name].as_str() else { continue };
            if has_others(text, bundle) {
                let kept = certificates(text).filter(|one| is_among(one, bundle));
                map["data"][name] = json!(kept.map(|one| format!("{one}\n")).collect::<String>());
            }
        }
        Ok(())
    })
    .await
    .map(drop)
}

/// True when nothing is in it that is not trusted.
pub(crate) async fn is_current(wire: &Wire, trust: &Trust) -> Result<bool, ProviderError> {
    let map: Json = wire.get(PATH).await?.unwrap_or_default();
    let mut published = trust.published().into_iter();
    Ok(!published
        .any(|(name, bundle)| map["data"][name].as_str().is_some_and(|text| has_others(text, bundle))))
}

/// True when there is a certificate that the bundle does not have; of an unknown bundle nobody can tell.
fn has_others(text: &str, bundle: &str) -> bool {
    !bundle.is_empty() && !certificates(text).all(|one| is_among(one, bundle))
}

fn is_among(one: &str, bundle: &str) -> bool {
    certificates(bundle).any(|own| own.split_whitespace().eq(one.split_whitespace()))
}
