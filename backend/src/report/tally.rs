//! Adds up a day.

use std::collections::HashMap;

use domain::ordering::{CancelledBy, OrderStatus};
use domain::view::{EndedView, HourView, Naming, SoldView, TotalsView};
use domain::{Currency, Money, Text, Timestamp};

use crate::db::DbError;
use crate::ordering::day::Hours;
use crate::ordering::{Sale, Sold};
use crate::prep::{Made, mean_seconds};

/// Products, options and reasons that are told at most.
const MOST: usize = 100;

/// A sum of times, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    waiting: i64,
    making: i64,
    count: i64,
}

impl Times {
    fn add(&mut self, made: Made) {
        // A clock that was set back makes no time negative.
        self.waiting += (made.ready - made.placed).max(0);
        self.making += (made.ready - made.claimed).max(0);
        self.count += 1;
    }

    fn means(self) -> (Option<i64>, Option<i64>) {
        (mean_seconds(self.waiting, self.count), mean_seconds(self.making, self.count))
    }
}

struct Hour {
    begins_at: Timestamp,
    /// By the store's clocks.
    shown: i64,
    orders: i64,
    revenue: Money,
    times: Times,
}

struct Piece {
    name: Text,
    quantity: i64,
    revenue: Money,
}

/// Why an order came to nothing.
type Why = (OrderStatus, Option<CancelledBy>, Option<String>);

/// A day that is being added up.
pub(super) struct Tally {
    naming: Naming,
    hours: Vec<Hour>,
    totals: TotalsView,
    times: Times,
    products: HashMap<String, Piece>,
    options: HashMap<String, Piece>,
    ended: HashMap<Why, i64>,
}

/// A sum of money that does not fit is a defect of whoever took it, and no number is better than a wrong one.
fn add(sum: &mut Money, amount: Money) -> Result<(), DbError> {
    *sum = sum.checked_add(amount).map_err(|error| DbError::Defect(format!("a day's sum: {error}")))?;
    Ok(())
}

impl Tally {
    pub(super) fn new(hours: &Hours, currency: Currency, naming: Naming) -> Self {
        let zero = Money::zero(currency);
        let hour = |(begins_at, shown): &(Timestamp, i64)| Hour {
            begins_at: *begins_at,
            shown: *shown,
            orders: 0,
            revenue: zero,
            times: Times::default(),
        };
        let totals = TotalsView {
            orders: 0,
            revenue: zero,
            paying: 0,
            cancelled: 0,
            timed_out: 0,
            rejected: 0,
            made: 0,
            waiting_seconds: None,
            making_seconds: None,
        };
        let (products, options, ended) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { naming, hours: hours.hours.iter().map(hour).collect(), totals, times: Times::default(), products, options, ended }
    }

    /// The hour that something happened in. What lies outside of the day belongs to its first or last one: an order whose clock was
    /// set meanwhile is still one of the day of its number.
    fn hour(&mut self, at: Timestamp) -> Option<&mut Hour> {
        let after = self.hours.partition_point(|hour| hour.begins_at <= at);
        self.hours.get_mut(after.saturating_sub(1))
    }

    pub(super) fn sale(&mut self, sale: &Sale) -> Result<(), DbError> {
        match sale.status {
            OrderStatus::Processed | OrderStatus::Fulfilled => {
                if let Some(sold) = &sale.sold {
                    self.sold(sale.placed_at, sold)?;
                }
                return Ok(());
            }
            OrderStatus::Created => {
                self.totals.paying += 1;
                return Ok(());
            }
            OrderStatus::Cancelled if sale.timed_out() => self.totals.timed_out += 1,
            OrderStatus::Cancelled => self.totals.cancelled += 1,
            OrderStatus::Rejected => self.totals.rejected += 1,
        }
        *self.ended.entry((sale.status, sale.cancelled_by, sale.reason.clone())).or_default() += 1;
        Ok(())
    }

    fn sold(&mut self, at: Timestamp, sold: &Sold) -> Result<(), DbError> {
        self.totals.orders += 1;
        add(&mut self.totals.revenue, sold.total)?;
        if let Some(hour) = self.hour(at) {
            hour.orders += 1;
            add(&mut hour.revenue, sold.total)?;
        }
        for line in &sold.lines {
            count(&mut self.products, line.product.as_str(), &line.name, line.quantity, line.total)?;
            for option in &line.options {
                let added = option.price.checked_mul(line.quantity).map_err(|error| DbError::Defect(format!("a day's sum: {error}")))?;
                count(&mut self.options, option.id.as_str(), &option.name, line.quantity, added)?;
            }
        }
        Ok(())
    }

