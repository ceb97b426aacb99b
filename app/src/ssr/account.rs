//! Everything of a shopper's in one place: orders, wallet, name and language, browsers, data.

use backend::{
    identity::{Account, Caller},
    payment::{Confirmation, Looked, TopUpEnd},
};
use domain::{
    Currency, Locale, Money, Timestamp, TopUpId, UserId,
    view::{OrderView, SessionView, WalletView},
    web::is_web,
};
use leptos::prelude::*;
use leptos_meta::Html;
use uuid::Uuid;

use super::{
    failure::Failure,
    frame::{frame, problem},
    orders,
    seo::{Head, head},
    visit::{Visit, lead_to, page, query},
};
use crate::{
    islands::{Balance, BankAnswer, ConfirmBy, ENTRIES, Entries, LiveLine},
    paths,
    pieces::{icon, price},
    words as w,
};

/// So many of the last orders.
const ORDERS: i64 = 3;
/// What can be paid in with one press, in whole units of money.
const TOP_UPS: [i64; 4] = [10, 20, 50, 100];

/// `/account`
#[component]
pub fn AccountPage() -> impl IntoView {
    let visit = Visit::here();
    let number = |name: &str| query(name).and_then(|value| value.parse().ok());
    let asked = Asked {
        error: query("error"),
        form: query("form"),
        amount: number("amount"),
        saved: query("saved"),
        before: number("before"),
        top_up: query("top_up").and_then(|id| id.parse().ok()),
    };
    page(async move { body(visit, asked).await })
}

/// What the address says.
struct Asked {
    error: Option<String>,
    /// Which form was refused, where it says so itself: `top-up`, `delete`.
    form: Option<String>,
    /// What was to be paid in with it.
    amount: Option<i64>,
    /// What has just been done: `1`, `topped_up`, or that it was before.
    saved: Option<String>,
    /// Wallet entries before this one.
    before: Option<i64>,
    /// The top-up whose end they look for, as back from their bank.
    top_up: Option<TopUpId>,
}

