//! Commands run in containers.

use super::Cluster;

/// What a command leaves behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit status.
    pub(crate) exit: i32,
}

/// Runs a command in a container of a pod that exists. Only etcd's own tool is known.
pub(crate) fn exec(
    _cluster: &mut Cluster,
    _namespace: &str,
    _pod: &str,
    _container: &str,
    argv: &[String],
    _now_ms: u64,
) -> Output {
    let program = argv.first().map_or("", String::as_str);
    Output {
        stderr: format!("exec: \"{program}\": executable file not found in $PATH\n"),
        exit: 127,
        ..Output::default()
    }
}
