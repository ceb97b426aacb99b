-- What went back of a payment: one row a refund, by the refund's own key, so that each is booked once. `payment.refunded` is
-- their sum: it is raised by one conditional update, and never above what was captured, whatever the program does.
create table payment_refund (
    key text not null primary key,
    payment text not null references payment (id),
    amount bigint not null constraint payment_refund_amount_positive check (amount > 0),
    at bigint not null
);
create index payment_refund_payment on payment_refund (payment);

alter table payment add column refunded bigint not null default 0 constraint payment_refunded_range check (
    refunded = 0 or (status = 'refunded' and refunded = amount)
    or (status = 'partially_refunded' and refunded > 0 and refunded < amount));
-- Until now all of it went back at once.
update payment set refunded = amount where status = 'refunded';
insert into payment_refund (key, payment, amount, at)
select 'refund-' || id, id, amount, updated_at from payment where status = 'refunded' and amount > 0;
