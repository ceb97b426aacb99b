-- What a shopper said when they called an order off stands in their order alone, and goes from there with their account: the log is told
-- that they did it. Versions before wrote it there, too, and into what was to be handed over, and left it with the orders of those who
-- had their data deleted.
update event set data = jsonb_set(data::jsonb, '{reason}', 'null')::text
    where type = 'order.cancelled.v1'
    and stream in (select id from sales_order where cancelled_by = 'customer' and reason is not null);
update event set data = jsonb_set(data::jsonb, '{reason}', '"cancelled"')::text
    where type = 'shipment.failed.v1'
    and stream in (select id from sales_order where cancelled_by = 'customer' and reason is not null);
update fulfilment set reason = 'cancelled'
    where reason is not null
    and order_id in (select id from sales_order where cancelled_by = 'customer' and reason is not null);
update sales_order set reason = null
    where cancelled_by = 'customer' and reason is not null
    and owner in (select 'user:' || id from account where deleted_at is not null);
