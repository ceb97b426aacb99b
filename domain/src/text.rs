//! Texts in the languages of the house.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A language that Orderly speaks, as a BCP 47 tag on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Locale {
    #[default]
    #[serde(rename = "en")]
    En,
    #[serde(rename = "zh-CN")]
    ZhCn,
}

impl Locale {
    pub const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// The best of our languages for an `Accept-Language` header (RFC 9110, 12.5.4): highest quality first, the first
    /// named among equals; any `zh` is answered in simplified Chinese; English when none fits.
    pub fn negotiate(accept_language: &str) -> Self {
        let mut best: Option<(u32, Self)> = None;
        for range in accept_language.split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q="))).map_or(1000, thousandths);
            let locale = match tag.split('-').next() {
                Some("zh") => Self::ZhCn,
                Some("en" | "*") => Self::En,
                _ => continue,
            };
            if quality > 0 && best.is_none_or(|(q, _)| quality > q) {
                best = Some((quality, locale));
            }
        }
        best.map_or(Self::En, |(_, locale)| locale)
    }
}

/// A quality value such as `0.75` in thousandths; what is malformed counts as 0.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut value = u32::from(whole == "1") * 1000;
    let mut place = 100;
    for digit in fraction.chars().take(3) {
        let Some(digit) = digit.to_digit(10) else { return 0 };
        value += digit * place;
        place /= 10;
    }
    value.min(1000)
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// The tag is not one of our languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a language is one of en, zh-CN")]
pub struct UnknownLocale;

impl FromStr for Locale {
    type Err = UnknownLocale;

    fn from_str(tag: &str) -> Result<Self, UnknownLocale> {
        Self::ALL.into_iter().find(|l| l.tag() == tag).ok_or(UnknownLocale)
    }
}

/// A text in every language; one that is missing is shown in English, and English in Chinese if that is all there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Text {
    #[serde(default)]
    pub en: String,
    #[serde(default, rename = "zh-CN")]
    pub zh_cn: String,
}

impl Text {
    pub fn new(en: impl Into<String>, zh_cn: impl Into<String>) -> Self {
        Self { en: en.into(), zh_cn: zh_cn.into() }
    }

    pub fn in_locale(&self, locale: Locale) -> &str {
        match locale {
            Locale::ZhCn if !self.zh_cn.is_empty() => &self.zh_cn,
            Locale::En if self.en.is_empty() => &self.zh_cn,
            _ => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_language_wins() {
        for (header, locale) in [
            ("", Locale::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Locale::ZhCn),
            ("en;q=0.8, zh-Hans-CN", Locale::ZhCn),
            ("fr, de;q=0.9", Locale::En),
            ("zh;q=0, en;q=0.1", Locale::En),
            ("zh;q=0.500, en;q=0.51", Locale::En),
            ("zh;q=banana", Locale::En),
        ] {
            assert_eq!(Locale::negotiate(header), locale, "{header}");
        }
    }

    #[test]
    fn a_missing_text_falls_back() {
        assert_eq!(Text::new("Milk", "").in_locale(Locale::ZhCn), "Milk");
        assert_eq!(Text::new("", "牛奶").in_locale(Locale::En), "牛奶");
    }
}
