//! The envelope of an event, which the driver makes: which run, which number, when.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use arazzo_engine::event::Event;
use arazzo_engine::value::Json;
use serde::{Deserialize, Serialize};

/// An event with what the driver knows: one line of `--json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Envelope {
    /// The version of the events.
    pub v: u32,
    /// Counts the events of a run from 0, without gaps.
    pub seq: u64,
    /// The wall clock, RFC 3339 with milliseconds, UTC.
    pub time: String,
    /// Milliseconds since the start of the run.
    pub ms: u64,
    /// The name of the run: a ULID, so that names sort by the time at which their runs began, and no two are alike.
    pub run: String,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

impl Envelope {
    /// Reads one line of `--json`; numbers in its values keep all their digits, which serde alone cuts to those of a double.
    ///
    /// # Errors
    /// The reason why it is no event.
    pub fn read(line: &str) -> Result<Self, serde_json::Error> {
        let mut envelope: Self = serde_json::from_str(line)?;
        if let Some(written) = Json::parse(line) {
            envelope.event = envelope.event.with_values_of(&written);
        }
        Ok(envelope)
    }
}

/// RFC 3339 in UTC with milliseconds, from the time since 1970.
pub(crate) fn rfc3339(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Civil from days (Howard Hinnant): years begin in March, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let mut text = String::with_capacity(24);
    // Written by hand: every event has a time, and formatting was a tenth of what a step costs.
    for (number, digits, after) in [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (second / 3600, 2, ':'),
        (second / 60 % 60, 2, ':'),
        (second % 60, 2, '.'),
        (u64::from(since_epoch.subsec_millis()), 3, 'Z'),
    ] {
        text.extend((0..digits).rev().map(|place| char::from(b'0' + (number / 10u64.pow(place) % 10) as u8)));
        text.push(after);
    }
    text
}

/// A name for a run that begins at this time since 1970: a ULID, 26 characters of Crockford's base 32, which are 48 bits
/// of milliseconds and 80 of chance.
pub(crate) fn run_name(since_epoch: Duration) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    // The keys of a hasher are random, and no two hashers of a process have the same.
    let chance = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u128(since_epoch.as_nanos());
        u128::from(hasher.finish())
    };
    let chance = (chance() << 64 | chance()) & ((1 << 80) - 1);
    let bits = (since_epoch.as_millis() & 0xffff_ffff_ffff) << 80 | chance;
    let letters = (0..26).rev().filter_map(|place| LETTERS.get((bits >> (place * 5) & 31) as usize));
    letters.map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_runs_are_never_alike_and_sort_by_time() {
        let (begin, mut names, mut last) = (Duration::from_millis(1_798_000_000_000), BTreeSet::new(), String::new());
        for run in 0..100_000 {
            let name = run_name(begin + Duration::from_millis(run / 1000));
            assert!(name.len() == 26 && name.starts_with("01"), "{name}");
            assert!(name.bytes().all(|letter| letter.is_ascii_digit() || letter.is_ascii_uppercase()), "{name}");
            // Ten characters of time, in its order.
            assert!(last.get(..10) <= name.get(..10), "{last} {name}");
            last.clone_from(&name);
            names.insert(name);
        }
        assert_eq!(names.len(), 100_000);
    }

    #[test]
    fn the_time_of_a_name_is_that_of_the_ulid_specification() {
        assert!(run_name(Duration::from_millis(1_469_918_176_385)).starts_with("01ARYZ6S41"));
    }
}
