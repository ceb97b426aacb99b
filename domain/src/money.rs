//! Money: integer minor units and a currency. No floats anywhere.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Locale, schema::text_schema};

/// An ISO 4217 alphabetic code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

text_schema!(Currency, None, Some("^[A-Z]{3}$"), "USD");

/// The text is not three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three capital letters (ISO 4217), such as USD")]
pub struct InvalidCurrency;

impl Currency {
    pub const USD: Self = Self(*b"USD");
    pub const EUR: Self = Self(*b"EUR");
    pub const JPY: Self = Self(*b"JPY");

    /// Decimal digits of the minor unit (ISO 4217, table A.1): 2 unless the currency is one of the few exceptions.
    pub const fn minor_digits(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV"
            | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }

    /// The sign put before an amount, as CLDR has it for the locale; `None`: the code itself.
    const fn sign(self, locale: Locale) -> Option<&'static str> {
        match (&self.0, locale) {
            (b"USD", Locale::En) => Some("$"),
            (b"USD", Locale::ZhCn) => Some("US$"),
            (b"EUR", _) => Some("€"),
            (b"GBP", _) => Some("£"),
            (b"JPY", Locale::En) | (b"CNY", Locale::ZhCn) => Some("¥"),
            (b"JPY", Locale::ZhCn) => Some("JP¥"),
            (b"CNY", Locale::En) => Some("CN¥"),
            _ => None,
        }
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(InvalidCurrency),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| f.write_char(char::from(*letter)))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount in minor units (cents) of one currency; may be negative (a refund's entry).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units, such as cents.
    pub amount: i64,
    /// ISO 4217.
    pub currency: Currency,
}

/// Why two amounts could not be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// One amount is in another currency than the other.
    #[error("the currencies differ: {0} and {1}")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit into 64 bits.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.amount.checked_add(other.amount).map(|amount| Self { amount, ..self }).ok_or(MoneyError::Overflow)
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.amount.checked_sub(other.amount).map(|amount| Self { amount, ..self }).ok_or(MoneyError::Overflow)
    }

    pub fn checked_mul(self, times: i64) -> Result<Self, MoneyError> {
        self.amount.checked_mul(times).map(|amount| Self { amount, ..self }).ok_or(MoneyError::Overflow)
    }

    /// The sum of the amounts, zero of `currency` for none.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// As people of the locale write it, below zero with a real minus sign: `$4.50`, `−$4.50`, `US$1,234.00`, `EUR` without a known sign as `XAU 4.50`.
    pub fn format(self, locale: Locale) -> String {
        let scale = 10_u64.pow(self.currency.minor_digits());
        let units = self.amount.unsigned_abs();
        let mut whole = (units / scale).to_string();
        let mut at = whole.len();
        while at > 3 {
            at -= 3;
            whole.insert(at, ',');
        }
        let minus = if self.amount < 0 { "\u{2212}" } else { "" };
        let fraction = match self.currency.minor_digits() {
            0 => String::new(),
            digits => format!(".{:0width$}", units % scale, width = digits as usize),
        };
        match self.currency.sign(locale) {
            Some(sign) => format!("{minus}{sign}{whole}{fraction}"),
            None => format!("{minus}{}\u{a0}{whole}{fraction}", self.currency),
        }
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch(self.currency, other.currency)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formats_as_people_write_it() {
        for (amount, currency, locale, text) in [
            (450, "USD", Locale::En, "$4.50"),
            (450, "USD", Locale::ZhCn, "US$4.50"),
            (123_456_789, "USD", Locale::En, "$1,234,567.89"),
            (-5, "EUR", Locale::En, "−€0.05"),
            (1200, "JPY", Locale::En, "¥1,200"),
            (1200, "KWD", Locale::En, "KWD\u{a0}1.200"),
            (i64::MIN, "USD", Locale::En, "−$92,233,720,368,547,758.08"),
        ] {
            assert_eq!(Money::new(amount, currency.parse().unwrap()).format(locale), text);
        }
    }

    #[test]
    fn currencies_never_mix() {
        let mixed = Money::new(1, Currency::USD).checked_add(Money::new(1, Currency::EUR));
        assert_eq!(mixed, Err(MoneyError::CurrencyMismatch(Currency::USD, Currency::EUR)));
        assert!("usd".parse::<Currency>().is_err() && "US".parse::<Currency>().is_err() && "USDX".parse::<Currency>().is_err());
    }

    proptest! {
        #[test]
        fn arithmetic_is_exact_or_refused(a: i64, b: i64, times: i64) {
            let (x, y) = (Money::new(a, Currency::USD), Money::new(b, Currency::USD));
            prop_assert_eq!(x.checked_add(y).ok().map(|m| i128::from(m.amount)), Some(i128::from(a) + i128::from(b)).filter(|n| i64::try_from(*n).is_ok()));
            prop_assert_eq!(x.checked_sub(y).ok().map(|m| i128::from(m.amount)), Some(i128::from(a) - i128::from(b)).filter(|n| i64::try_from(*n).is_ok()));
            prop_assert_eq!(x.checked_mul(times).ok().map(|m| i128::from(m.amount)), Some(i128::from(a) * i128::from(times)).filter(|n| i64::try_from(*n).is_ok()));
        }
    }
}
