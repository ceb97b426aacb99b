//! Names that people type: of themselves, of who works with them, of devices. They stand beside each other in lists and logs,
//! so no two may look the same and be different, and none may look like nothing.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::{Fault, Terms};

/// The longest name, in characters.
pub const LONGEST: usize = 60;

/// The most marks on one letter: Vietnamese and Thai have two, phonetics and Arabic three, Hebrew four. A pile of them covers the lines
/// around it.
const MOST_MARKS: usize = 4;

/// The same where vowels and parts of letters are marks, too, most of which stand beside each other: Burmese has five, Tibetan seven.
const MOST_MARKS_THERE: usize = 8;

/// Flags that are spelt with letters that cannot be seen: of England, Scotland and Wales. No others are.
const SPELT_FLAGS: [&str; 3] = [
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}",
];

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// There is nothing in it that could be seen.
    #[error("a name is needed")]
    Empty,
    /// More than [`LONGEST`] characters.
    #[error("a name has at most 60 characters")]
    TooLong,
    /// A control character, or one that cannot be seen or changes how its neighbours are read.
    #[error("U+{:04X} has no place in a name: it cannot be seen, or changes how the rest is read", u32::from(*.0))]
    Hidden(char),
}

impl InvalidName {
    /// The fault of a request whose name is at `pointer`.
    pub fn fault(self, pointer: &str) -> Fault {
        match self {
            Self::Empty => Fault::new(pointer, "required", "A name is needed: 1 to 60 letters, digits and signs."),
            Self::TooLong => Fault::new(pointer, "name_too_long", "A name has at most 60 characters."),
            Self::Hidden(sign) => Fault::new(pointer, "invalid_name", format!("{self}. Type the name instead of pasting it."))
                .with(Terms::words([format!("U+{:04X}", u32::from(sign))])),
        }
    }
}

/// The name as it is kept: trimmed, with single spaces, and each letter in one spelling (Unicode's NFC), for some keyboards send
/// an `é` and others an `e` and an accent.
pub fn clean(typed: &str) -> Result<String, InvalidName> {
    let typed = typed.trim();
    let mut name = String::with_capacity(typed.len().min(4 * LONGEST));
    for c in typed.nfc() {
        let blank = c.is_whitespace() && !c.is_control();
        if !blank {
            name.push(c);
        } else if !name.ends_with(' ') {
            name.push(' ');
        }
    }
    if let Some(sign) = hidden_in(&name) {
        Err(InvalidName::Hidden(sign))
    } else if name.is_empty() {
        Err(InvalidName::Empty)
    } else if name.chars().count() > LONGEST {
        Err(InvalidName::TooLong)
    } else {
        Ok(name)
    }
}

/// The first character of a line that has no place in what other people read: a control character, or one that cannot be seen or
/// changes how its neighbours are read, where it does no work between them; or a mark on nothing, or one more than a letter has.
pub fn hidden_in(line: &str) -> Option<char> {
    let line = SPELT_FLAGS.iter().fold(line.to_owned(), |line, flag| line.replace(flag, "\u{1F3F4}"));
    let (mut before, mut marks) = (None, 0);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let mark = is_combining_mark(c) && !is_hidden(c);
        marks = if mark { marks + 1 } else { 0 };
        let most = if joined_script(c) { MOST_MARKS_THERE } else { MOST_MARKS };
        let bare = mark && before.is_none_or(char::is_whitespace);
        if c.is_control() || bare || marks > most || is_hidden(c) && !joins(before, c, rest.peek().copied()) {
            return Some(c);
        }
        before = Some(c);
    }
    None
}

/// The text with each letter in one spelling, as [`clean`] leaves it; a name may have been kept before there was one.
pub fn spelt(name: &str) -> String {
    name.nfc().collect()
}

/// The name without its capitals, of any script, and without what cannot be seen in it, for comparing; hyphens and apostrophes are
/// those of a plain keyboard. Databases do not agree on how that is done. It may have been kept before each letter had one spelling.
pub fn folded(name: &str) -> String {
    let plain = |c| match c {
        '\u{2010}' | '\u{2011}' => '-',
        '`' | '\u{B4}' | '\u{2018}' | '\u{2019}' | '\u{2B9}' | '\u{2BB}'..='\u{2BD}' => '\'',
        c => c,
    };
    let seen: String = name.chars().filter(|c| !is_hidden(*c)).map(plain).collect();
    // There and back: some small letters share a capital, such as the two sigmas.
    seen.to_uppercase().to_lowercase().nfc().collect()
}

