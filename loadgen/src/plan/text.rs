//! Values of a spec as people write them: `10s`, `round-robin:3,1`, `header:X-Replica`.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// A value that is written as text, where there is one.
pub(super) mod option {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer};
    use serde::Serialize as _;

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub(in crate::plan) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(in crate::plan) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let parse = |text: String| text.parse().map_err(serde::de::Error::custom);
        Option::<String>::deserialize(from)?.map(parse).transpose()
    }
}

/// A list of values that are each written as text.
pub(super) mod list {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer};

    pub(in crate::plan) fn serialize<T: Display, S: Serializer>(
        values: &[T],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(in crate::plan) fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let texts = Vec::<String>::deserialize(from)?.into_iter();
        let parse = |text: String| text.parse().map_err(serde::de::Error::custom);
        texts.map(parse).collect()
    }
}

/// Events as tables with `at` and `do`.
pub(super) mod events {
    use super::{Deserialize, Deserializer, Serializer};
    use crate::model::PlannedEvent;
    use serde::Serialize;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        at: String,
        r#do: String,
    }

    pub(in crate::plan) fn serialize<S: Serializer>(
        events: &[PlannedEvent],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(events.iter().map(|event| Written {
            at: event.when(),
            r#do: event.deed.to_string(),
        }))
    }

    pub(in crate::plan) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<PlannedEvent>, D::Error> {
        let written = Vec::<Written>::deserialize(from)?.into_iter();
        let event = |written: Written| {
            let event = PlannedEvent::of(&written.at, &written.r#do);
            event.map_err(serde::de::Error::custom)
        };
        written.map(event).collect()
    }
}

/// A length of time with its unit.
pub(super) mod duration {
    use super::{Deserialize, Deserializer, Duration, Serializer};
    use serde::Serialize as _;

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub(in crate::plan) fn serialize<S: Serializer>(
        span: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let text = span.map(|span| humantime::format_duration(span).to_string());
        text.serialize(to)
    }

    pub(in crate::plan) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let parse = |text: String| {
            crate::model::span_of(&text).map_err(|reason| {
                serde::de::Error::custom(format!("`{text}` is no length of time: {reason}"))
            })
        };
        Option::<String>::deserialize(from)?.map(parse).transpose()
    }
}

/// A rate, written as a number or as text.
pub(super) mod rate {
    use super::{Deserialize, Deserializer, Serializer};
    use crate::model::Rate;
    use serde::Serialize as _;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Whole(i64),
        Decimal(f64),
        Text(String),
    }

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub(in crate::plan) fn serialize<S: Serializer>(
        rate: &Option<Rate>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match rate.map(Rate::per_second) {
            Some(rate) if rate.fract() == 0.0 && rate < 1e15 => to.serialize_u64(rate as u64),
            rate => rate.serialize(to),
        }
    }

    pub(in crate::plan) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Rate>, D::Error> {
        let rate = match Option::<Written>::deserialize(from)? {
            None => return Ok(None),
            Some(Written::Whole(number)) => Rate::new(number as f64),
            Some(Written::Decimal(number)) => Rate::new(number),
            Some(Written::Text(text)) => text.parse(),
        };
        rate.map(Some).map_err(serde::de::Error::custom)
    }
}