async fn body(visit: Visit, asked: Asked) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let Caller::User { user, session, .. } = &visit.caller else { return Ok(lead_to(&paths::sign_in(paths::ACCOUNT))) };
    if let Some((_, query)) = visit.page.split_once('?') {
        // Where their bank has sent them back with something for the card provider.
        visit.backend.payments.shopper_returned(&visit.backend.db, *user, query).await?;
    }
    // Before anything is read: what has come is in the wallet that is shown.
    let returned = match asked.top_up {
        Some(top_up) => visit.backend.top_ups.returned(*user, top_up).await?,
        None => None,
    };
    let (backend, id, before) = (visit.backend.clone(), *user, asked.before);
    let wallet: WalletView =
        visit.backend.db.snapshot(move |tx| Box::pin(async move { backend.wallets.page(tx, id, before, ENTRIES).await })).await?;
    let mut sql = visit.backend.db.reader();
    let Some(account) = visit.backend.identities.account(&mut sql, *user).await? else {
        return Ok(lead_to(&paths::sign_in(paths::ACCOUNT)));
    };
    let owner = visit.owner().ok_or(Failure::NotFound)?;
    let orders = visit.backend.orders.list(&mut sql, &owner, None, ORDERS, visit.naming()).await?;
    let stores = orders::stores(&visit, &mut sql).await?;
    drop(sql);
    let confirmations = visit.backend.top_ups.confirmations(&mut visit.backend.db.reader(), id).await?;
    let undecided = visit.backend.top_ups.undecided(&mut visit.backend.db.reader(), id).await?;
    let sessions = visit.backend.identities.sessions(&visit.caller).await?;
    let staff = visit.caller.roles().iter().any(|held| backend::identity::rights::is_staff(held.role));
    let head = head(
        &visit,
        Head { title: w::account::title(locale).to_owned(), description: w::account::description(locale).to_owned(), ..Head::default() },
    );
    let hello = if account.name.is_empty() { w::account::title(locale).to_owned() } else { w::account::hello(locale, &account.name) };
    let phone = account.phone_ending.as_ref().map(|ending| view! { <p class="soft">{w::account::phone(locale, ending)}</p> });
    let done = |text: &'static str| view! { <div class="notice" data-tone="go" role="status">{icon("check")}<p class="notice__title">{text}</p></div> };
    let (paid_in, saved) = match asked.saved.as_deref() {
        Some("topped_up") => (Some(done(w::wallet::topped_up(locale))), None),
        Some("topped_up_before") => (Some(done(w::wallet::topped_up_before(locale))), None),
        Some(_) => (None, Some(done(w::account::saved(locale)))),
        None => (None, None),
    };
    let (of_top_up, of_delete, of_others) = match asked.form.as_deref() {
        Some("top-up") => (asked.error, None, None),
        Some("delete") => (None, asked.error, None),
        _ => (None, None, asked.error),
    };
    let looked_for = match (asked.top_up, &returned) {
        (Some(top_up), Some(Looked { amount, end: None, .. })) => Some((top_up, *amount)),
        _ => None,
    };
    let others = undecided.iter().copied().filter(|(top_up, _)| looked_for.is_none_or(|(shown, _)| shown != *top_up));
    // The page shows the way to the bank of those that want it.
    let asked_for = |top_up: TopUpId| undecided.iter().all(|(other, _)| *other != top_up);
    let waits = looked_for.into_iter().chain(others);
    let waits = waits.map(|(top_up, amount)| view! { <BankAnswer top_up amount asked=asked_for(top_up) locale/> }).collect_view();
    let (paid_in, of_top_up, amount) = match returned {
        Some(Looked { end: Some(TopUpEnd::Captured), .. }) => (Some(done(w::wallet::topped_up(locale))), of_top_up, asked.amount),
        Some(Looked { amount, end: Some(TopUpEnd::Refused(reason)), .. }) => (paid_in, Some(reason), Some(amount.amount)),
        Some(Looked { end: None, .. }) | None => (paid_in, of_top_up, asked.amount),
    };
    let form = if undecided.is_empty() {
        top_up(wallet.balance.currency, amount, of_top_up.as_deref(), locale)
    } else {
        closed(of_top_up.as_deref(), locale)
    };
    let waiting = !confirmations.is_empty();
    let wanted = confirmations.iter().map(|wanted| confirm(wanted, visit.now, locale)).collect_view();
    let main = view! {
        {head}
        <Html {..} data-bars="line"/>
        <main class="page" id="main">
            <div class="stack stack--wide">
                <div class="row row--between">
                    <div><h1>{hello}</h1>{phone}</div>
                    <form method="post" action=paths::form::SIGN_OUT>
                        <button class="button button--quiet" data-testid="sign-out">{w::account::sign_out(locale)}</button>
                    </form>
                </div>
                {problem(of_others.as_deref().map(w::without_order), locale)}
                {saved}
                <div class="account">
                    {money(id, &wallet, waiting, asked.before.is_none(), view! { {wanted}{waits}{paid_in}{form} }.into_any(), locale)}
                    {last_orders(&orders.items, &stores, locale)}
                    {you(&account, staff, locale)}
                    {browsers(&sessions, Some(*session), visit.now, locale)}
                    {data(staff, wallet.balance, of_delete.as_deref(), locale)}
                </div>
            </div>
        </main>
    };
    Ok(frame(&visit, main.into_any()))
}

/// The balance, how it grows, and how it came to be. `waiting`: a top-up of theirs waits for them at their bank. `newest`: its last movements
/// are shown, and not older ones.
fn money(user: UserId, wallet: &WalletView, waiting: bool, newest: bool, top_up: AnyView, locale: Locale) -> AnyView {
    let moments = wallet.entries.items.iter().map(|entry| orders::moment(entry.at, locale)).collect::<Vec<_>>();
    view! {
        <section class="panel" id="wallet" aria-labelledby="wallet-title">
            <h2 id="wallet-title">{w::wallet::title(locale)}</h2>
            <Balance user balance=wallet.balance waiting locale/>
            <div class="live-quiet"><LiveLine clock=None locale/></div>
            {top_up}
            <Entries user page=wallet.entries.clone() moments newest locale/>
        </section>
    }
    .into_any()
}

