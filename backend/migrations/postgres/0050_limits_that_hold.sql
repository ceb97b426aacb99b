-- How many orders the phone of a deleted account had placed at a store on a day: a new account of it begins with them. Kept
-- until that day is over for certain.
create table orders_before (
    phone text not null,
    store text not null references store (id),
    day text not null,
    orders bigint not null constraint orders_before_orders_natural check (orders >= 0),
    kept_until bigint not null,
    primary key (phone, store, day)
);
create index orders_before_kept_until on orders_before (kept_until);

-- When each sign-in code of the last hour was asked for, by phone and by address.
create table code_request (
    id text not null primary key,
    key text not null,
    at bigint not null
);
create index code_request_key on code_request (key, at);
create index code_request_at on code_request (at);
