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
