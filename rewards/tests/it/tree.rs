//! Trees, their files and their proofs (spec sections 13, 20.2, 20.3 and 20.4).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, keccak256};
use rewards::{
    cid,
    tree::{self, Tree, TreeError, leaf, parent, verify},
};

use crate::fixture::{A, B, address, wei};

#[test]
fn vector_20_2_a_leaf() {
    let account = address("0xE4dDb4233513498b5aa79B98bEA473b01b101a67");
    let expected = "0xf653091b92ed0c143acbb679e6a1194b2ae6666249387dfff4ae61985eb02287";
    assert_eq!(leaf(account, U256::from(123)).to_string(), expected);
}

/// The trees that were published: file, root, CID.
const PUBLISHED: [(&str, &str, &str); 2] = [
    (
        r#"[["0x6717AcFA83BFc9855e3F68208f82E16Ad5948816","43870708845682237868613"],["0x91A1725A6430B2286833C6Da3628291E61f94a2D","975109785495948906202833"],["0x00000092efe40470C25228372310142836f1eDa6","65816286413787259017128"],["0x59B2cd4B349DECfcD86Ab4C66302498ce28aE968","1208196296782617292369"],["0xE209B1E7e1f655efa2D95C4eC5c50ECD6198a3Cd","2814133796373276137077881"],["0xa23842C61ca1e15bB148Ab13840768b87f04E642","1293512988310101558301"],["0x16BEC2D9A010e7D8b2D576d17893C52Ddbfe4C06","1063251050155437164729648"],["0x38d981c3c42B2ec8E9572F560552407D0F1279Fb","21617663430775576253223"]]"#,
        "0x8a237189c63dfcc8d65740eb8928539ea635ec913aef47588a472c89cb4f33fb",
        "bafkreibh6gurutmhxgopygg5oi446rguehhgwgv4xx2jusw3hlzku7qzzm",
    ),
    (
        r#"[["0x333333330123456789abCdEf0123456789aBcdEf","9529860000000000000000"],["0x222222220123456789abcDEf0123456789abcdeF","3686430000000000000000"],["0xE4dDb4233513498b5aa79B98bEA473b01b101a67","229667565920000000000"],["0x95EaBB0248D013b9F59c5D5256CE11b0a8140B54","74985661537434080000000000"],["0x444444440123456789abcdEf0123456789aBcDef","250082315035669847065200"],["0x777777770123456789Abcdef0123456789AbCdEf","414246600000000000000000"],["0x555555550123456789aBCdEf0123456789ABcDEf","62520578758917461766300"],["0x888888880123456789abCdEF0123456789ABcdEF","276164400000000000000000"],["0x111111110123456789abcdef0123456789AbCDEf","3836197755000000000000000"],["0x666666660123456789aBCdeF0123456789AbCDef","147671106205412691168500"],["0x999999990123456789aBCdEf0123456789AbcdeF","310750000000000000000"]]"#,
        "0x41f9ff21e8f74f7f0e8f0ef5dec38b18075b8849a08a6a281f66a181bc409e34",
        "bafkreicybmu5ce2ujt6cr5gwrhzkyxghfvaxodihadfq2cngryxokzotum",
    ),
];

#[test]
fn vector_20_3_published_trees() {
    for (file, root, cid) in PUBLISHED {
        let tree = Tree::parse(file.as_bytes()).unwrap();
        assert_eq!(tree.root().to_string(), root);
        assert_eq!(tree.to_json(), file, "the file is canonical");
        assert_eq!(cid::of(file.as_bytes()), cid);
        assert_eq!(Tree::new(&tree.amounts()).unwrap(), tree);
        all_proofs_hold(&tree);
    }
    assert_eq!(PUBLISHED.map(|(file, ..)| file.len()), [588, 807]);
}

#[test]
fn vector_20_4_one_leaf_is_its_own_root() {
    let account = Address::repeat_byte(0x11);
    let tree = Tree::of_pairs(&[(account, wei("1000000000000000000"))]).unwrap();
    assert_eq!(tree.root().to_string(), "0xf36a9bc707b8c91c86d1a5dc36d686add70eed9d74017f4fb6ce6b2c857f694f");
    assert!(tree.proof(0).is_empty());
    assert!(verify(leaf(account, wei("1000000000000000000")), &[], tree.root()));
}

