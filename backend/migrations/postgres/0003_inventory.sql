-- Units of a SKU in a store, where they are counted: `free = on_hand - held`. A SKU without a row is made to order.
create table stock (
    store text not null,
    sku text not null,
    on_hand bigint not null,
    held bigint not null constraint stock_held_natural check (held >= 0),
    received bigint not null constraint stock_received_natural check (received >= 0),
    adjusted bigint not null,
    returned bigint not null constraint stock_returned_natural check (returned >= 0),
    sold bigint not null constraint stock_sold_natural check (sold >= 0),
    primary key (store, sku),
    constraint stock_free_natural check (on_hand >= held),
    constraint stock_balanced check (received + adjusted + returned - sold = on_hand)
);

-- Units put aside for a checkout: `held` until it expires, `placed` while its payment runs, then `sold` or `released`;
-- what was sold may be `returned`.
create table hold (
    checkout text not null,
    store text not null,
    sku text not null,
    quantity bigint not null constraint hold_quantity_positive check (quantity > 0),
    state text not null constraint hold_state_known check (state in ('held', 'placed', 'sold', 'released', 'returned')),
    expires_at bigint,
    primary key (checkout, sku),
    foreign key (store, sku) references stock (store, sku),
    -- Only what is held for a checkout runs out.
    constraint hold_expiry check ((state = 'held') = (expires_at is not null))
);
create index hold_item on hold (store, sku, state);

-- Why the units on hand are as many as they are: the same numbers as in `stock`, movement by movement.
create table stock_movement (
    id text not null primary key,
    store text not null,
    sku text not null,
    kind text not null constraint stock_movement_kind_known check (kind in ('received', 'adjusted', 'returned', 'sold')),
    -- Positive, except for `adjusted`, which goes both ways.
    quantity bigint not null constraint stock_movement_quantity_signed check (quantity > 0 or (kind = 'adjusted' and quantity < 0)),
    reason text not null,
    actor text not null,
    at bigint not null,
    foreign key (store, sku) references stock (store, sku)
);
create index stock_movement_item on stock_movement (store, sku, at);