/// The way to the bank, for a top-up that waits for its shopper, and for how long it does.
fn confirm(wanted: &Confirmation, now: Timestamp, locale: Locale) -> Option<AnyView> {
    let url = is_web(&wanted.url).then(|| wanted.url.clone())?;
    let title = format!("{}: {}", w::order::confirm(locale), wanted.amount.format(locale));
    Some(
        view! {
            <div class="notice" data-tone="wait" role="status">
                {icon("clock")}
                <p class="notice__title">{title}</p>
                <a class="button" href=url rel="noreferrer" data-testid="confirm-top-up">{w::order::confirm_go(locale)}</a>
            </div>
            <ConfirmBy by=wanted.confirm_by from=wanted.begun_at now locale/>
        }
        .into_any(),
    )
}

/// In the form's place while a card may still be charged: pressed again, it would be another top-up.
fn closed(refused: Option<&str>, locale: Locale) -> AnyView {
    view! {
        {problem(refused, locale)}
        <p class="soft" data-testid="top-up-closed">{w::wallet::bank_first(locale)}</p>
    }
    .into_any()
}

/// Money into the wallet by card. The form happens once, however often it is sent. One that was `refused` stands open with the amount
/// that was chosen, and says why.
fn top_up(currency: Currency, chosen: Option<i64>, refused: Option<&str>, locale: Locale) -> AnyView {
    let offered = TOP_UPS.map(|units| Money::new(units * 10_i64.pow(currency.minor_digits()), currency));
    let chosen = offered.iter().find(|amount| Some(amount.amount) == chosen).copied().unwrap_or(offered[1]);
    let amounts = offered
        .map(|amount| {
            view! {
                <label class="chip"><input type="radio" name="amount" value=amount.amount.to_string() checked=amount == chosen/><span>{price(amount, locale)}</span></label>
            }
        })
        .collect_view();
    let cards = [
        ("tok_ok", w::checkout::card_ok(locale)),
        ("tok_declined", w::checkout::card_declined(locale)),
        ("tok_3ds", w::checkout::card_3ds(locale)),
    ]
    .map(|(token, name)| view! { <option value=token>{name}</option> })
    .collect_view();
    view! {
        <details class="fold" id="top-up" open=refused.is_some()>
            <summary>{w::wallet::top_up_title(locale)}</summary>
            <form class="stack" method="post" action=paths::form::TOP_UP data-testid="top-up">
                {problem(refused, locale)}
                <input type="hidden" name="key" value=Uuid::now_v7().to_string()/>
                <fieldset class="choice"><legend>{w::wallet::amount(locale)}</legend><div class="choice__chips">{amounts}</div></fieldset>
                <div class="field"><label for="card">{w::wallet::pay_with(locale)}</label><select class="input" id="card" name="card">{cards}</select></div>
                <div class="row"><button class="button">{w::wallet::top_up_go(locale)}</button></div>
            </form>
        </details>
    }
    .into_any()
}

/// All times of the account are the reader's, those of orders too: the same moment is told the same in the wallet beside.
fn last_orders(items: &[OrderView], stores: &orders::Stores, locale: Locale) -> AnyView {
    let body = if items.is_empty() {
        view! { <p class="soft">{w::orders::none_text(locale)}</p> }.into_any()
    } else {
        let rows = items.iter().map(|order| orders::row(order, stores, orders::Told::ByReader, locale)).collect_view();
        view! { <ul class="order-list">{rows}</ul> }.into_any()
    };
    view! {
        <section class="panel" aria-labelledby="orders-title">
            <h2 id="orders-title">{w::orders::title(locale)}</h2>
            {body}
            <div class="row"><a class="button button--quiet" href=paths::ORDERS>{w::account::all_orders(locale)}</a></div>
        </section>
    }
    .into_any()
}