/// Characters that show nothing of their own (Unicode's default ignorable code points and format characters, the blanks that are
/// no white space, and the ends of lines and paragraphs).
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{890}' | '\u{891}' | '\u{8E2}'
        | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFC}' | '\u{FFFE}' | '\u{FFFF}' | '\u{1D159}'
        | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{E0FFF}' | '\u{F0000}'..)
}

/// Whether a hidden character does its work between these two: Persian and Indic words and pictures are written with joiners, and
/// a variation selector says which form of the picture or Han character before it is meant.
fn joins(before: Option<char>, c: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match c {
        '\u{200C}' | '\u{200D}' => after.is_some_and(|after| {
            joined_script(before) && joined_script(after) || c == '\u{200D}' && is_picture(before) && is_picture(after)
        }),
        '\u{FE0E}' | '\u{FE0F}' => is_emoji(before) || matches!(before, '0'..='9' | '#' | '*') && after == Some('\u{20E3}'),
        '\u{E0100}'..='\u{E01EF}' => matches!(before, '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}'),
        '\u{180B}'..='\u{180D}' | '\u{180F}' => is_mongolian(before),
        '\u{180E}' => is_mongolian(before) && after.is_some_and(is_mongolian),
        _ => false,
    }
}

/// Scripts whose letters change their form beside others: Arabic, Syriac and their neighbours, those of India to Burma, Khmer, Tai Tham,
/// Mongolian.
const fn joined_script(c: char) -> bool {
    matches!(c,
        '\u{620}'..='\u{6DC}' | '\u{6DE}'..='\u{6FF}' | '\u{710}'..='\u{88F}' | '\u{892}'..='\u{8E1}' | '\u{8E3}'..='\u{DFF}'
        | '\u{F00}'..='\u{109F}' | '\u{1780}'..='\u{17B3}' | '\u{17B6}'..='\u{17FF}' | '\u{1820}'..='\u{18AF}' | '\u{1A20}'..='\u{1AAF}' | '\u{A840}'..='\u{A87F}'
        | '\u{A8E0}'..='\u{A8FF}' | '\u{11000}'..='\u{110BC}' | '\u{11100}'..='\u{11FFF}')
}

const fn is_mongolian(c: char) -> bool {
    matches!(c, '\u{1820}'..='\u{18AA}')
}

/// Emoji, some of which were signs or letters before.
const fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{2BFF}' | '\u{3030}' | '\u{303D}'
        | '\u{3297}' | '\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
}

