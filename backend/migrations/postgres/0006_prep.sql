-- One hand-over of an order: a pick-up or a parcel. `lines` is what is to be made, as it was sold.
create table fulfilment (
    id text not null primary key,
    order_id text not null,
    store text not null,
    kind text not null,
    status text not null constraint fulfilment_status_known check
        (status in ('queued', 'making', 'ready', 'collected', 'prepared', 'packing', 'packed', 'shipped', 'failed')),
    number bigint not null,
    lines text not null,
    placed_at bigint not null,
    since bigint not null,
    claimed_by text,
    claimed_name text,
    started_at bigint,
    made_at bigint,
    reason text,
    constraint fulfilment_order_id_kind_key unique (order_id, kind)
);
create index fulfilment_lane on fulfilment (store, status, placed_at) where status in ('queued', 'making', 'ready');
-- For the pace of a store: what was made last.
create index fulfilment_made on fulfilment (store, made_at) where made_at is not null;
