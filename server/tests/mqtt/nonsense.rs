//! Packets that are right, nearly right and not at all, from a generator that makes the same ones for the same seed.

use crate::stage::{connect, packet, subscribe_with};

/// A generator of numbers (splitmix64): the same ones for the same seed.
pub struct Numbers(u64);

impl Numbers {
    /// A stream of its own for a connection, whatever the ones before it came to.
    pub fn of(seed: u64, connection: u64) -> Self {
        let mut numbers = Self(seed ^ connection.rotate_left(32));
        Self(numbers.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }
}

const FILTERS: [&str; 16] = [
    "v1/stores/harbor/status",
    "v1/stores/+/status",
    "v1/stores/harbor/queue",
    "v1/orders/00000000-0000-0000-0000-000000000001",
    "v1/orders/+",
    "v1/#",
    "#",
    "+/+/+/+",
    "a/#/b",
    "a+",
    "$SYS/#",
    "$share/g/v1/#",
    "",
    "/",
    "v1//",
    "v1/stores/\u{1F9CB}/status",
];

/// A packet that is right, of any kind; those that end a session are rare.
pub fn sound(numbers: &mut Numbers, level: u8) -> Vec<u8> {
    let id = [numbers.next() as u8, numbers.next() as u8];
    match numbers.below(60) {
        0 => connect(level, 60, Some("lin")),
        1 => vec![0xE0, 0],
        2..=24 => {
            let mut options = || {
                let qos = numbers.below(3) as u8;
                // No local, retain as published, retain handling: of 5.0 only.
                if level == 5 { qos | (numbers.below(4) as u8) << 2 | (numbers.below(3) as u8) << 4 } else { qos }
            };
            let options: Vec<_> = (0..4).map(|_| options()).collect();
            let filters: Vec<_> = options[..=numbers.below(4)].iter().map(|options| (*numbers.pick(&FILTERS), *options)).collect();
            let properties: &[u8] = if level == 5 && numbers.one_in(4) { &[38, 0, 1, b'a', 0, 1, b'b'] } else { &[] };
            subscribe_with(level, properties, &filters)
        }
        25..=36 => {
            let mut body = id.to_vec();
            if level == 5 {
                body.push(0);
            }
            let filter = numbers.pick(&FILTERS);
            body.extend((filter.len() as u16).to_be_bytes());
            body.extend(filter.as_bytes());
            packet(0xA2, &body)
        }
        37 | 38 => {
            let topic = numbers.pick(&FILTERS);
            let mut body = (topic.len() as u16).to_be_bytes().to_vec();
            body.extend(topic.as_bytes());
            if level == 5 {
                body.push(0);
            }
            body.extend(numbers.bytes(40));
            packet(0x30 | numbers.below(16) as u8, &body)
        }
        39..=46 => packet(0x40, &id),
        _ => vec![0xC0, 0],
    }
}

/// The same, broken in some way, or bytes of no kind at all.
pub fn broken(numbers: &mut Numbers, level: u8) -> Vec<u8> {
    let mut bytes = sound(numbers, level);
    match numbers.below(8) {
        0 => {
            let body = numbers.bytes(60);
            bytes = packet(numbers.next() as u8, &body);
        }
        1 => bytes = numbers.bytes(40),
        2 => bytes.truncate(numbers.below(bytes.len())),
        3 => {
            let at = numbers.below(bytes.len());
            bytes.insert(at, numbers.next() as u8);
        }
        4 => bytes[1] = numbers.next() as u8,
        5 => {
            let other = sound(numbers, 9 - level);
            let at = numbers.below(bytes.len());
            bytes.splice(at.., other);
        }
        _ => {
            for _ in 0..=numbers.below(3) {
                let at = numbers.below(bytes.len());
                bytes[at] ^= 1 << numbers.below(8);
            }
        }
    }
    bytes
}
