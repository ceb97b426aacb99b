//! Phone numbers: who a shopper is. Kept as a keyed hash, so that neither a look into the tables nor an export or a log shows one.
//! The key is in the database, too, since a new `ORDERLY_SECRET` must lock nobody out: whoever has a copy of all of it, such as a
//! backup, can hash every number that there is and find out which of them are in it. Backups are to be kept like the numbers.

use std::fmt;
use std::str::FromStr;

use domain::Fault;

use super::secret::{Keys, hex};

/// A phone number as E.164 writes it: `+`, then 7 to 15 digits, of which the first is not 0.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

/// The text is no phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Write the whole number with its country, such as +15550100001.")]
pub struct InvalidPhone;

impl InvalidPhone {
    /// The fault of a request with such a number at `/phone`.
    pub fn fault(self) -> Fault {
        Fault::new("/phone", "invalid_phone", self.to_string())
    }
}

impl FromStr for Phone {
    type Err = InvalidPhone;

    fn from_str(text: &str) -> Result<Self, InvalidPhone> {
        let digits = text.strip_prefix('+').ok_or(InvalidPhone)?;
        let right = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if right { Ok(Self(text.to_owned())) } else { Err(InvalidPhone) }
    }
}

impl Phone {
    /// As people type it: spaces, dots, dashes and brackets do not count, and `00` is a `+`.
    pub fn typed(text: &str) -> Result<Self, InvalidPhone> {
        let bare: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '.' | '-' | '/' | '(' | ')')).take(20).collect();
        match bare.strip_prefix("00") {
            Some(rest) => format!("+{rest}").parse(),
            None => bare.parse(),
        }
    }

    /// The number itself, for whoever sends the message.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it, and looked up by.
    pub(super) fn hash(&self, keys: &Keys) -> String {
        hex(&keys.sign("phone", self.0.as_bytes()))
    }

    /// The last two digits, by which its owner recognises it.
    pub(super) fn ending(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(2)..).unwrap_or_default()
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_or_refused() {
        for good in ["+15550100001", "+8613800138000", "+1234567", "+123456789012345"] {
            assert_eq!(good.parse::<Phone>().map(|phone| phone.expose().to_owned()), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "+",
            "15550100001",
            "+05550100001",
            "+123456",
            "+1234567890123456",
            "+1555010000a",
            " +15550100001",
            "+1 555 0100",
            "+١٢٣٤٥٦٧٨",
        ] {
            assert_eq!(bad.parse::<Phone>(), Err(InvalidPhone), "{bad}");
        }
    }

    #[test]
    fn typed_numbers_are_read_with_what_people_put_between() {
        for typed in [" +1 (555) 010-0001 ", "001 555.010.0001", "+1\u{a0}555/010/0001"] {
            assert_eq!(Phone::typed(typed), "+15550100001".parse(), "{typed}");
        }
        for bad in ["555 0100", "+", "+1 555 010 000 100 020 030 040", "call me"] {
            assert_eq!(Phone::typed(bad), Err(InvalidPhone), "{bad}");
        }
    }

    #[test]
    fn a_number_does_not_print() {
        let phone: Phone = "+15550100001".parse().unwrap();
        assert_eq!((format!("{phone:?}").as_str(), phone.ending()), ("Phone(***)", "01"));
    }
}
