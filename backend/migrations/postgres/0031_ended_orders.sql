-- Orders that came to nothing, by day: few, so that the board's header can count them whenever its queue is told.
create index sales_order_ended on sales_order (store, day, status, reason, cancelled_by) where status in ('rejected', 'cancelled');
