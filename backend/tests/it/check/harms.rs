//! What can be broken, each with what has to be said of it.

/// What is done to the database, how it is undone, and which checks have to find it.
pub(super) struct Harm {
    pub checks: &'static [&'static str],
    /// A part of what has to be said about it.
    pub says: &'static str,
    pub does: &'static [&'static str],
    /// Restored tables have the rows of before; nothing else can be missed.
    pub tables: &'static [&'static str],
}

pub(super) const HARMS: &[Harm] = &[
    Harm { checks: &["ledger.wallets"], says: "it holds 1 after", does: &["update wallet set balance = 1"], tables: &["wallet"] },
    Harm {
        checks: &["ledger.wallets", "ledger.orders"],
        says: "the ledger has taken 0",
        does: &["delete from ledger_transfer where kind = 'charge'"],
        tables: &["ledger_transfer"],
    },
    Harm {
        checks: &["ledger.wallets"],
        says: "its movements up to number 1 come to 3300, and number 1 says 3301",
        does: &["update ledger_transfer set balance_after = balance_after + 1 where entry = 1"],
        tables: &["ledger_transfer"],
    },
    Harm {
        checks: &["ledger.sums"],
        says: "from nobody to nowhere",
        does: &["update ledger_transfer set from_account = 'nobody', to_account = 'nowhere' where kind = 'refund'"],
        tables: &["ledger_transfer"],
    },
    Harm {
        checks: &["ledger.top_ups"],
        says: "it is captured over 500, and the ledger has put 0",
        does: &["update ledger_transfer set kind = 'gift' where kind = 'top_up'"],
        tables: &["ledger_transfer"],
    },
    Harm {
        checks: &["ledger.top_ups"],
        says: "it is declined over 500, and the ledger has put 500",
        does: &["update top_up set status = 'declined'"],
        tables: &["top_up"],
    },
    Harm {
        checks: &["ledger.top_ups"],
        says: "there is no top-up elsewhere",
        does: &["update ledger_transfer set reference = 'elsewhere' where kind = 'top_up'"],
        tables: &["ledger_transfer"],
    },
    Harm {
        checks: &["orders.paid"],
        says: "and nothing is on its way back",
        does: &[
            "update payment set status = 'captured' where status = 'declined'",
            "update sales_order set saga_step = 'undo', saga_deadline = 9000000000000000 where status = 'rejected'",
        ],
        tables: &["payment", "sales_order"],
    },
    Harm {
        checks: &["orders.paid"],
        says: "and its payment is over 1",
        does: &["update payment set amount = 1 where method = 'card' and refunded = 0"],
        tables: &["payment"],
    },
    Harm {
        checks: &["orders.paid"],
        says: " USD, and its payment is over ",
        does: &["update payment set currency = 'EUR' where method = 'card'"],
        tables: &["payment"],
    },
    Harm {
        checks: &["orders.paid"],
        says: "of it went back, and its refunds come to 0",
        does: &["delete from payment_refund"],
        tables: &["payment_refund"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "has been under way since",
        does: &["update top_up set status = 'pending', begun_at = 5"],
        tables: &["top_up"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "should have been over at",
        does: &["update sales_order set saga_deadline = 5 where saga_step is not null"],
        tables: &["sales_order"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "its saga is over",
        does: &["update sales_order set saga_step = null, saga_deadline = null where status = 'created'"],
        tables: &["sales_order"],
    },
    Harm {
        checks: &["stock.balance", "stock.holds"],
        says: "of which 99 are held",
        does: &["update stock set held = 99 where sku = 'butter-croissant'"],
        tables: &["stock"],
    },
    Harm {
        checks: &["stock.movements"],
        says: "7 are received, the movements say",
        does: &["update stock set received = 7, adjusted = adjusted + received - 7 where sku = 'butter-croissant'"],
        tables: &["stock"],
    },
    Harm {
        checks: &["stock.movements"],
        says: "are sold, the movements say",
        does: &["delete from stock_movement where kind = 'sold'"],
        tables: &["stock_movement"],
    },
    Harm {
        checks: &["stock.holds", "holds.ended"],
        says: "its butter-croissant are released",
        does: &["update hold set state = 'released' where state = 'sold'"],
        tables: &["hold"],
    },
    Harm {
        checks: &["holds.ended", "places.held"],
        says: "it has ended in nothing, and its units are still held",
        does: &["update checkout set status = 'ended' where status = 'live'"],
        tables: &["checkout"],
    },
    Harm {
        checks: &["places.counted"],
        says: "places are counted",
        does: &["update store set active = active + 1 where id = 'harbor'"],
        tables: &["store"],
    },
    Harm {
        checks: &["places.counted", "places.held"],
        says: "it has no place",
        does: &["delete from place where kind = 'order'"],
        tables: &["place"],
    },
    Harm {
        checks: &["places.counted", "places.held"],
        says: "its order is not there",
        does: &["insert into place (store, kind, holder, taken_at) values ('harbor', 'order', 'nobody', 0)"],
        tables: &["place"],
    },
    Harm {
        checks: &["places.held"],
        says: "neither it nor what came of it has a place",
        does: &["insert into admission (id, owner, code, kiosk, store, state, expires_at) \
                 values ('00000000-0000-7000-8000-00000000000a', 'user:nobody', 'nothing', 'pier-1', 'pier', 'open', 9000000000000000)"],
        tables: &["admission"],
    },
    Harm {
        checks: &["checkouts.timed"],
        says: "it has no timer",
        does: &["delete from timer where kind = 'ordering.checkout_hold'"],
        tables: &["timer"],
    },
    Harm {
        checks: &["checkouts.timed"],
        says: "it is open, and its time has no timer",
        does: &["insert into admission (id, owner, code, kiosk, store, state, expires_at) \
                 values ('00000000-0000-7000-8000-00000000000a', 'user:nobody', 'nothing', 'pier-1', 'pier', 'open', 5)"],
        tables: &["admission"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "was due at 1970-01-01T00:00:00.005Z; nobody fires it",
        does: &[
            "insert into admission (id, owner, code, kiosk, store, state, expires_at) \
             values ('00000000-0000-7000-8000-00000000000a', 'user:nobody', 'nothing', 'pier-1', 'pier', 'open', 5)",
            "insert into timer (kind, key, due, payload, next_at, attempts) \
             values ('kiosk.admission_end', '00000000-0000-7000-8000-00000000000a', 5, 'null', 5, 0)",
        ],
        tables: &["admission", "timer"],
    },
    Harm {
        checks: &["orders.made"],
        says: "the bar has no time limit",
        does: &["delete from timer where kind = 'ordering.barista_limit'"],
        tables: &["timer"],
    },
    Harm {
        checks: &["orders.numbered"],
        says: "numbers from 1 to 42, and the last one given was",
        does: &["update sales_order set number = number + 40 where store = 'harbor' and number = 2"],
        tables: &["sales_order"],
    },
    Harm {
        checks: &["orders.numbered"],
        says: "the last one given was",
        does: &["update order_number set last = last - 1 where store = 'harbor'"],
        tables: &["order_number"],
    },
    Harm {
        checks: &["orders.paid", "orders.told"],
        says: "nothing is on its way back",
        does: &["update payment set status = 'captured' where status = 'refunded'"],
        tables: &["payment"],
    },
    Harm {
        checks: &["orders.paid"],
        says: "its payment is pending",
        does: &["update payment set status = 'pending' where status = 'captured'"],
        tables: &["payment"],
    },
    Harm {
        checks: &["orders.paid", "log.things"],
        says: "it has no payment",
        does: &["delete from payment where status = 'captured'"],
        tables: &["payment"],
    },
    Harm {
        checks: &["orders.made", "log.things"],
        says: "nothing is made for it",
        does: &["delete from fulfilment where status = 'queued'"],
        tables: &["fulfilment"],
    },
    Harm {
        checks: &["orders.told"],
        says: "the log has order.cancelled.v1 0 times",
        does: &["update event set type = 'order.fulfilled.v1' where type = 'order.cancelled.v1'"],
        tables: &["event"],
    },
    Harm {
        checks: &["accounts.empty"],
        says: "it is deleted, and there is a name",
        does: &["insert into account (id, name, created_at, deleted_at) values ('00000000-0000-7000-8000-000000000001', 'Ada', 0, 1)"],
        tables: &["account"],
    },
    Harm {
        checks: &["accounts.empty"],
        says: "it is deleted, and has a cart",
        does: &[
            "insert into account (id, name, created_at, deleted_at) values ('00000000-0000-7000-8000-000000000001', '', 0, 1)",
            "insert into cart_line (id, owner, store, sku, options, quantity, added_at) values ('00000000-0000-7000-8000-000000000002', \
             'user:00000000-0000-7000-8000-000000000001', 'harbor', 'butter-croissant', '[]', 1, 0)",
        ],
        tables: &["account", "cart_line"],
    },
    Harm {
        checks: &["log.things"],
        says: "there is no order",
        does: &["update payment set order_id = '00000000-0000-7000-8000-000000000000' where status = 'declined'"],
        tables: &["payment"],
    },
    Harm {
        checks: &["log.positions"],
        says: "events have positions from 1 to",
        does: &["update event set position = position + 1000 where type = 'order.fulfilled.v1'"],
        tables: &["event"],
    },
    Harm {
        checks: &["log.cursors"],
        says: "and the log ends at",
        does: &["update cursor set position = 100000 where subscriber = 'live'"],
        tables: &["cursor"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "no idea",
        does: &[
            "insert into parked (subscriber, position, stream, error, attempts, parked_at) values ('ordering.saga', 1, 'x', 'no idea', 1, 0)",
        ],
        tables: &["parked"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "given up after 9 attempts: never",
        does: &["insert into job (kind, key, payload, status, attempts, next_at, error, created_at) \
             values ('ordering.refund', 'x', 'null', 'dead', 9, 0, 'never', 0)"],
        tables: &["job"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "nobody fires it",
        does: &["insert into timer (kind, key, due, payload, next_at, attempts) values ('ordering.barista_limit', 'x', 5, 'null', 5, 0)"],
        tables: &["timer"],
    },
];

/// Where numbers are given in the transactions themselves, which run one after the other.
pub(super) const ON_SQLITE: Harm = Harm {
    checks: &["orders.numbered"],
    says: "it was placed after number",
    does: &[
        "update sales_order set number = -1 where store = 'harbor' and number = 1",
        "update sales_order set number = 1 where store = 'harbor' and number = 2",
        "update sales_order set number = 2 where store = 'harbor' and number = -1",
    ],
    tables: &["sales_order"],
};
