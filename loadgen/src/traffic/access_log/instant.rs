//! Instants as logs write them: `10/Oct/2000:13:55:36 -0700`, and seconds with a fraction.

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
/// The end of the year 2399: what comes later is no log's.
const LATEST: i64 = 13_569_465_599;

/// The seconds since 1970 of `$time_local`, whose form has a fixed length.
pub(super) fn of_local_time(text: &[u8]) -> Option<u64> {
    let &[d1, d2, b'/', m1, m2, m3, b'/', ref rest @ ..] = text else {
        return None;
    };
    let (year, rest) = (number(rest.get(..4)?)?, rest.get(4..)?);
    let &[
        b':',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b' ',
        sign,
        zh1,
        zh2,
        zm1,
        zm2,
    ] = rest
    else {
        return None;
    };
    let mut months = (0..).zip(MONTHS);
    let (month, _) = months.find(|(_, name)| *name == [m1, m2, m3])?;
    let days = days_before(year, month) + at_most(&[d1, d2], 1, length(year, month))? - 1;
    let hours = at_most(&[h1, h2], 0, 23)?;
    let minutes = at_most(&[n1, n2], 0, 59)?;
    // A leap second is the next one.
    let seconds = at_most(&[s1, s2], 0, 60)?;
    let offset = at_most(&[zh1, zh2], 0, 23)? * 3_600 + at_most(&[zm1, zm2], 0, 59)? * 60;
    let offset = match sign {
        b'+' => offset,
        b'-' => -offset,
        _ => return None,
    };
    within(days * 86_400 + hours * 3_600 + minutes * 60 + seconds - offset)
}

/// Nanoseconds since 1970 of `$msec`, to the microsecond.
pub(super) fn of_seconds(seconds: f64) -> Option<u64> {
    let inside = (0.0..=LATEST as f64).contains(&seconds);
    inside.then(|| (seconds * 1e6).round() as u64 * 1_000)
}

fn within(seconds: i64) -> Option<u64> {
    (0..=LATEST).contains(&seconds).then_some(seconds as u64)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })
}

fn at_most(digits: &[u8], least: i64, most: i64) -> Option<i64> {
    number(digits).filter(|number| (least..=most).contains(number))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month, which counts from 0.
const fn length(year: i64, month: i64) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Days from the beginning of 1970 to that of a month; negative before.
fn days_before(year: i64, month: i64) -> i64 {
    let leap_years = |until: i64| until / 4 - until / 100 + until / 400;
    let years = (year - 1970) * 365 + leap_years(year - 1) - leap_years(1969);
    years + (0..month).map(|month| length(year, month)).sum::<i64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_instants() {
        for (text, seconds) in [
            ("01/Jan/1970:00:00:00 +0000", Some(0)),
            ("10/Oct/2000:13:55:36 -0700", Some(971_211_336)),
            ("29/Feb/2024:23:59:59 +0530", Some(1_709_231_399)),
            ("31/Dec/2399:23:59:59 +0000", Some(13_569_465_599)),
            ("29/Feb/2023:00:00:00 +0000", None),
            ("29/Feb/2100:00:00:00 +0000", None),
            ("31/Apr/2024:00:00:00 +0000", None),
            ("00/Jan/2024:00:00:00 +0000", None),
            ("01/jan/2024:00:00:00 +0000", None),
            ("01/Jan/2024:24:00:00 +0000", None),
            ("01/Jan/2024:00:60:00 +0000", None),
            ("01/Jan/2024:00:00:61 +0000", None),
            ("01/Jan/2024:00:00:00 *0000", None),
            ("01/Jan/2024:00:00:00 +0000x", None),
            ("01/Jan/2024:00:00:00", None),
            ("31/Dec/1969:23:59:59 +0000", None),
            ("01/Jan/9999:00:00:00 +0000", None),
            ("0x/Jan/2024:00:00:00 +0000", None),
            ("", None),
        ] {
            assert_eq!(of_local_time(text.as_bytes()), seconds, "{text}");
        }
    }

    #[test]
    fn seconds_are_read_to_the_microsecond() {
        assert_eq!(
            of_seconds(1_700_000_000.123),
            Some(1_700_000_000_123_000_000)
        );
        for none in [-0.001, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(of_seconds(none), None, "{none}");
        }
    }
}
