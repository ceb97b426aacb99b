-- What is left in a wallet whose owner has their data deleted, and lets it go, is moved to the account `forfeited`.
alter table ledger_transfer drop constraint ledger_transfer_kind_known;
alter table ledger_transfer add constraint ledger_transfer_kind_known check (kind in ('top_up', 'charge', 'refund', 'gift', 'forfeit'));
