//! Ctrl-C, and the signal by which pipelines end a program: heard in one place, by a thread of its own, so that it is heard
//! also while the run waits for something that cannot be interrupted.
//!
//! What it does depends on what is going on:
//!
//! | going on | Ctrl-C |
//! |---|---|
//! | [`Going::Looking`] | leaves at once: nothing is held that does not end with the process |
//! | [`Going::Holding`] | the run is dropped, which gives back what it holds, such as a lock in Azure Blob |
//! | [`Going::Steps`] | the executor stops by its own rules |

use std::io::{self, BufRead as _};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use tokio::sync::watch;

/// How long a run may take to give back what it holds.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a wait that nothing interrupts looks whether it is to end.
const EVERY: Duration = Duration::from_millis(50);

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Going {
    /// Nothing that must be given back.
    Looking = 0,
    /// Something is held, and the run notices by itself that it is to end.
    Holding = 1,
    /// Steps of a plan.
    Steps = 2,
    /// A server: Ctrl-C is how it ends.
    Serving = 3,
}

static GOING: AtomicU8 = AtomicU8::new(Going::Looking as u8);

/// How often it was asked to stop.
static ASKED: LazyLock<watch::Sender<u32>> = LazyLock::new(|| watch::channel(0).0);

/// Says what is going on from now on, until the answer is dropped.
#[must_use]
pub fn going(what: Going) -> Before {
    Before(GOING.swap(what as u8, Ordering::SeqCst))
}

/// Says what is going on until the process ends.
pub fn goes_on(what: Going) {
    GOING.store(what as u8, Ordering::SeqCst);
}

/// What was going on before; dropping it says that it goes on.
#[derive(Debug)]
pub struct Before(u8);

impl Drop for Before {
    fn drop(&mut self) {
        GOING.store(self.0, Ordering::SeqCst);
    }
}

fn is(what: Going) -> bool {
    GOING.load(Ordering::SeqCst) == what as u8
}

/// How often it was asked to stop; changes can be waited for.
pub fn asked() -> watch::Receiver<u32> {
    ASKED.subscribe()
}

/// True once it was asked to stop, unless that is for steps or a server to obey.
pub fn stops() -> bool {
    *ASKED.borrow() > 0 && !is(Going::Steps) && !is(Going::Serving)
}

/// Waits until a run that makes no steps is to end.
pub async fn stopped() {
    let mut asked = asked();
    while !stops() {
        if asked.changed().await.is_err() {
            std::future::pending::<()>().await; // impossible: the sender is never dropped
        }
    }
}

/// Listens from now on. `leave` says the last words of a run that does not end by itself, and ends it.
pub fn listen(leave: impl FnOnce() + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return }; // then Ctrl-C ends the process as if nobody listened
    let spawned = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(hear(leave));
    });
    drop(spawned); // likewise
}

async fn hear(leave: impl FnOnce()) {
    let Ok(mut signals) = Signals::new() else { return };
    while signals.next().await.is_some() {
        ASKED.send_modify(|asked| *asked += 1);
        if is(Going::Looking) {
            return leave();
        }
        if is(Going::Holding) {
            // A second Ctrl-C is less patient.
            let _ = tokio::time::timeout(PATIENCE, signals.next()).await;
            return leave();
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Option<()> {
        tokio::select! {
            heard = self.interrupt.recv() => heard,
            heard = self.terminate.recv() => heard,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Option<()> {
        tokio::signal::ctrl_c().await.ok()
    }
}

/// Reads a line of standard input, with its end; an empty one is the end of the input.
///
/// # Errors
/// When it cannot be read, or somebody asked to stop.
pub fn line() -> io::Result<String> {
    let _holding = going(Going::Holding);
    // A thread waits for it, since nothing interrupts that.
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new().spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        let _ = sender.send(read.map(|_| line)); // nobody waits any more after Ctrl-C
    })?;
    loop {
        match receiver.recv_timeout(EVERY) {
            Err(mpsc::RecvTimeoutError::Timeout) if stops() => return Err(io::ErrorKind::Interrupted.into()),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(line) => return line,
        }
    }
}
