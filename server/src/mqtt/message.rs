//! A message on its way to many: written once for each way it can look, and shared.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use domain::event::Sequence;
use serde::Deserialize;

use super::codec::Version;

/// One snapshot.
#[derive(Debug)]
pub(super) struct Message {
    pub topic: Arc<str>,
    /// Grows on each topic; see the contract.
    pub sequence: i64,
    payload: Bytes,
    /// QoS 0 packets: by version, and retain flag or not.
    packets: [OnceLock<Bytes>; 4],
}

/// The payload is not a CloudEvent with a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a live message")]
pub struct NotLive;

impl Message {
    pub(super) fn new(topic: &str, payload: Bytes) -> Result<Self, NotLive> {
        #[derive(Deserialize)]
        struct Envelope {
            sequence: Sequence,
        }
        let Envelope { sequence: Sequence(sequence) } = serde_json::from_slice(&payload).map_err(|_| NotLive)?;
        Ok(Self { topic: topic.into(), sequence, payload, packets: Default::default() })
    }

    /// PUBLISH at QoS 0.
    pub(super) fn packet(&self, version: Version, retain: bool) -> Bytes {
        let which = usize::from(version == Version::V5) * 2 + usize::from(retain);
        self.packets[which].get_or_init(|| version.publish(&self.topic, &self.payload, retain, None)).clone()
    }

    /// PUBLISH at QoS 1: the id stands in the middle, so it is written for each receiver.
    pub(super) fn packet_with_id(&self, version: Version, retain: bool, id: u16) -> Bytes {
        version.publish(&self.topic, &self.payload, retain, Some(id))
    }
}
