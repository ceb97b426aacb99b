//! What a problem says in other languages than English, in which it was made: the words that the message files have for its code,
//! with what the English sentence names.

use app::words as w;
use domain::{Fault, Locale, Terms, prep::FulfilmentKind, view::Problem};

/// Says a problem in another language than English; in which language its detail is then. `wait`: seconds until it is worth
/// asking again.
pub(super) fn said_in(locale: Locale, problem: &mut Problem, wait: Option<i64>) -> Locale {
    if locale == Locale::En {
        return locale;
    }
    for fault in &mut problem.errors {
        fault.detail = fault_in(locale, fault);
    }
    let Problem { terms, errors, .. } = &*problem;
    let detail = match (problem.code.as_str(), errors.as_slice(), &problem.claimed_by) {
        ("rate_limited", ..) if wait.is_some_and(|seconds| seconds > 60) => {
            w::api::wait(locale, app::pieces::wait(wait.unwrap_or_default(), locale))
        }
        ("already_claimed", _, Some(holder)) => w::api::claimed_by(locale, &holder.name),
        ("invalid_request", [only], _) => only.detail.clone(),
        ("invalid_request", many @ [_, ..], _) => w::api::many_faults(locale, many.len()),
        (code, ..) => match named(locale, code, terms, wait).or_else(|| words(code, locale).map(str::to_owned)) {
            Some(words) => words,
            None => return Locale::En,
        },
    };
    problem.detail = detail;
    locale
}

/// The sentence of a refusal that names something; `None` where this one names nothing.
fn named(locale: Locale, code: &str, terms: &Terms, wait: Option<i64>) -> Option<String> {
    Some(match (code, wait, terms) {
        ("too_many_orders", Some(wait), _) => w::api::too_many_in_a_row(locale, app::pieces::wait(wait, locale)),
        ("code_exhausted", Some(seconds), _) => w::api::next_code(locale, seconds),
        ("store_at_capacity", Some(seconds), Terms { words, .. }) if !words.is_empty() => w::api::code_without_places(locale, seconds),
        ("wallet_not_empty", _, Terms { money: Some(balance), .. }) => w::api::wallet_has(locale, balance.format(locale)),
        ("below_held", _, Terms { least: Some(0), .. }) => w::api::not_so_many(locale).to_owned(),
        ("below_held", _, Terms { least: Some(held), .. }) => w::api::held(locale, held),
        ("wrong_password", _, Terms { words, .. }) if !words.is_empty() => w::problem::wrong_current_password(locale).to_owned(),
        ("checkout_expired", _, Terms { words, .. }) if !words.is_empty() => w::api::checkout_placed(locale).to_owned(),
        ("payment_timeout", _, Terms { words, .. }) if !words.is_empty() => w::problem::payment_unsure(locale).to_owned(),
        ("malformed_json", _, Terms { reason: Some(reason), .. }) => w::api::not_json(locale, reason),
        ("invalid_query", _, Terms { reason: Some(reason), .. }) => w::api::unread_query(locale, reason),
        ("not_found", _, Terms { words, .. }) => w::api::by_name(&format!("no_{}", words.first()?.replace(' ', "_")), locale)?.to_owned(),
        _ => return None,
    })
}

fn fault_in(locale: Locale, fault: &Fault) -> String {
    let code = fault.code.as_str();
    match (code, fault.available) {
        ("out_of_stock", Some(0)) => w::api::none_left(locale).to_owned(),
        ("out_of_stock", Some(left)) => w::api::left(locale, left),
        // As a fault it is an item's; as the code of an answer it is the shop's.
        ("unavailable", _) => w::api::sold_out(locale).to_owned(),
        _ => fault_named(locale, code, &fault.terms)
            .unwrap_or_else(|| words(code, locale).unwrap_or_else(|| w::api::invalid_value(locale)).to_owned()),
    }
}

