//! Content identifiers, beside those of `ipfs-unixfs-importer` (balanced layout, raw leaves, chunks of 256 KiB, 174 links).

use rewards::cid;

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
