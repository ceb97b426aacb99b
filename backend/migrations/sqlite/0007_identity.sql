-- What signs cookies where ORDERLY_SECRET is not set: made once.
create table secret (
    name text not null primary key,
    value text not null,
    made_at bigint not null
);

-- People: shoppers with a phone, staff, and who a staff token is in the eyes of others.
create table account (
    id text not null primary key,
    name text not null,
    language text,
    created_at bigint not null
);

create table account_role (
    account text not null references account (id),
    role text not null,
    store text not null,
    primary key (account, role, store)
);

-- The staff of a store by name: adding the same name again is the same person.
create table staff (
    store text not null,
    name text not null,
    account text not null references account (id),
    primary key (store, name)
);

-- One-time sign-in codes, as a slow hash.
create table staff_code (
    hash text not null primary key,
    account text not null references account (id),
    expires_at bigint not null,
    used_at bigint
);

-- A guest's session has a row from its first mutation on. A row stays after its end, so that the cookie, whose
-- signature is still good, does not come back to life.
create table session (
    id text not null primary key,
    account text references account (id),
    created_at bigint not null,
    expires_at bigint not null,
    ended_at bigint
);

-- Bearer tokens, as SHA-256.
create table token (
    id text not null primary key,
    hash text not null constraint token_hash_key unique,
    name text not null,
    role text not null,
    store text,
    merchant text,
    kiosk text,
    account text references account (id),
    created_at bigint not null,
    revoked_at bigint
);