    pub(super) fn made(&mut self, made: Made) {
        self.times.add(made);
        if let Some(hour) = self.hour(made.ready) {
            hour.times.add(made);
        }
    }

    pub(super) fn finish(self) -> (TotalsView, Vec<HourView>, Vec<SoldView>, Vec<SoldView>, Vec<EndedView>) {
        let (waiting_seconds, making_seconds) = self.times.means();
        let totals = TotalsView { made: self.times.count, waiting_seconds, making_seconds, ..self.totals };
        let hours = self.hours.into_iter().map(hour_view).collect();
        let (products, options) = (top(self.products, self.naming), top(self.options, self.naming));
        let mut ended: Vec<_> =
            self.ended.into_iter().map(|((status, by, reason), orders)| EndedView { status, by, reason, orders }).collect();
        ended.sort_by(|a, b| b.orders.cmp(&a.orders).then_with(|| key(a).cmp(&key(b))));
        ended.truncate(MOST);
        (totals, hours, products, options, ended)
    }
}

/// What orders those of which there are as many.
fn key(ended: &EndedView) -> (&'static str, Option<&'static str>, Option<&str>) {
    (ended.status.as_str(), ended.by.map(CancelledBy::as_str), ended.reason.as_deref())
}

fn hour_view(hour: Hour) -> HourView {
    let (waiting_seconds, making_seconds) = hour.times.means();
    let Hour { begins_at, shown, orders, revenue, times } = hour;
    HourView { begins_at, hour: shown, orders, revenue, made: times.count, waiting_seconds, making_seconds }
}

/// The newest name is what it is called now.
fn count(pieces: &mut HashMap<String, Piece>, id: &str, name: &Text, quantity: i64, revenue: Money) -> Result<(), DbError> {
    let Some(piece) = pieces.get_mut(id) else {
        pieces.insert(id.to_owned(), Piece { name: name.clone(), quantity, revenue });
        return Ok(());
    };
    if piece.name != *name {
        piece.name = name.clone();
    }
    piece.quantity += quantity;
    add(&mut piece.revenue, revenue)
}

/// The most often sold first; of those that were sold as often, what brought more.
fn top(pieces: HashMap<String, Piece>, naming: Naming) -> Vec<SoldView> {
    let (Naming::In(locale) | Naming::All(locale)) = naming;
    let sold = |(id, piece): (String, Piece)| SoldView {
        id,
        name: piece.name.in_locale(locale).to_owned(),
        quantity: piece.quantity,
        revenue: piece.revenue,
    };
    let mut all: Vec<_> = pieces.into_iter().map(sold).collect();
    all.sort_by(|a, b| (b.quantity, b.revenue.amount).cmp(&(a.quantity, a.revenue.amount)).then_with(|| a.id.cmp(&b.id)));
    all.truncate(MOST);
    all
}

#[cfg(test)]
mod tests {
    use domain::Locale;
    use serde_json::{Value, json};

    use super::*;
    use crate::ordering::day::Day;

    const USD: fn(i64) -> Money = |amount| Money::new(amount, Currency::USD);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn tally(day: &str) -> Tally {
        let hours = Day::named(day, "America/Los_Angeles").unwrap().hours().unwrap();
        Tally::new(&hours, Currency::USD, Naming::In(Locale::En))
    }

    fn sale(placed_at: &str, status: OrderStatus, lines: Value) -> Sale {
        let total = lines.as_array().unwrap().iter().map(|line| line["total"]["amount"].as_i64().unwrap()).sum::<i64>();
        let sold = serde_json::from_value(json!({"total": USD(total), "lines": lines})).unwrap();
        Sale { placed_at: at(placed_at), status, reason: None, cancelled_by: None, sold: Some(sold) }
    }

    fn line(product: &str, quantity: i64, total: i64, options: &[(&str, i64)]) -> Value {
        let name = |id: &str| json!({"en": id.to_uppercase(), "zh-CN": id});
        let options: Vec<_> = options.iter().map(|(id, price)| json!({"id": id, "name": name(id), "price": USD(*price)})).collect();
        json!({"product": product, "name": name(product), "options": options, "quantity": quantity, "total": USD(total)})
    }

