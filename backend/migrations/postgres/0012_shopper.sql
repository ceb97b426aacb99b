-- Shoppers are known by their phone, of which only a keyed hash and the last two digits are kept.
create table phone (
    hash text not null primary key,
    account text not null constraint phone_account_key unique references account (id),
    ending text not null,
    added_at bigint not null
);

-- The newest sign-in code of a phone: one a phone, so a new one ends the one before. The code itself is not kept, it is
-- made anew from the row's id and the shop's secret. `number` is there only until the message has left the house.
create table sign_in_code (
    phone text not null primary key,
    id text not null constraint sign_in_code_id_key unique,
    number text,
    language text not null,
    tries bigint not null constraint sign_in_code_tries_range check (tries between 0 and 3),
    expires_at bigint not null,
    ended_at bigint
);

-- How often somebody may ask: buckets that fill up evenly. `free_at`: when the bucket is full again.
create table throttle (
    key text not null primary key,
    free_at bigint not null
);

-- A shopper's session lives on while it is used; a shift does not.
alter table session add column slides boolean not null default false;
-- When it was last renewed, and what kind of browser it is, for its owner to recognise.
alter table session add column seen_at bigint;
alter table session add column device text;
create index session_account on session (account) where account is not null;

-- When its owner had it deleted: nothing personal is left in it.
alter table account add column deleted_at bigint;

-- The hourly purge, due at once; it sets itself again each time.
insert into timer (kind, key, due, payload, next_at, attempts) values ('identity.purge', 'all', 0, 'null', 0, 0);
