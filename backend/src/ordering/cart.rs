//! The cart: a shopper's lines at a store. It promises nothing; a checkout does.

use domain::pricing::{self, LineRequest, MAX_LINES, MAX_QUANTITY, QuoteLine};
use domain::{Fault, Faults, LineId, OrderId, StoreId, Terms};

use super::{OrderingError, store};
use crate::catalog::Catalog;
use crate::db::{DbError, Sql, Tx};
use crate::identity::Owner;

/// Everybody's carts.
#[derive(Clone)]
pub struct Carts {
    catalog: Catalog,
}

/// A line of a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartLine {
    pub id: LineId,
    /// What is asked for: it was right when it came, and is checked again at every price and checkout.
    pub request: LineRequest,
}

impl Carts {
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog }
    }

    /// The lines of a shopper at a store, the oldest first.
    pub async fn get(&self, sql: &mut impl Sql, owner: &Owner, store: &StoreId) -> Result<Vec<CartLine>, DbError> {
        store::cart(sql, owner, store).await
    }

    /// Adds a line. The same item with the same options adds up, to at most 99; a cart has at most 50 lines. Faults point
    /// into the line: `/sku`, `/quantity`, `/options/0`.
    pub async fn add_in(&self, tx: &mut Tx, owner: &Owner, store: &StoreId, mut line: LineRequest) -> Result<LineId, OrderingError> {
        let menu = self.catalog.menu_in(tx, store).await?.ok_or(OrderingError::UnknownStore)?;
        pricing::quote(&menu, std::slice::from_ref(&line), tx.now()).map_err(at_line)?;
        line.options.sort();
        put_in(tx, owner, store, &line).await
    }

    /// Puts the lines of an order back: afterwards there are at least as many of each as then, however often, and by how many at
    /// once, this is asked for. What is sold out comes back, too, where there is something to take instead, which the page offers;
    /// what is not offered any more, or does not fit, is left out.
    pub async fn refill_in(
        &self,
        tx: &mut Tx,
        owner: &Owner,
        store: &StoreId,
        order: OrderId,
        lines: Vec<LineRequest>,
    ) -> Result<(), OrderingError> {
        // Whoever asks for the same at the same time waits here, and finds in the cart what this one has put there.
        super::lock_in(tx, order).await?;
        let menu = self.catalog.menu_in(tx, store).await?.ok_or(OrderingError::UnknownStore)?;
        let kept = self.get(tx, owner, store).await?;
        for mut line in lines {
            line.options.sort();
            let same = kept.iter().find(|kept| kept.request.sku == line.sku && kept.request.options == line.options);
            line.quantity -= same.map_or(0, |same| same.request.quantity);
            if line.quantity < 1 || !pricing::is_offered(&menu, &line, tx.now()) {
                continue;
            }
            match put_in(tx, owner, store, &line).await {
                Ok(_) | Err(OrderingError::Invalid(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sets how many of a line are wanted, 0 to 99; 0 takes the line out.
    pub async fn set_quantity_in(
        &self,
        tx: &mut Tx,
        owner: &Owner,
        store: &StoreId,
        line: LineId,
        quantity: i64,
    ) -> Result<(), OrderingError> {
        let found = match quantity {
            0 => store::remove_line_in(tx, owner, store, line).await?,
            1..=MAX_QUANTITY => store::set_quantity_in(tx, owner, store, line, quantity).await?,
            _ => return Err(fault("/quantity", "quantity_out_of_range", format!("Choose 0 to {MAX_QUANTITY}."))),
        };
        if found { Ok(()) } else { Err(OrderingError::NotFound) }
    }

    /// Puts something else into the place of a line, as many as there were; where that is in the cart already, it adds up, to at
    /// most 99. Faults point into `with`.
    pub async fn swap_in(
        &self,
        tx: &mut Tx,
        owner: &Owner,
        store: &StoreId,
        line: LineId,
        mut with: LineRequest,
    ) -> Result<(), OrderingError> {
        let menu = self.catalog.menu_in(tx, store).await?.ok_or(OrderingError::UnknownStore)?;
        let Some(old) = store::take_line_in(tx, owner, store, line).await? else { return Err(OrderingError::NotFound) };
        with.options.sort();
        with.quantity = old.quantity();
        pricing::quote(&menu, std::slice::from_ref(&with), tx.now()).map_err(at_line)?;
        let same = |other: &CartLine| other.request.sku == with.sku && other.request.options == with.options;
        let there = store::cart(tx, owner, store).await?.into_iter().find(same).map_or(0, |same| same.request.quantity);
        if there + with.quantity > MAX_QUANTITY {
            return Err(too_many(there));
        }
        Ok(store::adopt_line_in(tx, owner, old.become_line(with)).await?)
    }

    /// Takes out what has been ordered, at the end of the transaction. What was put in meanwhile stays.
    pub(super) async fn take_out_in(&self, tx: &mut Tx, owner: &Owner, store: &StoreId, ordered: &[QuoteLine]) -> Result<(), DbError> {
        let mut lines: Vec<LineRequest> = Vec::new();
        for ordered in ordered {
            let mut options: Vec<_> = ordered.options.iter().map(|option| option.id.to_string()).collect();
            options.sort();
            let sku = ordered.sku.to_string();
            // A statement for each row: two of one row are not told apart.
            match lines.iter_mut().find(|line| line.sku == sku && line.options == options) {
                Some(line) => line.quantity = line.quantity.saturating_add(ordered.quantity),
                None => lines.push(LineRequest { sku, quantity: ordered.quantity, options }),
            }
        }
        for line in &lines {
            store::take_out_later_in(tx, owner, store, line).await?;
        }
        Ok(())
    }
}

/// Adds a line that has been looked at, and whose options are in order.
async fn put_in(tx: &mut Tx, owner: &Owner, store: &StoreId, line: &LineRequest) -> Result<LineId, OrderingError> {
    if let Some(id) = store::add_to_line_in(tx, owner, store, line).await? {
        return Ok(id);
    }
    match store::lines_in_cart(tx, owner, store, line).await? {
        (_, Some(there)) => Err(too_many(there)),
        (lines, None) if lines >= MAX_LINES as i64 => {
            Err(fault("", "too_many_lines", format!("A cart takes at most {MAX_LINES} different items.")))
        }
        (_, None) => Ok(store::add_line_in(tx, owner, store, line).await?),
    }
}

/// The faults of a quote of one line, as faults of that line.
fn at_line(Faults(mut faults): Faults) -> OrderingError {
    for fault in &mut faults {
        if let Some(below) = fault.pointer.strip_prefix("/lines/0") {
            fault.pointer = below.to_owned();
        }
    }
    OrderingError::Invalid(Faults(faults))
}

/// More of one item than a line takes, where there are so many of it already.
fn too_many(there: i64) -> OrderingError {
    let left = (MAX_QUANTITY - there).max(0);
    let detail = format!("There are {there} of it in the cart already, which has room for {left} more.");
    let fault = Fault::new("/quantity", "quantity_out_of_range", detail).with(Terms { there: Some(there), ..Terms::default() });
    OrderingError::Invalid(Faults(vec![fault]))
}

fn fault(pointer: &str, code: &str, detail: String) -> OrderingError {
    OrderingError::Invalid(Faults(vec![Fault::new(pointer, code, detail)]))
}
