-- What a shopper has paid in advance. The balance is changed by one conditional update in the transaction of the transfer
-- that explains it, and cannot fall below zero. `entries` counts the transfers and grows with each.
create table wallet (
    account text not null primary key,
    currency text not null constraint wallet_currency_code check (length(currency) = 3),
    balance bigint not null constraint wallet_never_overdrawn check (balance >= 0),
    entries bigint not null constraint wallet_entries_natural check (entries >= 0),
    opened_at bigint not null
);

-- The ledger. One row is one movement with both its sides, so that they sum to zero whatever happens: `amount` leaves
-- `from_account` and arrives in `to_account`. Accounts: `wallet:USER`, `sales:STORE`, `clearing:card`, `gifts`.
create table ledger_transfer (
    id text not null primary key,
    -- Whose wallet it belongs to, which entry of it this is, and what is in it then.
    wallet text not null references wallet (account),
    entry bigint not null,
    balance_after bigint not null constraint ledger_transfer_never_overdrawn check (balance_after >= 0),
    kind text not null constraint ledger_transfer_kind_known check (kind in ('top_up', 'charge', 'refund', 'gift')),
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

-- The two sides of every transfer, for sums over accounts.
create view ledger_side as
    select id as transfer, from_account as account, -amount as amount, currency, at from ledger_transfer
    union all
    select id as transfer, to_account as account, amount, currency, at from ledger_transfer;

-- Money that a card brings into a wallet. `request` is a digest of the caller's request key: the same request is one
-- top-up. `token` is encrypted, and there only until the charge has ended.
create table top_up (
    id text not null primary key,
    account text not null,
    request text not null constraint top_up_request_key unique,
    fingerprint text not null,
    amount bigint not null constraint top_up_amount_positive check (amount > 0),
    currency text not null,
    status text not null constraint top_up_status_known check (status in ('pending', 'captured', 'declined', 'voided')),
    token text,
    reference text,
    reason text,
    begun_at bigint not null,
    ended_at bigint
);
