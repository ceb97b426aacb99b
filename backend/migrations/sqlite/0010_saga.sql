-- Where an order's saga is, and until when that step should be over; both null when there is nothing left to be done.
-- `pay`: the payment runs. `confirm`: the shopper has to confirm it. `start`: it is paid, its fulfilments are to begin.
-- `undo`: the order has ended and its money is on the way back.
alter table sales_order add column saga_step text constraint sales_order_saga_step_known check (saga_step in ('pay', 'confirm', 'start', 'undo'));
alter table sales_order add column saga_deadline bigint;
create index sales_order_saga on sales_order (saga_deadline) where saga_step is not null;

-- What was under way before there were steps.
update sales_order set saga_step = 'pay', saga_deadline = updated_at where status = 'created';
