-- What a shopper has put into the cart of a store: nothing is held, nothing is promised. `options` is a sorted JSON list,
-- so that the same item with the same options is one line.
create table cart_line (
    id text not null primary key,
    owner text not null,
    store text not null,
    sku text not null,
    options text not null,
    quantity bigint not null constraint cart_line_quantity_range check (quantity between 1 and 99),
    added_at bigint not null,
    constraint cart_line_owner_store_sku_options_key unique (owner, store, sku, options)
);

-- Lines held for a shopper at locked prices. `live` ends once: in an order, or in nothing.
create table checkout (
    id text not null primary key,
    owner text not null,
    store text not null,
    status text not null constraint checkout_status_known check (status in ('live', 'placed', 'ended')),
    fulfilment text not null,
    quote text not null,
    begun_at bigint not null,
    expires_at bigint not null
);
-- One live checkout of a shopper and store.
create unique index checkout_owner_store_key on checkout (owner, store) where status = 'live';

-- The last order number that a store gave on a day of its own time zone.
create table order_number (
    store text not null,
    day text not null,
    last bigint not null,
    primary key (store, day)
);

-- An order. `version` grows with everything that its shopper could see of it.
create table sales_order (
    id text not null primary key,
    store text not null,
    day text not null,
    number bigint not null,
    owner text not null,
    checkout text not null constraint sales_order_checkout_key unique,
    fulfilment text not null,
    quote text not null,
    status text not null constraint sales_order_status_known
        check (status in ('created', 'processed', 'fulfilled', 'rejected', 'cancelled')),
    reason text,
    cancelled_by text,
    version bigint not null,
    placed_at bigint not null,
    updated_at bigint not null,
    constraint sales_order_store_day_number_key unique (store, day, number)
);
create index sales_order_owner on sales_order (owner, id);
create index sales_order_created on sales_order (store) where status = 'created';
