//! What came of a ticket, and how a scanner says it: each by a picture, words and a sound of its own.

use domain::{Locale, view::OrderView};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::fit;
use crate::{erase::Erase as _, pieces, words as w};

/// What came of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Handed over: the order's number, and what to hand out.
    Handed { number: i64, lines: Vec<(i64, String)> },
    /// The code of the refusal.
    Refused(String),
    /// Nobody could be asked, or the answer was lost: the order may have been handed over.
    Away,
}

/// The codes by which a browser learns that it is no scanner of this kiosk.
const REVOKED: [&str; 3] = ["forbidden", "session_required", "sign_in_required"];

/// How it is said.
#[derive(Debug, PartialEq)]
pub struct Told {
    /// `go`, `wait` or `stop`.
    pub tone: &'static str,
    pub icon: &'static str,
    pub title: &'static str,
    pub text: &'static str,
    /// Up for yes, level for later, down for no: told apart without looking.
    pub notes: &'static [f64],
}

impl Outcome {
    /// What a kiosk was answered.
    pub fn of(order: &OrderView, locale: Locale) -> Self {
        let line = |line: &domain::view::LineView| {
            let options = pieces::line_options(line);
            let name = pieces::line_name(line, locale);
            (line.quantity, if options.is_empty() { name } else { format!("{name} ({options})") })
        };
        Self::Handed { number: order.number, lines: order.lines.iter().map(line).collect() }
    }

    /// What is said where this browser is no scanner any more.
    pub fn revoked() -> Self {
        Self::Refused(REVOKED[0].to_owned())
    }

    /// Whether it means that.
    pub fn is_revoked(&self) -> bool {
        matches!(self, Self::Refused(code) if REVOKED.contains(&&**code))
    }

    /// Whether of the same ticket something else may come soon: it is to be tried again.
    pub fn may_change(&self) -> bool {
        match self {
            Self::Away => true,
            Self::Refused(code) => code == "not_ready",
            Self::Handed { .. } => false,
        }
    }

    pub fn told(&self, locale: Locale) -> Told {
        use w::scanner as s;
        let told = |tone, icon, title: fn(Locale) -> &'static str, text: fn(Locale) -> &'static str, notes| Told {
            tone,
            icon,
            title: title(locale),
            text: text(locale),
            notes,
        };
        match self {
            Self::Handed { .. } => told("go", "check", s::handed, s::handed_text, &[659.0, 880.0]),
            Self::Away => told("stop", "cloud", s::away, s::away_text, &[392.0, 196.0, 196.0]),
            Self::Refused(code) => match &**code {
                "not_ready" => told("wait", "clock", s::not_ready, s::not_ready_text, &[523.0, 523.0]),
                "already_collected" => told("stop", "bag", s::already_collected, s::already_collected_text, &[440.0, 330.0]),
                "order_cancelled" => told("stop", "close", s::cancelled, s::cancelled_text, &[440.0, 330.0, 220.0]),
                "order_rejected" => told("stop", "card", s::rejected, s::rejected_text, &[370.0, 294.0, 220.0]),
                "other_store" => told("stop", "store", s::other_store, s::other_store_text, &[330.0, 440.0, 220.0]),
                "ticket_unknown" => told("stop", "scan", s::ticket_unknown, s::ticket_unknown_text, &[330.0, 220.0]),
                _ if self.is_revoked() => told("stop", "alert", w::kiosk::revoked_title, w::kiosk::revoked_text, &[220.0, 196.0]),
                _ => told("stop", "info", s::failed, s::failed_text, &[262.0, 196.0]),
            },
        }
    }
}

/// It, as large as the room allows.
pub fn said(outcome: Option<Outcome>, locale: Locale) -> AnyView {
    let told = outcome.as_ref().map_or_else(
        || Told { tone: "none", icon: "scan", title: w::scanner::ready(locale), text: w::scanner::ready_text(locale), notes: &[] },
        |outcome| outcome.told(locale),
    );
    let handed = if let Some(Outcome::Handed { number, lines }) = outcome {
        Some(view! { <p class="scanner__number num" data-testid="scanned-number">{number}</p>{fit::lines(lines, locale)} })
    } else {
        None
    };
    view! {
        <div class="scanner__said" data-tone=told.tone>
            <p class="kiosk__sign" aria-hidden="true">{pieces::icon(told.icon)}</p>
            <h1>{told.title}</h1>
            {handed}
            <p class="lead">{told.text}</p>
        </div>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whatever_comes_of_a_ticket_looks_reads_and_sounds_like_nothing_else() {
        let codes = [
            "not_ready",
            "already_collected",
            "order_cancelled",
            "order_rejected",
            "other_store",
            "ticket_unknown",
            "forbidden",
            "of a version to come",
        ];
        let mut outcomes = vec![Outcome::Handed { number: 7, lines: Vec::new() }, Outcome::Away];
        outcomes.extend(codes.map(|code| Outcome::Refused(code.to_owned())));
        for locale in [Locale::En, Locale::ZhCn] {
            let told: Vec<_> = outcomes.iter().map(|outcome| outcome.told(locale)).collect();
            let differ = |of: fn(&Told) -> String| told.iter().map(of).collect::<BTreeSet<_>>().len();
            let signs = [
                differ(|told| told.icon.to_owned()),
                differ(|told| told.title.to_owned()),
                differ(|told| told.text.to_owned()),
                differ(|told| format!("{:?}", told.notes)),
            ];
            assert_eq!(signs, [outcomes.len(); 4]);
            let tones: Vec<_> = told.iter().map(|told| told.tone).collect();
            assert_eq!(tones[..3], ["go", "stop", "wait"]);
            assert!(tones[3..].iter().all(|tone| *tone == "stop"));
        }
    }

    #[test]
    fn a_browser_that_is_no_scanner_says_so_by_whatever_code_it_learns_it() {
        let revoked = Outcome::revoked();
        for code in REVOKED {
            let refused = Outcome::Refused(code.to_owned());
            assert!(refused.is_revoked() && refused.told(Locale::En) == revoked.told(Locale::En), "{code}");
        }
        assert!(!Outcome::Away.is_revoked() && !Outcome::Refused("other_store".to_owned()).is_revoked());
    }

    #[test]
    fn what_is_settled_is_not_tried_again() {
        let refused = |code: &str| Outcome::Refused(code.to_owned()).may_change();
        assert!(Outcome::Away.may_change() && refused("not_ready"));
        assert!(!Outcome::Handed { number: 7, lines: Vec::new() }.may_change());
        assert!(!["already_collected", "ticket_unknown", "order_cancelled", "forbidden", ""].into_iter().any(refused));
    }

    #[test]
    fn every_picture_is_there() {
        let icons = include_str!("../../../../public/img/icons.svg");
        for icon in ["check", "cloud", "clock", "bag", "close", "card", "store", "scan", "alert", "info"] {
            assert!(icons.contains(&format!("<symbol id=\"{icon}\"")), "{icon}");
        }
    }
}
