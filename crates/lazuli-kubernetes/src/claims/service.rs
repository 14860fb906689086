//! A Service goes: its finalizer holds it until the cloud controller has removed the load balancer.

use lazuli_core::provider::{Outcome, ProviderError, Watch};
use serde_json::json;

use super::wait::{Waiting, path};
use crate::api::{ApiError, Rest};

/// Deletes the Service `namespace~name` and waits until its load balancer is gone.
pub(crate) async fn delete(rest: &Rest, id: &str, watch: &dyn Watch) -> Result<(), ProviderError> {
    let Some((namespace, name)) = id.split_once('~') else {
        return Err(ProviderError::own("InvalidId", format!("{id} names no Service"), Outcome::Nothing));
    };
    let path = path("services", namespace, name);
    if !rest.delete(&path, &json!({})).await.map_err(ApiError::changing)? {
        return Ok(());
    }
    let mut waiting = Waiting::new(rest, watch);
    while rest.get(&path).await.map_err(ApiError::changing)?.is_some() {
        waiting.moment("the cloud controller removes its load balancer", &[name]).await?;
    }
    Ok(())
}
