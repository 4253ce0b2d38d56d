//! Durations as numbers of seconds, with a fraction where there is one.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

/// A hundred years; the clock holds several of them.
const LONGEST: f64 = 100.0 * 365.0 * 86_400.0;

pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    if duration.subsec_nanos() == 0 {
        to.serialize_u64(duration.as_secs())
    } else {
        to.serialize_f64(duration.as_secs_f64())
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(from)?;
    if !(0.0..=LONGEST).contains(&seconds) {
        let message = format!("{seconds} s is not between 0 and {LONGEST}");
        return Err(D::Error::custom(message));
    }
    Ok(Duration::from_secs_f64(seconds))
}
