-- What a kiosk's browser shows, so that its managers see of a wall and of a scanner apart whether it is there.
alter table token add column screen text constraint token_screen_known check (screen in ('wall', 'scanner'));