/// The same, and what they are put together of.
const fn is_picture(c: char) -> bool {
    is_emoji(c) || c == '\u{FE0F}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_the_world_are_kept_as_they_are() {
        for name in [
            "Kim",
            "小陈",
            "José María",
            "Zoë O'Neil-Ünal",
            "علی‌رضا",
            "क्‍ष",
            "👩‍🍳 Mo",
            "☕️",
            "葛󠄀城",
            "1️⃣",
            "ə̃́̀",
            "7",
            "-",
            "ℹ️ Desk",
            "🅰️",
            "Ⓜ️",
            "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F} Isla",
            "ᠰᠠᠷᠠᠨ\u{180E}ᠠ",
            "שָּׁ֣",
            "བསྒྲུབས",
            "မျှော့",
            "ᨣᩕᩮᩬᩥ᩵ᨦ",
            "กี่",
        ] {
            assert_eq!(clean(name).as_deref(), Ok(name), "{name:?}");
        }
        assert_eq!(clean("  Kim \u{3000}\u{A0} Lee\u{2003}").as_deref(), Ok("Kim Lee"), "white space is one space");
        let longest = "字".repeat(LONGEST);
        assert_eq!(clean(&longest), Ok(longest.clone()));
        assert_eq!(clean(&format!("{longest}字")), Err(InvalidName::TooLong));
    }

    #[test]
    fn a_letter_is_the_same_whichever_keyboard_it_was_typed_on() {
        for (typed, kept) in [("E\u{301}lodie", "Élodie"), ("Zoe\u{308}", "Zoë"), ("\u{1100}\u{1161}\u{11A8}", "각"), ("\u{212B}sa", "Åsa")]
        {
            assert_eq!(clean(typed).as_deref(), Ok(kept), "{typed:?}");
            assert_eq!((folded(typed), folded(kept)), (folded(kept), kept.to_lowercase()), "{typed:?}");
        }
        let longest = "e\u{301}".repeat(LONGEST);
        assert_eq!(clean(&longest), Ok("é".repeat(LONGEST)), "what is counted is what is kept");
    }

    #[test]
    fn capitals_of_any_script_are_left_out() {
        for (one, other) in
            [("Kim", "kIM"), ("Ärger", "ärger"), ("ŁUCJA", "łucja"), ("Élodie", "élodie"), ("Ирина", "ИРИНА"), ("ΝΙΚΟΣ", "νικοσ")]
        {
            assert_eq!(folded(one), folded(other), "{one}");
        }
        assert_ne!(folded("Élodie"), folded("Elodie"), "another letter is another name");
        for (one, other) in [
            ("☕ Kim", "☕\u{FE0F} Kim"),
            ("رضا", "ر\u{200C}ضا"),
            ("علی", "عل\u{200D}ی"),
            ("葛城", "葛\u{E0100}城"),
            ("Anne-Marie", "Anne\u{2011}Marie"),
            ("O'Neil", "O’Neil"),
            ("Ka'iulani", "Kaʻiulani"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}: they look the same");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_no_name_and_in_none() {
        for nothing in ["", "  ", "\u{3000}", "\n"] {
            assert_eq!(clean(nothing), Err(InvalidName::Empty), "{nothing:?}");
        }
        for (name, sign) in [
            ("Kim\u{200B}", '\u{200B}'),
            ("\u{FEFF}Kim", '\u{FEFF}'),
            ("Kim\u{202E}eel", '\u{202E}'),
            ("\u{2066}Kim\u{2069}", '\u{2066}'),
            ("K\u{AD}im", '\u{AD}'),
            ("two\nlines", '\n'),
            ("a\u{7}b", '\u{7}'),
            ("a\u{0}", '\u{0}'),
            ("\u{3164}", '\u{3164}'),
            ("\u{2800}\u{2800}", '\u{2800}'),
            ("K\u{200D}im", '\u{200D}'),
            ("علی\u{200C}", '\u{200C}'),
            ("\u{FE0F}", '\u{FE0F}'),
            ("☕\u{FE0F}\u{FE0F}", '\u{FE0F}'),
            ("Sam\u{FE0E}", '\u{FE0E}'),
            ("Sam 1\u{FE0F}", '\u{FE0F}'),
            ("Ирина\u{E0100}", '\u{E0100}'),
            ("z\u{300}\u{301}\u{302}\u{303}\u{304}algo", '\u{304}'),
            ("z\u{300}\u{301}\u{483}\u{302}\u{303}algo", '\u{303}'),
            ("ก\u{E47}\u{E47}\u{E47}\u{E47}\u{E47}", '\u{E47}'),
            ("\u{301}", '\u{301}'),
            ("Kim \u{301}", '\u{301}'),
            ("Kim\u{FFFC}", '\u{FFFC}'),
            ("\u{1D159}", '\u{1D159}'),
            ("O\u{2019}\u{FE0F}Neil", '\u{FE0F}'),
            ("小\u{FE00}陈", '\u{FE00}'),
            ("🏴\u{E0067}\u{E007F}", '\u{E0067}'),
            ("\u{E0041}", '\u{E0041}'),
            ("\u{E000}", '\u{E000}'),
        ] {
            assert_eq!(clean(name), Err(InvalidName::Hidden(sign)), "{name:?}");
        }
        let fault = InvalidName::Hidden('\u{202E}').fault("/name");
        assert_eq!((fault.pointer.as_str(), fault.code.as_str()), ("/name", "invalid_name"));
        assert!(fault.detail.starts_with("U+202E has no place"), "{}", fault.detail);
    }

    #[test]
    fn a_line_for_others_is_held_to_the_same() {
        for line in ["", "  two  blanks ", "Der Becher ist heruntergefallen. ☕️", "دستگاه خراب می‌شود"] {
            assert_eq!(hidden_in(line), None, "{line:?}");
        }
        for (line, sign) in
            [("gone\u{202E} now", '\u{202E}'), ("a\u{200B}", '\u{200B}'), ("two\nlines", '\n'), ("\u{3000}\u{FE0F}", '\u{FE0F}')]
        {
            assert_eq!(hidden_in(line), Some(sign), "{line:?}");
        }
        let fault = Fault::hidden_in("\u{202E}", "/reason").unwrap();
        assert_eq!((fault.pointer.as_str(), fault.code.as_str()), ("/reason", "control_character"));
        assert!(fault.detail.starts_with("U+202E has no place here"), "{}", fault.detail);
    }

    proptest! {
        #[test]
        fn a_clean_name_stays_what_it_is(typed in "\\PC{0,80}|[ \\u{3000}a-ce\\u{200B}-\\u{200F}\\u{300}-\\u{330}\\u{FE0F}é]{0,12}") {
            if let Ok(name) = clean(&typed) {
                prop_assert_eq!(clean(&name), Ok(name.clone()));
                prop_assert!(!name.contains("  ") && name.trim() == name && !name.is_empty());
            }
        }
    }
}
