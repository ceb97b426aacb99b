-- Answers of keyed requests, kept for a day.
create table request_key (
    caller text not null,
    method text not null,
    path text not null,
    key text not null,
    fingerprint text not null,
    status bigint not null,
    body text not null,
    created_at bigint not null,
    expires_at bigint not null,
    constraint request_key_pkey primary key (caller, method, path, key)
);
create index request_key_expires_at_idx on request_key (expires_at);

-- The hourly purge, due at once; it sets itself again each time.
insert into timer (kind, key, due, payload, next_at, attempts) values ('idempotency.purge', 'all', 0, 'null', 0, 0);
