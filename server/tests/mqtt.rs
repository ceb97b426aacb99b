//! The MQTT gateway, by real clients and by bytes that no client would send.

#[path = "mqtt/asked.rs"]
mod asked;
#[path = "mqtt/board_gone.rs"]
mod board_gone;
#[path = "mqtt/clients.rs"]
mod clients;
#[path = "mqtt/conformance.rs"]
mod conformance;
#[path = "mqtt/frames.rs"]
mod frames;
#[path = "mqtt/fuzz.rs"]
mod fuzz;
#[path = "mqtt/hostile.rs"]
mod hostile;
#[path = "mqtt/nonsense.rs"]
mod nonsense;
#[path = "mqtt/rights.rs"]
mod rights;
#[path = "mqtt/stage.rs"]
mod stage;
#[path = "mqtt/strangers.rs"]
mod strangers;
#[path = "mqtt/table.rs"]
mod table;
#[path = "mqtt/upstream.rs"]
mod upstream;
