//! The interactive pieces. Each renders on the server what a plain page needs (links, forms), and comes alive in the
//! browser on that same markup: live numbers, totals while choosing, buttons that show their work.

mod admitted;
mod balance;
mod board;
mod board_tools;
mod cart;
mod checkout;
mod kiosk_board;
mod kiosk_display;
mod kiosk_scanner;
mod live_line;
mod live_menu;
mod local_time;
mod orders;
mod product_card;
mod product_form;
mod progress;
mod settings_watch;
mod staff_tabs;
mod store_status;
mod store_time;
mod ticket;
mod tracker;
mod waiting;

pub use admitted::{Admitted, NextCode};
pub use balance::Balance;
pub use board::{Board, open_switch};
pub use board_tools::Station;
pub use cart::CartBar;
pub use checkout::Checkout;
pub use kiosk_display::KioskDisplay;
pub use kiosk_scanner::{KioskScanner, Outcome};
pub use live_line::LiveLine;
pub use local_time::LocalTime;
pub use orders::OrderPill;
pub use product_card::{CardVariant, ProductCard};
pub use product_form::ProductForm;
pub use progress::{Step, data_status, headline, next_step, steps};
pub use settings_watch::SettingsWatch;
pub use staff_tabs::StaffTabs;
pub use store_status::{StoreNotice, StoreStatus, facts as store_facts};
pub use store_time::StoreTime;
pub use tracker::OrderTracker;