/// The sentence of a fault that names something; `None` where this one names nothing.
fn fault_named(locale: Locale, code: &str, terms: &Terms) -> Option<String> {
    let list = |words: &[String]| words.join(w::menu::comma(locale));
    Some(match (code, terms) {
        ("modifier_min", Terms { least: Some(least), name: Some(name), .. }) => w::api::choose_least(locale, least, name.in_locale(locale)),
        ("modifier_max", Terms { most: Some(most), name: Some(name), .. }) => w::api::choose_most(locale, most, name.in_locale(locale)),
        ("wrong_type", Terms { least: Some(least), most: Some(most), .. }) => w::api::whole_between(locale, least, most),
        ("amount_out_of_range", Terms { least: Some(least), most: Some(most), .. }) => w::api::amount_between(locale, least, most),
        ("invalid_value", Terms { least: Some(least), most: Some(most), .. }) => w::api::visible_between(locale, least, most),
        ("quantity_out_of_range", Terms { least: Some(least), most: Some(most), words, .. }) if !words.is_empty() => {
            w::api::between_but_not_0(locale, least, most)
        }
        (_, Terms { least: Some(least), most: Some(most), .. }) => w::api::between(locale, least, most),
        ("too_long", Terms { most: Some(most), .. }) => w::api::characters(locale, most),
        ("too_many_windows", Terms { most: Some(most), .. }) => w::api::prices(locale, most),
        ("invalid_value", Terms { reason: Some(reason), .. }) => w::api::cannot_be(locale, reason),
        ("invalid_value", Terms { kinds, .. }) if !kinds.is_empty() => {
            let kinds: Vec<_> = kinds.iter().map(|kind| w::api::by_name(&format!("kind_{kind}"), locale).unwrap_or(kind)).collect();
            w::api::has_to_be(locale, kinds.join(w::api::or(locale)))
        }
        ("unknown_field", Terms { words, .. }) if !words.is_empty() => w::api::known_fields(locale, list(words)),
        ("currency_mismatch", Terms { words, .. }) => w::api::sells_in(locale, words.first()?),
        ("wrong_currency", Terms { words, .. }) => w::api::kept_in(locale, words.first()?),
        ("overlapping_windows", Terms { words, .. }) => w::api::same_time_as(locale, words.first()?),
        ("invalid_name", Terms { words, .. }) => w::api::hidden_sign(locale, words.first()?),
        ("control_character", Terms { words, .. }) => w::api::hidden_sign_here(locale, words.first()?),
        ("fulfilment_not_offered", Terms { words, .. }) => match words.first()?.parse::<FulfilmentKind>().ok()? {
            FulfilmentKind::Pickup => w::api::offers_only(locale, w::checkout::pickup(locale)),
            FulfilmentKind::Ship => w::api::offers_only(locale, w::checkout::ship(locale)),
        },
        (_, Terms { words, .. }) if !words.is_empty() => w::api::one_of(locale, list(words)),
        _ => return None,
    })
}

