-- The one charge of an order. `token` is there only until the charge has ended. `unwanted`: the order ended before the
-- charge did, so whatever still comes of it goes back.
create table payment (
    id text not null primary key,
    order_id text not null constraint payment_order_id_key unique,
    method text not null,
    status text not null constraint payment_status_known check
        (status in ('pending', 'action_required', 'captured', 'declined', 'voided', 'partially_refunded', 'refunded')),
    amount bigint not null constraint payment_amount_range check (amount >= 0),
    currency text not null,
    token text,
    reference text,
    action_url text,
    unwanted boolean not null,
    updated_at bigint not null
);
