-- When a kiosk's screen was last connected: its managers see whether it is alive.
alter table token add column seen_at bigint;
