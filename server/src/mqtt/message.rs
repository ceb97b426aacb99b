//! A message on its way to many: written once for each way it can look, and shared.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use domain::event::Sequence;
use serde::Deserialize;

use super::codec::{Packet1, Version};

/// One snapshot.
#[derive(Debug)]
pub(super) struct Message {
    pub topic: Arc<str>,
    /// Grows on each topic; see the contract.
    pub sequence: i64,
    payload: Bytes,
    /// By version, and retain flag or not.
    written: [Written; 4],
}

/// The packets of one look, written when the first one is sent.
#[derive(Debug, Default)]
struct Written {
    /// QoS 0: the same bytes for everybody.
    plain: OnceLock<Option<Bytes>>,
    /// QoS 1: the same but for the id.
    with_id: OnceLock<Option<Packet1>>,
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
        Ok(Self { topic: topic.into(), sequence, payload, written: Default::default() })
    }

    /// PUBLISH at QoS 0; `None` where no packet can carry it.
    pub(super) fn packet(&self, version: Version, retain: bool) -> Option<Bytes> {
        let written = &self.written[look(version, retain)].plain;
        written.get_or_init(|| version.publish(&self.topic, &self.payload, retain)).clone()
    }

    /// PUBLISH at QoS 1; `None` where no packet can carry it.
    pub(super) fn packet_with_id(&self, version: Version, retain: bool, id: u16) -> Option<Bytes> {
        let written = &self.written[look(version, retain)].with_id;
        written.get_or_init(|| version.publish_with_id(&self.topic, &self.payload, retain)).as_ref().map(|packet| packet.with(id))
    }
}

fn look(version: Version, retain: bool) -> usize {
    usize::from(version == Version::V5) * 2 + usize::from(retain)
}
