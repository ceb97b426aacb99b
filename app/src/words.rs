//! What is said, in the languages of the house: one function a message of `locales/*.json`.

use domain::{Locale, pricing::MAX_QUANTITY};

// Made from the message files, for the compiler and not for readers.
#[allow(clippy::useless_format, clippy::match_same_arms)]
mod messages {
    include!(concat!(env!("OUT_DIR"), "/words.rs"));
}
pub use messages::*;

/// The sentence for the code of a refusal.
pub fn refusal(code: &str, locale: Locale) -> &'static str {
    problem::by_name(code, locale).unwrap_or_else(|| problem::unknown(locale))
}

/// The same for who works at a store: what a shopper is told of an order of theirs is not for them.
pub fn refusal_at_work(code: &str, locale: Locale) -> &'static str {
    if code == "unavailable" { board::away(locale) } else { refusal(code, locale) }
}

/// The code of a refusal where nothing was to be ordered: there is no order to look for.
pub fn without_order(code: &str) -> &str {
    if code == "unavailable" { "unreachable" } else { code }
}

/// Why no more of something fit into the cart, where there are so many of it already.
pub fn cart_takes(there: i64, locale: Locale) -> String {
    match MAX_QUANTITY - there {
        left @ 1.. => cart::room_for(locale, left, there),
        _ => cart::no_room(locale, there),
    }
}

/// What happened, for an event's type such as `prep.ready.v1`. `None`: nothing that a shopper asks for.
pub fn happened(event_type: &str, locale: Locale) -> Option<&'static str> {
    let name = event_type.rsplit_once(".v").map_or(event_type, |(name, _)| name);
    event::by_name(&name.replace('.', "_"), locale)
}

/// The same where an order was paid from a wallet, for what is said otherwise then.
pub fn happened_by_wallet(event_type: &str, locale: Locale) -> Option<&'static str> {
    match event_type {
        "payment.captured.v1" => Some(event::wallet_captured(locale)),
        "payment.refunded.v1" => Some(event::wallet_refunded(locale)),
        _ => None,
    }
}

/// Why something happened: our own reasons in words, what somebody wrote as it is. `None` for a word that only programs
/// read.
pub fn reason(reason: &str, locale: Locale) -> Option<String> {
    let written = || !reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    why::by_name(reason, locale).map(str::to_owned).or_else(|| written().then(|| reason.to_owned()))
}

/// Why somebody called an order off: one of the board's own reasons in words, else what they wrote, whatever it is.
pub fn spoken(reason: &str, locale: Locale) -> String {
    why::by_name(reason, locale).unwrap_or(reason).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_works_at_a_store_is_not_sent_to_their_orders() {
        for locale in [Locale::En, Locale::ZhCn] {
            assert_ne!(refusal_at_work("unavailable", locale), refusal("unavailable", locale));
            assert_eq!(refusal_at_work("already_claimed", locale), refusal("already_claimed", locale));
        }
    }

    #[test]
    fn who_ordered_nothing_is_not_sent_to_their_orders() {
        for locale in [Locale::En, Locale::ZhCn] {
            assert_eq!(refusal(without_order("unavailable"), locale), problem::unreachable(locale));
        }
        assert_eq!(without_order("wrong_code"), "wrong_code");
    }

    #[test]
    fn a_cart_says_how_many_more_it_takes() {
        assert_eq!(cart_takes(98, Locale::En), "Your cart already has 98 of these, and room for 1 more.");
        assert_eq!(cart_takes(99, Locale::ZhCn), "购物车里已有 99 份，不能再加了。");
    }

    #[test]
    fn reasons_are_words_or_nothing() {
        assert_eq!(reason("barista_timeout", Locale::En).as_deref(), Some("not made in time"));
        assert_eq!(reason("I have to go", Locale::En).as_deref(), Some("I have to go"));
        assert_eq!(reason("insufficient_score_77", Locale::En), None);
        assert_eq!(["spilled", "mistake"].map(|why| spoken(why, Locale::En)), ["spilled", "a mistake of ours"]);
    }
}
