//! Facts about the machine and the moment: who runs this, when, and where things are kept.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lazuli_state::lock::Holder;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::accounts::Environment;

/// `user@host`, as far as the environment tells.
pub fn who() -> String {
    let user =
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned());
    format!("{user}@{}", host())
}

fn host() -> String {
    let host =
        std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    host.as_deref().map_or("this host", str::trim).to_owned()
}

/// Whether the process of a run is seen to run on this computer.
pub fn runs(run: &Holder) -> bool {
    if run.who.rsplit_once('@').is_none_or(|(_, theirs)| theirs != host()) {
        return false;
    }
    let processes = Path::new("/proc");
    if processes.join("self").exists() {
        return processes.join(run.pid.to_string()).exists();
    }
    let asked = std::process::Command::new("ps").args(["-p", &run.pid.to_string()]).output();
    asked.is_ok_and(|answer| answer.status.success())
}

/// Now, RFC 3339, UTC, to the second.
pub fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}

/// The folder for keys that Lazuli makes itself.
pub fn data_folder(environment: Environment<'_>) -> Option<PathBuf> {
    let folder = |name: &str| environment(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME").or_else(|| folder("LOCALAPPDATA"));
    let data = data.or_else(|| folder("HOME").map(|home| home.join(".local").join("share")));
    data.map(|data| data.join("lazuli"))
}

/// An environment variable; `None` when it is not set or not text.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The directory this process was started in, or `None` when it cannot be told. The first call must come before any
/// change of directory.
pub fn started_in() -> Option<PathBuf> {
    static START: OnceLock<Option<PathBuf>> = OnceLock::new();
    START.get_or_init(|| std::env::current_dir().ok()).clone()
}
