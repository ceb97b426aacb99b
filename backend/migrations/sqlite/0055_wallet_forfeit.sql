-- What is left in a wallet whose owner has their data deleted, and lets it go, is moved to the account `forfeited`. A check
-- cannot be changed here, so the table is made anew.
drop view ledger_side;
create table ledger_transfer_new (
    id text not null primary key,
    -- Whose wallet it belongs to, which entry of it this is, and what is in it then.
    wallet text not null references wallet (account),
    entry bigint not null,
    balance_after bigint not null constraint ledger_transfer_never_overdrawn check (balance_after >= 0),
    kind text not null constraint ledger_transfer_kind_known check (kind in ('top_up', 'charge', 'refund', 'gift', 'forfeit')),
    -- What it is for: the same kind is booked once for the same reference.
    reference text not null,
    from_account text not null,
    to_account text not null,
    amount bigint not null constraint ledger_transfer_amount_positive check (amount > 0),
    currency text not null,
    order_id text,
    at bigint not null,
    constraint ledger_transfer_wallet_entry_key unique (wallet, entry),
    constraint ledger_transfer_kind_reference_key unique (kind, reference),
    constraint ledger_transfer_two_sides check (from_account <> to_account)
);
insert into ledger_transfer_new (id, wallet, entry, balance_after, kind, reference, from_account, to_account, amount, currency, order_id, at)
    select id, wallet, entry, balance_after, kind, reference, from_account, to_account, amount, currency, order_id, at from ledger_transfer;
drop table ledger_transfer;
alter table ledger_transfer_new rename to ledger_transfer;
create view ledger_side as
    select id as transfer, from_account as account, -amount as amount, currency, at from ledger_transfer
    union all
    select id as transfer, to_account as account, amount, currency, at from ledger_transfer;
