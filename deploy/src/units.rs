//! Quantities of a plan, each written with its unit.

use alloy_primitives::U256;
use chrono::DateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A length of time: `28 days`, `6 hours`, `3 minutes`, `90 seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(
    /// Seconds.
    pub u64,
);

/// A moment: `2027-03-02T15:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(
    /// Seconds since 1970.
    pub u64,
);

/// A part of the whole: `25 %`, `12.5 %`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(
    /// Basis points.
    pub u64,
);

/// An amount in tokens: `1,150,685` or `0.7`. How many units that is, its token knows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Tokens(
    /// As it is written.
    pub String,
);

impl Tokens {
    /// Units of a token with that many decimals.
    ///
    /// # Errors
    ///
    /// If it is no amount, or too fine for the token.
    pub fn units(&self, decimals: u8) -> Result<U256, String> {
        abi::amount(&self.0, decimals)
    }
}

impl Span {
    fn read(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once(' ')?;
        let seconds = match unit {
            "day" | "days" => 86_400,
            "hour" | "hours" => 3_600,
            "minute" | "minutes" => 60,
            "second" | "seconds" => 1,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds).map(Self)
    }

    fn write(self) -> String {
        let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds")];
        let whole = units.into_iter().find(|(seconds, _)| self.0.is_multiple_of(*seconds));
        let (seconds, unit) = whole.unwrap_or((1, "seconds"));
        format!("{} {unit}", self.0 / seconds)
    }
}

impl Date {
    fn read(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        time.timestamp().try_into().ok().map(Self)
    }

    fn write(self) -> String {
        let time = i64::try_from(self.0).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        time.map_or_else(|| self.0.to_string(), |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}

impl Share {
    fn read(text: &str) -> Option<Self> {
        // Two digits behind the point of a percentage are basis points.
        let points = abi::amount(text.strip_suffix('%')?.trim_end(), 2).ok()?;
        points.try_into().ok().map(Self).filter(|share| share.0 <= 10_000)
    }

    fn write(self) -> String {
        format!("{} %", abi::exact(U256::from(self.0), 2))
    }
}

/// Text in a plan, read by `read` and written by `write`.
macro_rules! as_text {
    ($($quantity:ident: $form:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $quantity {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::read(&text).ok_or_else(|| D::Error::custom(format!("{text:?}: {} is expected", $form)))
            }
        }

        impl Serialize for $quantity {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.write())
            }
        }
    )*};
}

as_text! {
    Span: "a length of time with its unit, such as \"28 days\"";
    Date: "a moment, such as \"2027-03-02T15:00:00Z\"";
    Share: "a percentage up to 100 % with at most two digits behind the point, such as \"12.5 %\"";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_need_their_unit() {
        assert_eq!(["28 days", "1 hour", "90 seconds"].map(Span::read), [2_419_200, 3_600, 90].map(|s| Some(Span(s))));
        for text in ["28", "28d", "28 weeks", "-1 days", "1.5 days", "99999999999999999 days", ""] {
            assert_eq!(Span::read(text), None, "{text}");
        }
        assert_eq!(
            ["25 %", "12.5%", "0.01 %", "100 %"].map(Share::read),
            [2_500, 1_250, 1, 10_000].map(|s| Some(Share(s)))
        );
        for text in ["25", "100.01 %", "0.001 %", "-1 %", "%", "1e1 %"] {
            assert_eq!(Share::read(text), None, "{text}");
        }
        assert_eq!(Date::read("2021-08-03T15:00:00Z"), Some(Date(1_628_002_800)));
        assert_eq!(Date::read("2021-08-03T17:00:00+02:00"), Some(Date(1_628_002_800)));
        for text in ["2021-08-03", "2021-08-03 15:00", "1628002800", "2021-13-03T15:00:00Z"] {
            assert_eq!(Date::read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for seconds in [0, 1, 60, 90, 3_600, 86_400, 2_419_200, 2_419_201] {
            assert_eq!(Span::read(&Span(seconds).write()), Some(Span(seconds)));
        }
        for points in [0, 1, 10, 1_250, 10_000] {
            assert_eq!(Share::read(&Share(points).write()), Some(Share(points)));
        }
        assert_eq!(Date::read(&Date(1_628_002_800).write()), Some(Date(1_628_002_800)));
    }
}
