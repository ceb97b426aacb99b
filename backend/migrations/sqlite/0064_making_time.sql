-- How long each product took, of the tickets that were made last: `last` is JSON, the newest first, each with the fulfilment that it was
-- and the milliseconds that one piece took. It begins empty: a store's times come with what it makes from now on.
create table making_time (
    store text not null,
    product text not null,
    name text not null,
    last text not null,
    made_at bigint not null,
    constraint making_time_pkey primary key (store, product)
);
create index making_time_made on making_time (store, made_at);
