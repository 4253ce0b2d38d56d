//! What the file of a lease says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const HEAD: &str = "oauth-lease-1";

/// The last lease of a key. The file stays when it has ended, for the sake of its fencing number.
///
/// The wall clock tells its time: all who read it share that clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseRecord {
    pub(crate) fencing: u64,
    from: u64,
    until: u64,
}

impl LeaseRecord {
    pub(crate) fn new(fencing: u64, from: SystemTime, ttl: Duration) -> Self {
        let from = since_epoch(from);
        Self {
            fencing,
            from,
            until: from.saturating_add(millis(ttl)),
        }
    }

    /// The same, given back.
    pub(crate) fn ended(self) -> Self {
        Self {
            until: self.from,
            ..self
        }
    }

    /// Whether its time is not over. A clock that was set back ends it too, or it might last for hours.
    pub(crate) fn is_current(&self, wall: SystemTime) -> bool {
        (self.from..self.until).contains(&since_epoch(wall))
    }

    pub(crate) fn encode(&self) -> String {
        let Self {
            fencing,
            from,
            until,
        } = self;
        format!("{HEAD} {fencing} {from} {until} .\n")
    }

    /// `None`: it is damaged, or of a version to come.
    pub(crate) fn decode(record: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(record).ok()?.split_whitespace();
        if words.next()? != HEAD {
            return None;
        }
        let mut number = || words.next()?.parse().ok();
        let lease = Self {
            fencing: number()?,
            from: number()?,
            until: number()?,
        };
        // A number may have been cut off, unless this follows.
        (words.next()? == ".").then_some(lease)
    }
}

fn since_epoch(moment: SystemTime) -> u64 {
    millis(moment.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn it_lasts_for_its_time_and_ends_when_the_clock_is_set_back() {
        let lease = LeaseRecord::new(7, at(1000), Duration::from_secs(10));
        assert!(lease.is_current(at(1000)));
        assert!(lease.is_current(at(1009)));
        assert!(!lease.is_current(at(1010)));
        assert!(!lease.is_current(at(999)));
        assert!(!lease.ended().is_current(at(1000)));
    }

    #[test]
    fn a_record_that_was_cut_off_is_none() {
        let lease = LeaseRecord::new(7, at(1000), Duration::from_secs(10));
        let record = lease.encode();
        assert_eq!(LeaseRecord::decode(record.as_bytes()), Some(lease));
        for length in 0..record.len() - 1 {
            assert_eq!(LeaseRecord::decode(&record.as_bytes()[..length]), None);
        }
    }
}