#[test]
fn vector_20_4_five_leaves() {
    let leaves = [
        (
            "0x0505050505050505050505050505050505050505",
            "5000000000000000000",
            "0x3d76d1ab03e5a35dc1a9abb331544d8a085a40e2cf66defc73e8e342ec3dc2e7",
            3,
        ),
        (
            "0x0303030303030303030303030303030303030303",
            "3000000000000000000",
            "0x781b0c5b951c7c2a8ccb79a99f9411c7fa5e03e0204f0ccf1aebb82a431af178",
            3,
        ),
        (
            "0x0101010101010101010101010101010101010101",
            "1000000000000000000",
            "0x9ea647ca0ce5524e449cb4aebbb19c0553bed002a0afc6323c75448a3da1398f",
            3,
        ),
        (
            "0x0404040404040404040404040404040404040404",
            "4000000000000000000",
            "0xbe263b745964946c5df2b4d8c0d292230ba6c84f982a37234a22fab200a75b39",
            3,
        ),
        (
            "0x0202020202020202020202020202020202020202",
            "2000000000000000000",
            "0xd123f1e47c54be105e12414d06fcdd5a583ba6b10b6043d129a9288425ec41d9",
            1,
        ),
    ];
    let tree = Tree::of_pairs(&leaves.map(|(account, amount, ..)| (address(account), wei(amount)))).unwrap();
    assert_eq!(tree.root().to_string(), "0x0bd0ad8f4f0e891abeb01d6e5b17b6561c5e96451656fdcb1379c3634d93244a");
    for (place, ((leaf, ..), (_, _, expected, length))) in tree.entries().zip(leaves).enumerate() {
        assert_eq!((leaf.to_string().as_str(), tree.proof(place).len()), (expected, length));
    }
    all_proofs_hold(&tree);
}

fn all_proofs_hold(tree: &Tree) {
    for (place, (leaf, account, amount)) in tree.entries().enumerate() {
        let proof = tree.proof(place);
        assert!(verify(leaf, &proof, tree.root()));
        assert!(!verify(tree::leaf(account, amount + U256::ONE), &proof, tree.root()), "another amount");
        assert_eq!((tree.place(account), tree.amount(account)), (Some(place), Some(amount)));
    }
}

fn numbered(count: u64) -> Vec<(Address, U256)> {
    let account = |number: u64| Address::from_slice(&keccak256(number.to_be_bytes())[..20]);
    (0..count).map(|number| (account(number), U256::from(number + 1))).collect()
}

/// The definition, level by level.
fn slow_root(pairs: &[(Address, U256)]) -> B256 {
    let mut level: Vec<_> = pairs.iter().map(|(account, amount)| leaf(*account, *amount)).collect();
    level.sort();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| if pair.len() == 2 { parent(pair[0], pair[1]) } else { pair[0] }).collect();
    }
    level[0]
}

#[test]
fn trees_of_every_small_size() {
    for count in 1..70 {
        let pairs = numbered(count);
        let tree = Tree::of_pairs(&pairs).unwrap();
        assert_eq!((tree.len() as u64, tree.is_empty()), (count, false));
        assert_eq!(tree.root(), slow_root(&pairs), "{count} leaves");
        all_proofs_hold(&tree);
        assert_eq!(Tree::parse(tree.to_json().as_bytes()).unwrap(), tree);
    }
}

#[test]
fn a_tree_of_which_levels_are_hashed_in_parallel() {
    let pairs = numbered(9_001);
    let tree = Tree::of_pairs(&pairs).unwrap();
    assert_eq!(tree.root(), slow_root(&pairs));
    for place in [0, 1, 4_500, 8_999, 9_000] {
        let (leaf, ..) = tree.entries().nth(place).unwrap();
        assert!(verify(leaf, &tree.proof(place), tree.root()));
    }
}

#[test]
fn order_and_spelling_do_not_matter() {
    let mut pairs = numbered(20);
    let tree = Tree::of_pairs(&pairs).unwrap();
    pairs.reverse();
    assert_eq!(Tree::of_pairs(&pairs).unwrap(), tree);
    let amounts: BTreeMap<_, _> = pairs.into_iter().collect();
    assert_eq!(Tree::new(&amounts).unwrap(), tree);
    assert_eq!(Tree::parse(tree.to_json().to_lowercase().as_bytes()).unwrap(), tree);
}

#[test]
fn strangers_have_no_proof() {
    let tree = Tree::of_pairs(&numbered(20)).unwrap();
    assert_eq!((tree.place(A), tree.amount(A)), (None, None));
}

#[test]
fn what_is_no_tree() {
    assert_eq!(Tree::of_pairs(&[]), Err(TreeError::NoLeaves));
    assert_eq!(Tree::parse(b"[]"), Err(TreeError::NoLeaves));
    assert_eq!(
        Tree::of_pairs(&[(A, U256::ONE), (B, U256::ONE), (A, U256::from(2))]),
        Err(TreeError::RepeatedAccount(A))
    );
    let bad = |text: &str| Tree::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(bad(r#"[["0x11","1"]]"#), TreeError::BadEntry { entry: 0, .. }));
    assert!(matches!(bad(&format!(r#"[["{A}","1"],["{B}","-1"]]"#)), TreeError::BadEntry { entry: 1, .. }));
    assert!(matches!(bad(&format!(r#"[["{A}","{}0"]]"#, U256::MAX)), TreeError::BadEntry { entry: 0, .. }));
    assert!(matches!(bad(r#"[["0x11"]]"#), TreeError::NotATree(_)));
    assert!(matches!(bad(&format!(r#"[["{A}","1"]"#)), TreeError::NotATree(_)));
}
