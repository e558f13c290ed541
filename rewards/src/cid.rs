//! The content identifier of a file, as IPFS computes it when the file is added with CID version 1 (spec section 12.3).
//!
//! Up to 256 KiB a file is one raw block. A larger one is cut into raw leaves under a balanced tree of dag-pb nodes, 174 links each.

use sha2::{Digest, Sha256};

/// Bytes in a leaf.
const CHUNK: usize = 262_144;

/// Links in a node.
const LINKS: usize = 174;

const RAW: u8 = 0x55;
const DAG_PB: u8 = 0x70;

/// A block: what a link to it says.
#[derive(Clone, Copy)]
struct Block {
    codec: u8,
    digest: [u8; 32],
    /// Bytes of the file below it.
    file_size: u64,
    /// Bytes of all blocks below it, its own among them.
    total_size: u64,
}

impl Block {
    fn leaf(bytes: &[u8]) -> Self {
        let size = bytes.len() as u64;
        Self { codec: RAW, digest: Sha256::digest(bytes).into(), file_size: size, total_size: size }
    }

    /// A node over blocks, and its bytes.
    fn node(links: &[Self]) -> (Self, Vec<u8>) {
        let bytes = node_bytes(links);
        let block = Self {
            codec: DAG_PB,
            digest: Sha256::digest(&bytes).into(),
            file_size: links.iter().map(|link| link.file_size).sum(),
            total_size: links.iter().map(|link| link.total_size).sum::<u64>() + bytes.len() as u64,
        };
        (block, bytes)
    }

    /// CID version 1, sha2-256.
    fn cid(&self) -> [u8; 36] {
        let mut cid = [0; 36];
        cid[..4].copy_from_slice(&[1, self.codec, 0x12, 32]);
        cid[4..].copy_from_slice(&self.digest);
        cid
    }
}

/// The CID of a file, in its string form.
#[must_use]
pub fn of(bytes: &[u8]) -> String {
    base32(&blocks(bytes, |_, _| {}).cid())
}

/// A file as a content archive (CAR version 1): its blocks with its CID as the root, as IPFS nodes and pinning services take it.
#[must_use]
pub fn car(bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(bytes.len() + bytes.len() / 1_000 + 256);
    let root = blocks(bytes, |block, bytes| {
        varint(&mut body, (36 + bytes.len()) as u64);
        body.extend_from_slice(&block.cid());
        body.extend_from_slice(bytes);
    });
    // In CBOR: { "roots": [CID], "version": 1 }; a CID is tag 42 of 37 bytes, the first of which is 0.
    let header = [b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00", &root.cid()[..], b"\x67version\x01"].concat();
    let mut archive = Vec::with_capacity(header.len() + 2 + body.len());
    varint(&mut archive, header.len() as u64);
    archive.extend_from_slice(&header);
    archive.append(&mut body);
    archive
}

/// Cuts a file into blocks, tells each with its bytes, leaves first, and returns the topmost.
fn blocks(bytes: &[u8], mut each: impl FnMut(&Block, &[u8])) -> Block {
    let mut leaf = |chunk: &[u8]| {
        let block = Block::leaf(chunk);
        each(&block, chunk);
        block
    };
    if bytes.len() <= CHUNK {
        return leaf(bytes);
    }
    let mut level: Vec<_> = bytes.chunks(CHUNK).map(leaf).collect();
    while level.len() > 1 {
        let node = |links: &[Block]| {
            let (block, bytes) = Block::node(links);
            each(&block, &bytes);
            block
        };
        level = level.chunks(LINKS).map(node).collect();
    }
    level[0]
}

/// A dag-pb node: links first, then the UnixFS record of a file.
fn node_bytes(links: &[Block]) -> Vec<u8> {
    let mut node = Vec::new();
    for link in links {
        let mut entry = Vec::new();
        bytes_field(&mut entry, 1, &link.cid());
        bytes_field(&mut entry, 2, b""); // A link of a file has a name, and it is empty.
        varint_field(&mut entry, 3, link.total_size);
        bytes_field(&mut node, 2, &entry);
    }
    let mut file = Vec::new();
    varint_field(&mut file, 1, 2); // A file, not a folder.
    varint_field(&mut file, 3, links.iter().map(|link| link.file_size).sum());
    for link in links {
        varint_field(&mut file, 4, link.file_size);
    }
    bytes_field(&mut node, 1, &file);
    node
}

fn bytes_field(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint_field(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Multibase `b`: base32, lower case, no padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::from("b");
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = (buffer << 8 | u32::from(*byte)) & 0xffff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(ALPHABET[(buffer >> bits & 31) as usize].into());
        }
    }
    if bits > 0 {
        text.push(ALPHABET[(buffer << (5 - bits) & 31) as usize].into());
    }
    text
}
