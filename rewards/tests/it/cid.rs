//! Content identifiers, beside those of `ipfs-unixfs-importer` (balanced layout, raw leaves, chunks of 256 KiB, 174 links).

use rewards::cid;
use sha2::Digest;

/// A file that every language makes alike.
fn file(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (state >> 16) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn small_files_are_one_raw_block() {
    assert_eq!(cid::of(b""), "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
    assert_eq!(cid::of(&file(1)), "bafkreicjtfcgdvvumoipafgiyutvvbmr56dwi5qk7yttttxch5x34kcxpa");
    assert_eq!(cid::of(&file(262_144)), "bafkreifystqgug5z6myhn45jr6skxoe3mtdoshssgfvv6otctnc7wuaaia");
}

#[test]
fn larger_files_are_a_tree_of_blocks() {
    assert_eq!(cid::of(&file(262_145)), "bafybeiaetu4skxr5b4g57tk74tmreuhvuqs2fnmg6k5bhyravlup5cmeri");
    assert_eq!(cid::of(&file(1_000_000)), "bafybeiazwwvjus2lugt7dt6nmxahzwbn246krlac66qk53lghcxmkgntba");
}

#[test]
fn the_largest_files_are_a_tree_of_several_levels() {
    assert_eq!(cid::of(&file(45_613_056)), "bafybeicwidayukt3cqib3gp2iarc3eos3wrvrd6qwgqxpjgzsyeqwyp4im");
    assert_eq!(cid::of(&file(45_613_057)), "bafybeigtwrm5pazaljydsnx5nz6awis3nyds5zefiu6mbrmoq56yred43a");
    assert_eq!(cid::of(&file(60_000_000)), "bafybeibyfogquewi2qh7bima7s74ivx7bopurwdtzrwys5rulgkoazgfsm");
}

/// The blocks of an archive follow each other with their lengths, leaves first, and the root that it names is the last of them.
#[test]
fn an_archive_has_every_block_and_names_the_root() {
    let varint = |bytes: &mut &[u8]| {
        let (mut value, mut shift) = (0_usize, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    };
    for size in [0, 1, 262_144, 262_145, 1_000_000] {
        let archive = cid::car(&file(size));
        let mut rest = archive.as_slice();
        let length = varint(&mut rest);
        let (header, blocks) = rest.split_at(length);
        let root = &header[header.len() - 9 - 36..header.len() - 9];
        let (mut rest, mut leaves, mut last) = (blocks, Vec::new(), Vec::new());
        while !rest.is_empty() {
            let length = varint(&mut rest);
            let (block, others) = rest.split_at(length);
            let (id, bytes) = block.split_at(36);
            assert_eq!(id[4..], sha2::Sha256::digest(bytes)[..]);
            if id[1] == 0x55 {
                leaves.extend_from_slice(bytes);
            }
            (rest, last) = (others, id.to_vec());
        }
        assert_eq!(last, root, "{size}");
        assert!(leaves == file(size), "{size}");
    }
}
