//! The crash test: Lazuli is killed at every request and at every change of its disk, with what was written kept and
//! with what was not durable lost, and has to end where a run ends that nobody disturbs.
//!
//! No part of it is in the product. A tracer sees every system call that changes files and kills before the N-th; a
//! model of a disk says what a power loss may leave there; the simulated Azure, a process of its own, holds the N-th
//! request before or after it was carried out.
//!
//! | variable | |
//! |---|---|
//! | `LAZULI` | the binary; the one of this build when unset |
//! | `FULL` | 1: every point; otherwise as many as fit a minute or two |
//! | `ONLY` | runs one point again: `apply write-17 power-torn`, as a failure tells it; the start of one is enough |
//! | `SEED`, `WORKERS` | of what is drawn; how many machines at a time |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on should stop, and says what it does"
)]

#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod insides;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod points;
#[cfg(target_os = "linux")]
mod scenario;
#[cfg(target_os = "linux")]
mod verdict;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    points::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("crash: skipped, it watches system calls in the way of Linux");
}
