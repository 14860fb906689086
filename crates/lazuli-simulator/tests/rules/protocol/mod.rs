//! The wire protocol, in the order in which it was observed: each test is a line, or a table, of what Azure does.
//!
//! `verbs` are the verbs and their codes, `answers` what each type is answered, `errors` the refusals, `headers` what
//! all answers carry, `reads` the questions a client asks before it plans, `latency` how long things take,
//! `throttling` how much may be asked.

mod answers;
mod errors;
mod everything;
mod headers;
mod latency;
mod reads;
mod throttling;
mod types;
mod verbs;