fn you(account: &Account, staff: bool, locale: Locale) -> AnyView {
    let name = if staff {
        view! { <p><span class="soft">{w::account::name(locale)}{w::menu::colon(locale)}</span>{account.name.clone()}</p> }.into_any()
    } else {
        view! {
            <div class="field">
                <label for="name">{w::account::name(locale)}</label>
                <input class="input" id="name" name="name" autocomplete="nickname" maxlength="60" value=account.name.clone() aria-describedby="name-hint"/>
                <p class="field__hint" id="name-hint">{w::account::name_hint(locale)}</p>
            </div>
        }
        .into_any()
    };
    let languages = [("", w::account::language_auto(locale)), ("en", "English"), ("zh-CN", "简体中文")]
        .map(|(tag, label)| {
            let chosen = account.language.map_or("", Locale::tag) == tag;
            view! { <option value=tag selected=chosen lang=(!tag.is_empty()).then_some(tag)>{label}</option> }
        })
        .collect_view();
    view! {
        <section class="panel" id="you" aria-labelledby="you-title">
            <h2 id="you-title">{w::account::you(locale)}</h2>
            <form class="stack" method="post" action=paths::form::ACCOUNT_EDIT data-testid="you-form">
                {name}
                <div class="field">
                    <label for="language">{w::account::language(locale)}</label>
                    <select class="input" id="language" name="language">{languages}</select>
                </div>
                <div class="row"><button class="button">{w::account::save(locale)}</button></div>
            </form>
        </section>
    }
    .into_any()
}

fn browsers(sessions: &[SessionView], own: Option<domain::SessionId>, now: Timestamp, locale: Locale) -> AnyView {
    let rows = sessions
        .iter()
        .map(|session| {
            let device = session.device.clone().unwrap_or_else(|| w::account::unknown_device(locale).to_owned());
            let seen = match now.seconds_since(session.seen_at).max(0) / 86_400 {
                _ if Some(session.id) == own => w::account::this_browser(locale).to_owned(),
                0 => w::account::seen_today(locale).to_owned(),
                days => w::account::seen_days(locale, days),
            };
            view! {
                <li class="stock-row" data-testid="session">
                    <p class="stock-row__name">{device.clone()}<small>{seen}</small></p>
                    <form method="post" action=paths::form::END_SESSION>
                        <button class="button button--quiet" name="session" value=session.id.to_string()>
                            {w::account::sign_out(locale)}<span class="sr-only">{w::menu::colon(locale)}{device}</span>
                        </button>
                    </form>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="panel" id="sessions" aria-labelledby="sessions-title">
            <h2 id="sessions-title">{w::account::sessions(locale)}</h2>
            <ul class="stock-list">{rows}</ul>
            <form class="row" method="post" action=paths::form::END_SESSION>
                <button class="button button--danger" name="session" value="all">{w::account::everywhere(locale)}</button>
            </form>
        </section>
    }
    .into_any()
}

/// Their data: to take along, and to have deleted. `left`: what would be lost with it. Where that was `refused`, its form stands open
/// and says why.
fn data(staff: bool, left: Money, refused: Option<&str>, locale: Locale) -> AnyView {
    let delete = (!staff).then(|| {
        view! {
            <details class="fold" id="delete" open=refused.is_some()>
                <summary>{w::account::delete(locale)}</summary>
                <form class="stack" method="post" action=paths::form::DELETE_ACCOUNT data-testid="delete-form">
                    {problem(refused.map(w::without_order), locale)}
                    <p class="soft">{w::account::delete_text(locale)}</p>
                    <label class="tick"><input type="checkbox" name="sure" value="yes" required=true/><span>{w::account::delete_sure(locale)}</span></label>
                    {(left.amount > 0).then(|| view! {
                        <label class="tick" data-testid="forfeit"><input type="checkbox" name="forfeit" value=left.amount.to_string() required=true/><span>{w::account::delete_forfeit(locale, left.format(locale))}</span></label>
                    })}
                    <div class="row"><button class="button button--danger">{w::account::delete(locale)}</button></div>
                </form>
            </details>
        }
    });
    view! {
        <section class="panel" aria-labelledby="data-title">
            <h2 id="data-title">{w::account::data(locale)}</h2>
            <p class="soft">{w::account::data_text(locale)}</p>
            <div class="row"><a class="button button--quiet" href=paths::EXPORT download="orderly.json">{w::account::export(locale)}</a></div>
            {delete}
        </section>
    }
    .into_any()
}
