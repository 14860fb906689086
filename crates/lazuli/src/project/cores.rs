//! The threads that read a configuration: one for each core, where there is that much to read.

use std::num::NonZero;
use std::thread;

/// As much room as the first thread has: expressions are parsed recursively.
const STACK: usize = 8 << 20;

/// Calls some work on as many threads as there are cores, this one among them, and on no more than `most`.
pub(super) fn cores(most: usize, work: &(dyn Fn() + Sync)) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(most);
    thread::scope(|scope| {
        for _ in 1..threads {
            // A thread that cannot be had is one less.
            let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        }
        work();
    });
}
