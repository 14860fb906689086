//! Wall time, CPU time and peak memory of another process.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a process needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// The most it ever had, in MB.
    pub(crate) memory: u64,
}

/// How often a running process is looked at: its peak is kept by the kernel as long as it lives.
const LOOK: Duration = Duration::from_millis(2);

/// Runs a command to its end; `None` when it takes longer than `limit` and is killed.
pub(crate) fn run(mut command: Command, limit: Duration) -> Option<Usage> {
    let before = cpu_of_children();
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
    let mut memory = 0;
    let status = loop {
        memory = memory.max(peak_memory(&child));
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        if began.elapsed() > limit {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
            return None;
        }
        std::thread::sleep(LOOK);
    };
    let wall = began.elapsed();
    assert!(status.success(), "{command:?} failed");
    Some(Usage { wall, cpu: cpu_of_children() - before, memory })
}

fn peak_memory(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1000
}

/// CPU time of the child processes that have ended, in steps of the kernel's clock (10 ms).
fn cpu_of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks = |i: usize| fields.get(i).and_then(|t| t.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(13) + ticks(14)) * 10)
}