/// What a program is told, else what a shopper is.
pub(super) fn words(code: &str, locale: Locale) -> Option<&'static str> {
    w::api::by_name(code, locale).or_else(|| w::problem::by_name(code, locale))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use backend::{identity::IdentityError, inventory::StockError, kiosk::KioskError, ordering::OrderingError};
    use domain::{Currency, Money, Text, UserId, view::Person};

    use super::{super::AppError, *};

    fn said(error: AppError) -> Problem {
        let mut problem = error.problem("");
        assert_eq!(said_in(Locale::ZhCn, &mut problem, None), Locale::ZhCn, "{problem:?}");
        problem
    }

    #[test]
    fn one_fault_is_what_the_whole_says_and_several_are_counted() {
        let fault = |code| Fault::new("/a", code, "This is some English.");
        assert_eq!(said(AppError::invalid(vec![fault("unknown_sku")])).detail, "这件商品已不在菜单上。");
        assert_eq!(said(AppError::invalid(vec![fault("unavailable")])).detail, "这项已售罄。");
        let both = said(AppError::invalid(vec![fault("never_heard_of"), Fault::out_of_stock(0, 3)]));
        assert_eq!(both.detail, "请求里有 2 处不对，见 errors。");
        assert_eq!(both.errors[1].detail, "只剩 3 件。");
    }

    #[test]
    fn a_long_wait_is_said() {
        let mut problem = AppError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Wait.").problem("");
        assert_eq!(said_in(Locale::ZhCn, &mut problem, Some(599)), Locale::ZhCn);
        assert_eq!(problem.detail, "请求太频繁，请在 10 分钟后再试。");
        said_in(Locale::ZhCn, &mut problem, Some(1));
        assert_eq!(problem.detail, "太快了，请稍等再试。");
    }

    #[test]
    fn who_holds_an_order_is_named() {
        let mut error = AppError::new(StatusCode::CONFLICT, "already_claimed", "Ada has already claimed it.");
        error.extra.claimed_by = Some(Person { id: UserId(uuid::Uuid::nil()), name: "小陈".to_owned() });
        assert_eq!(said(error).detail, "小陈 已经接了这单。");
    }

    /// Whatever number, name or word the English sentence has, the Chinese one has, too.
    #[test]
    fn what_english_names_is_named() {
        let milk = || Some(Text::new("Milk", "奶"));
        let words = |words: &[&str]| Terms::words(words);
        for (code, terms, expected) in [
            ("quantity_out_of_range", Terms::between(-10, 10), "请选 -10 到 10。"),
            ("quantity_out_of_range", Terms { words: vec!["0".to_owned()], ..Terms::between(-10, 10) }, "请选 -10 到 10，但不能是 0。"),
            ("out_of_range", Terms::between(5, 60), "请选 5 到 60。"),
            ("wrong_type", Terms::between(5, 60), "这里需要 5 到 60 的整数。"),
            ("amount_out_of_range", Terms::between(1, 1000), "金额须为 1 到 1000（最小货币单位）。"),
            ("invalid_value", Terms::between(1, 255), "这里需要 1 到 255 个可见 ASCII 字符。"),
            ("modifier_min", Terms { least: Some(1), name: milk(), ..Terms::default() }, "“奶”至少选 1 项。"),
            ("modifier_max", Terms { most: Some(2), name: milk(), ..Terms::default() }, "“奶”最多选 2 项。"),
            ("too_long", Terms::at_most(200), "最多 200 个字符。"),
            ("too_many_windows", Terms::at_most(100), "最多 100 个价格。"),
            (
                "invalid_value",
                Terms { kinds: vec!["integer".to_owned(), "null".to_owned()], ..Terms::default() },
                "这里须为整数或空值（null）。",
            ),
            ("invalid_value", words(&["pickup", "ship"]), "请从这些中选一个：pickup、ship。"),
            ("invalid_value", Terms::reason("it is odd"), "这里不能是：it is odd。"),
            ("unknown_field", words(&["sku", "quantity"]), "没有这个字段；可用的有：sku、quantity。"),
            ("unknown_word", words(&["open", "qr"]), "请从这些中选一个：open、qr。"),
            ("currency_mismatch", words(&["USD"]), "这家店以 USD 标价。"),
            ("wrong_currency", words(&["USD"]), "这个钱包使用 USD。"),
            ("fulfilment_not_offered", words(&["pickup"]), "这家店只提供自取。"),
            ("overlapping_windows", words(&["0"]), "这个价格与价格 0 同时生效。"),
            ("invalid_name", words(&["U+200B"]), "名字里不能有 U+200B：它看不见或会打乱阅读顺序，请直接输入，不要粘贴。"),
            ("control_character", words(&["U+202E"]), "这里不能有 U+202E：它看不见或会打乱阅读顺序，请直接输入，不要粘贴。"),
        ] {
            let fault = Fault::new("/a", code, "This is some English.").with(terms);
            assert_eq!(said(AppError::invalid(vec![fault])).detail, expected, "{code}");
        }
        for (error, expected) in [
            (AppError::not_found("store"), "没有这家店。"),
            (AppError::not_found("event type"), "没有这种事件。"),
            (AppError::not_found("thing"), "没有这个内容。"),
            (KioskError::NotFound.into(), "没有这块屏幕。"),
            (IdentityError::WrongPassword.into(), "姓名和密码不匹配，请同时检查门店。"),
            (IdentityError::WrongCurrentPassword.into(), "当前密码未填写或不正确。"),
            (OrderingError::CheckoutPlaced.into(), "这次结账已经成为订单，请看看你的订单。"),
            (StockError::BelowHeld(0).into(), "没有这么多。"),
            (StockError::BelowHeld(3).into(), "其中 3 件已为订单保留，不能更少。"),
            (
                AppError::new(StatusCode::PAYMENT_REQUIRED, "payment_timeout", "No.").with_terms(Terms::words(["unsure"])),
                "银行没有回应。如果你的卡已被扣款，钱会退回到卡上。",
            ),
            (
                IdentityError::WalletNotEmpty { balance: Money::new(700, Currency::USD) }.into(),
                "钱包里还有 US$7.00，删除后会作废。请先用完，或发送 \"forfeit_wallet\": true。",
            ),
            (
                AppError::new(StatusCode::BAD_REQUEST, "malformed_json", "No.").with_terms(Terms::reason("EOF at line 1 column 2")),
                "请求正文不是 JSON：EOF at line 1 column 2。",
            ),
            (
                AppError::new(StatusCode::BAD_REQUEST, "invalid_query", "No.").with_terms(Terms::reason("limit: no number")),
                "查询参数无法读取：limit: no number。",
            ),
        ] {
            assert_eq!(said(error).detail, expected);
        }
        for (code, expected) in [
            ("code_exhausted", "这个码的名额已满，90 秒后换新码。"),
            ("too_many_orders", "短时间内的订单太多了，请在 2 分钟后再试。购物车会保留。"),
        ] {
            let mut problem = AppError::new(StatusCode::TOO_MANY_REQUESTS, code, "Wait.").problem("");
            said_in(Locale::ZhCn, &mut problem, Some(90));
            assert_eq!(problem.detail, expected);
        }
    }

    /// What is kept for a key is read back by who asks again, in whichever language.
    #[test]
    fn what_is_named_outlives_the_database() {
        let told = AppError::from(StockError::BelowHeld(3)).problem("");
        let mut read: Problem = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
        said_in(Locale::ZhCn, &mut read, None);
        assert_eq!(read.detail, "其中 3 件已为订单保留，不能更少。");
    }
}
