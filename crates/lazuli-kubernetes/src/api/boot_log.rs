//! What a machine said while it started: the only word there is of a node that never joined.

use lazuli_core::resource::ResourceId;

/// Reads the serial log of a virtual machine.
#[async_trait::async_trait]
pub trait BootLog: Send + Sync {
    /// All of it that Azure keeps, the newest last; `None` when there is none or it cannot be read.
    async fn read(&self, vm: &ResourceId) -> Option<String>;
}

/// No log can be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBootLog;

#[async_trait::async_trait]
impl BootLog for NoBootLog {
    async fn read(&self, _vm: &ResourceId) -> Option<String> {
        None
    }
}
