//! The load balancer before the API servers of a cluster.

use crate::keyring::ClusterId;

/// Decides which control-plane nodes get the connections of clients.
#[async_trait::async_trait]
pub trait LoadBalancer: Send + Sync {
    /// Takes a control-plane node out for good and returns when no new connections go to it any more. A node that is in no
    /// load balancer, or that has no machine, is success.
    ///
    /// # Errors
    /// Why it is still in, in a sentence. Its probe takes it out then, a little after its API server has stopped.
    async fn take_out(&self, cluster: &ClusterId, node: &str) -> Result<(), String>;
}

/// There is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLoadBalancer;

#[async_trait::async_trait]
impl LoadBalancer for NoLoadBalancer {
    async fn take_out(&self, _cluster: &ClusterId, _node: &str) -> Result<(), String> {
        Ok(())
    }
}
