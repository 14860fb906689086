//! Random mixtures of faults, each from a seed.

use lazuli_simulator::{Answer, Fault, Faults};

use crate::laws::{End, endures};
use crate::scenario::{KINDS, Task};

/// How many mixtures are tried when nobody says.
const SEEDS: u64 = 250;

/// SplitMix64: a counter, scrambled.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.below(items.len() as u64)).expect("small")].clone()
    }

    fn answer(&mut self) -> Answer {
        let fails =
            |code: &str| Answer::OperationFails { code: code.into(), message: "It went wrong.".into() };
        let server = Answer::ServerError {
            status: self.one_of(&[500, 502, 503, 504]),
            after_accept: self.below(2) == 0,
            retry_after: self.one_of(&[None, None, Some(3), Some(40)]),
        };
        let refuse = |status, code: &str| Answer::Refuse { status, code: code.into(), message: "No.".into() };
        let throttle = Answer::Throttle { retry_after: self.one_of(&[None, Some(1), Some(17), Some(120)]) };
        let stale = Answer::StaleRead { seconds: self.one_of(&[2, 10, 30]) };
        self.one_of(&[
            server.clone(),
            server,
            throttle,
            stale.clone(),
            stale,
            fails("InternalServerError"),
            fails("AllocationFailed"),
            refuse(409, "SkuNotAvailable"),
            refuse(403, "AuthorizationFailed"),
            Answer::DropBeforeAccept,
            Answer::DropAfterAccept,
            Answer::ResetBeforeAccept,
            Answer::ResetAfterAccept,
            Answer::OperationCanceled,
            Answer::AnotherOperation,
            Answer::RetryableAnotherOperation,
            Answer::PrincipalNotFound,
            Answer::ExpiredToken,
            Answer::SlowBody { pause_ms: 3_000 },
            Answer::StalledBody,
        ])
    }

    fn faults(&mut self) -> Faults {
        let mut paths: Vec<&str> = KINDS.to_vec();
        paths.extend(["", "", "/operations/", "/operationResults/", "/providers/"]);
        let fault = |dice: &mut Dice| Fault {
            method: dice
                .one_of(&[None, Some("PUT"), Some("PUT"), Some("GET"), Some("GET"), Some("DELETE")])
                .map(str::to_owned),
            path: dice.one_of(&paths).to_owned(),
            nth: None,
            after: dice.one_of(&[0, 0, 0, 1, 2, 5, 13]),
            times: Some(dice.one_of(&[1, 1, 1, 2, 3, 8, 200])),
            answer: dice.answer(),
        };
        let count = 1 + self.below(6);
        Faults { faults: (0..count).map(|_| fault(self)).collect(), ..Faults::default() }
    }
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What is wrong under the mixture of a seed, with all that repeats it.
fn wrong(seed: u64) -> Result<End, String> {
    let mut dice = Dice(seed);
    let (task, faults) = (dice.one_of(&Task::ALL), dice.faults());
    endures(task, &faults, seed).map_err(|broken| {
        let file = serde_json::to_string(&faults).expect("JSON");
        format!("LAZULI_SEED={seed}: {task:?} under {file}\n    {broken}")
    })
}

#[test]
fn mixtures_of_faults_break_no_law() {
    let seeds: Vec<u64> = match number("LAZULI_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("LAZULI_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    let halves = seeds.chunks(seeds.len().div_ceil(2).max(1));
    let ends: Vec<Result<End, String>> = std::thread::scope(|scope| {
        let running: Vec<_> = halves
            .map(|half| scope.spawn(move || half.iter().map(|seed| wrong(*seed)).collect::<Vec<_>>()))
            .collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let broken: Vec<&String> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
    assert!(
        broken.is_empty(),
        "{} of {}:\n{}",
        broken.len(),
        ends.len(),
        broken.iter().map(|b| format!("{b}\n")).collect::<String>()
    );
    if ends.len() > 50 {
        for expected in [End::Converged, End::Resumed] {
            assert!(
                ends.iter().filter(|end| **end == Ok(expected)).count() > ends.len() / 10,
                "mostly not {expected:?}"
            );
        }
    }
}