    #[test]
    fn an_order_is_of_the_hour_that_the_stores_clocks_showed() {
        // Clocks are set back from two to one on this day.
        let mut day = tally("2026-11-01");
        for placed in
            ["2026-11-01T07:00:00Z", "2026-11-01T08:30:00Z", "2026-11-01T08:59:59.999Z", "2026-11-01T09:00:00Z", "2026-11-02T07:59:59.999Z"]
        {
            day.sale(&sale(placed, OrderStatus::Processed, json!([line("latte", 1, 450, &[])]))).unwrap();
        }
        let (totals, hours, ..) = day.finish();
        let taken: Vec<_> = hours
            .iter()
            .enumerate()
            .filter(|(_, hour)| hour.orders > 0)
            .map(|(n, hour)| (n, hour.hour, hour.orders, hour.revenue.amount))
            .collect();
        assert_eq!(taken, [(0, 0, 1, 450), (1, 1, 2, 900), (2, 1, 1, 450), (24, 23, 1, 450)]);
        assert_eq!((totals.orders, totals.revenue), (5, USD(2250)));
    }

    #[test]
    fn what_is_sold_most_stands_first_under_its_newest_name() {
        let mut day = tally("2026-11-22");
        let mut renamed = line("latte", 2, 1000, &[("oat", 60)]);
        renamed["name"]["en"] = json!("Café latte");
        for lines in [
            json!([line("latte", 1, 510, &[("oat", 60), ("shot", 100)]), line("bun", 3, 900, &[])]),
            json!([renamed]),
            json!([line("tea", 3, 600, &[])]),
        ] {
            day.sale(&sale("2026-11-22T20:00:00Z", OrderStatus::Fulfilled, lines)).unwrap();
        }
        let (_, _, products, options, _) = day.finish();
        let told = |sold: &[SoldView]| sold.iter().map(|s| (s.name.clone(), s.quantity, s.revenue.amount)).collect::<Vec<_>>();
        assert_eq!(told(&products), [("Café latte".to_owned(), 3, 1510), ("BUN".to_owned(), 3, 900), ("TEA".to_owned(), 3, 600)]);
        assert_eq!(told(&options), [("OAT".to_owned(), 3, 180), ("SHOT".to_owned(), 1, 100)]);
    }

    #[test]
    fn every_order_is_counted_once_and_what_came_to_nothing_has_its_reason() {
        use OrderStatus::{Cancelled, Created, Processed, Rejected};
        let mut day = tally("2026-11-22");
        let mut ended = |status, by: Option<CancelledBy>, reason: Option<&str>| {
            let mut sale = sale("2026-11-22T20:00:00Z", status, json!([line("latte", 1, 450, &[])]));
            (sale.cancelled_by, sale.reason) = (by, reason.map(str::to_owned));
            day.sale(&sale).unwrap();
        };
        for _ in 0..2 {
            ended(Rejected, None, Some("payment_declined"));
        }
        ended(Cancelled, Some(CancelledBy::System), Some("barista_timeout"));
        // Whoever writes so is believed to have called it off.
        ended(Cancelled, Some(CancelledBy::Customer), Some("barista_timeout"));
        ended(Cancelled, Some(CancelledBy::Staff), None);
        ended(Created, None, None);
        ended(Processed, None, None);
        let (totals, _, products, _, ended) = day.finish();
        assert_eq!((totals.orders, totals.paying, totals.cancelled, totals.timed_out, totals.rejected), (1, 1, 2, 1, 2));
        assert_eq!((totals.revenue, products[0].quantity), (USD(450), 1), "nobody pays for what came to nothing");
        assert_eq!((ended[0].orders, ended[0].reason.as_deref(), ended.len()), (2, Some("payment_declined"), 4));
    }

    #[test]
    fn times_belong_to_the_hour_in_which_it_was_made() {
        let mut day = tally("2026-11-22");
        for (placed, started, made) in [
            ("2026-11-22T19:50:00Z", "2026-11-22T19:59:00Z", "2026-11-22T20:00:00Z"),
            ("2026-11-22T20:00:00Z", "2026-11-22T20:01:00Z", "2026-11-22T20:04:00Z"),
            ("2026-11-22T20:00:00Z", "2026-11-22T21:00:00Z", "2026-11-22T20:59:59Z"),
        ] {
            day.made(Made { placed: at(placed), claimed: at(started), ready: at(made) });
        }
        let (totals, hours, ..) = day.finish();
        let noon = &hours[12];
        assert_eq!((noon.hour, noon.made, noon.waiting_seconds, noon.making_seconds), (12, 3, Some(1480), Some(80)));
        assert_eq!((totals.made, totals.waiting_seconds, totals.making_seconds), (3, noon.waiting_seconds, noon.making_seconds));
        assert_eq!((hours[11].made, hours[11].waiting_seconds), (0, None));
    }
}
