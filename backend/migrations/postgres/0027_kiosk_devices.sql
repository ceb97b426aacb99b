-- A kiosk that is no longer in service: none of its codes lets anybody in.
alter table kiosk add column retired_at bigint;

-- One-time codes that make a screen a kiosk, as a slow hash. One a kiosk: a new one ends the one before.
create table pairing_code (
    kiosk text not null primary key references kiosk (id),
    hash text not null constraint pairing_code_hash_key unique,
    expires_at bigint not null,
    used_at bigint
);

create index token_store on token (store) where revoked_at is null;
create index token_kiosk on token (kiosk) where revoked_at is null and kiosk is not null;
