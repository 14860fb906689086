//! What is something new in every apply, and unknown while planning: the time, random ids, salted passwords.
//!
//! Nothing here is random by itself: the values are made from the seed of the apply and the place of the call, so that a
//! step that is evaluated twice sees the same.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use lazuli_core::Value;
use ring::digest;

use super::digest::uuid_text;
use super::{Answer, Body, Function, Kind, Place, Problem, p, text, whole};
use crate::externals::Moment;

pub(super) static FUNCTIONS: &[Function] = &[
    momentary("timestamp", &[], "When the apply began, in UTC.", |_| Ok(()), |_, moment, _| {
        Ok(Value::from(&*moment.time))
    }),
    momentary("uuid", &[], "A random UUID, a new one in every apply.", |_| Ok(()), |_, moment, place| {
        Ok(Value::from(uuid_text(random(moment, place), 4)))
    }),
    momentary(
        "bcrypt",
        &[p("text", Kind::String)],
        "The bcrypt hash of a password, salted anew in every apply; a second argument is the cost, 10 if left out.",
        |a| cost(a).map(|_| ()),
        bcrypt,
    )
    .rest(p("cost", Kind::Number)),
];

const fn momentary(
    name: &'static str,
    parameters: &'static [super::Parameter],
    doc: &'static str,
    check: fn(&[Value]) -> Result<(), Problem>,
    body: fn(&[Value], &Moment, &Place) -> Answer,
) -> Function {
    fn impossible(_: &[Value]) -> Answer {
        Ok(Value::null()) // the body is another
    }
    Function::new(name, parameters, Kind::String, doc, impossible).with_body(Body::Momentary { check, body })
}

/// Sixteen bytes that no other call in any apply has.
fn random(moment: &Moment, place: &Place) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&moment.seed);
    context.update(&place.bytes);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    bytes
}

/// Each one more doubles the work: 2^16 rounds take seconds.
const MOST_COST: i64 = 16;

fn cost(arguments: &[Value]) -> Result<u32, Problem> {
    if text(arguments, 0).len() > 72 {
        return Err(Problem::at(
            0,
            "the password is longer than 72 bytes, of which bcrypt would ignore the rest",
        ));
    }
    match arguments {
        [_] => Ok(10),
        [_, _] => match whole(arguments, 1)? {
            // As others have it, too small a cost is the usual one.
            low if low < 4 => Ok(10),
            cost if cost <= MOST_COST => u32::try_from(cost).map_err(|_| Problem::at(1, "expected a cost")),
            _ => Err(Problem::at(1, format!("expected a cost of at most {MOST_COST}: more takes minutes"))),
        },
        _ => Err(Problem::at(2, "expected at most two arguments")),
    }
}

fn bcrypt(arguments: &[Value], moment: &Moment, place: &Place) -> Answer {
    const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
    let cost = cost(arguments)?;
    let salt = random(moment, place);
    let mut password = text(arguments, 0).as_bytes().to_vec();
    password.push(0);
    password.truncate(72);
    let hash = bcrypt::bcrypt(cost, salt, &password);
    Ok(Value::from(format!("$2a${cost:02}${}{}", BCRYPT.encode(salt), BCRYPT.encode(&hash[..23]))))
}
