-- How often the refund of a payment was told to have failed and was wanted again: each time it is another refund, with a key of
-- its own, for a key that has failed stays so at the provider. Kept as long as its payment, for the same reason.
create table payment_refund_failed (
    payment text not null primary key,
    times bigint not null constraint payment_refund_failed_times_positive check (times > 0)
);
