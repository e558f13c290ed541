//! Sampling instants (spec sections 5 and 19.6).

use alloy_primitives::B256;
use rewards::{
    epoch,
    sampling::{Instants, Punctuality, Sampling, WrongSecret, commitment, link, links_of, offset_ms},
};

const SECRET: B256 = B256::repeat_byte(0x11);

fn instants(sampling: &Sampling) -> Result<Instants, WrongSecret> {
    Instants::of(18, epoch::start_ms(18).unwrap(), sampling)
}

fn revealed() -> Sampling {
    Sampling { commitment: Some(commitment(SECRET)), secret: Some(SECRET), tolerance_ms: 250, hours: None }
}

#[test]
fn vector_19_6() {
    let expected = "0x8971007b76d1a49538f2767c74b03ec769bc0adbef245ebf41714e58788f2392";
    assert_eq!(commitment(SECRET).to_string(), expected);
    assert_eq!(epoch::start_ms(18), Some(1_671_548_400_000));
    let instants = instants(&revealed()).unwrap();
    for (minute, market, offset, time) in [
        (0, "BTC-USD", 125, 1_671_548_400_125),
        (1, "BTC-USD", 11_947, 1_671_548_471_947),
        (40_319, "BTC-USD", 46_388, 1_673_967_586_388),
        (0, "ETH-USD", 13_900, 1_671_548_413_900),
    ] {
        assert_eq!(offset_ms(SECRET, 18, minute, market), offset);
        assert_eq!(instants.instant_ms(minute, market), Some(time));
    }
}

#[test]
fn a_secret_must_be_the_one_committed_to() {
    let sampling = Sampling { secret: Some(B256::repeat_byte(0x12)), ..revealed() };
    let expected = WrongSecret { published: commitment(SECRET), found: commitment(B256::repeat_byte(0x12)) };
    assert_eq!(instants(&sampling), Err(expected));
    assert!(instants(&Sampling { secret: None, ..revealed() }).is_ok());
    assert!(instants(&Sampling { commitment: None, ..revealed() }).is_ok());
}

#[test]
fn samples_are_compared_with_their_instant() {
    let instants = instants(&revealed()).unwrap();
    let at = 1_671_548_471_947;
    let found = |time| instants.punctuality(1, "BTC-USD", time);
    assert_eq!(found(at), Punctuality::Exact);
    assert_eq!([at - 1, at + 1, at - 250, at + 250].map(found), [Punctuality::Close; 4]);
    assert_eq!([at - 251, at + 251, 0, u64::MAX].map(found), [Punctuality::Off; 4]);
    assert!(instants.are_known());
}

#[test]
fn without_a_secret_any_instant_of_the_minute_will_do() {
    let instants = instants(&Sampling { tolerance_ms: 250, ..Sampling::default() }).unwrap();
    assert!(!instants.are_known());
    assert_eq!(instants.instant_ms(1, "BTC-USD"), None);
    assert_eq!(instants.punctuality(1, "BTC-USD", 0), Punctuality::Exact);
    let start = 1_671_548_460_000;
    assert_eq!(instants.bounds_ms(1), (start - 250, start + 59_999 + 250));
}

#[test]
fn offsets_lie_in_their_minute_and_spread_over_it() {
    let mut seconds = [0; 60];
    for minute in 0..epoch::MINUTES {
        seconds[(offset_ms(SECRET, 18, minute, "SOL-USD") / 1000) as usize] += 1;
    }
    // 672 expected in each; 5 standard deviations are 130.
    assert!(seconds.iter().all(|count| (542..802).contains(count)), "{seconds:?}");
}

#[test]
fn the_record_is_read_with_its_default() {
    let sampling: Sampling = serde_json::from_str("{}").unwrap();
    assert_eq!(sampling, Sampling { tolerance_ms: 250, ..Sampling::default() });
    assert!(serde_json::from_str::<Sampling>(r#"{"tolerance":1}"#).is_err());
}

#[test]
fn epochs_tile_time() {
    assert_eq!(epoch::of_second(epoch::FIRST_EPOCH_START - 1), None);
    assert_eq!(epoch::of_second(epoch::FIRST_EPOCH_START), Some(0));
    assert_eq!(epoch::of_second(1_671_548_399), Some(17));
    assert_eq!(epoch::of_second(1_671_548_400), Some(18));
    assert_eq!(epoch::start_ms(u64::MAX), None);
}

#[test]
fn a_link_shows_the_hours_before_it_and_none_after_it() {
    let start = epoch::start_ms(18).unwrap();
    assert_eq!([1, 60, 61, epoch::MINUTES].map(links_of), [1, 1, 2, 672]);
    let open = Sampling { hours: Some(672), tolerance_ms: 250, ..Sampling::default() };
    let sampling = Sampling { commitment: Some(open.commitment_to(SECRET)), ..open };
    let all = Instants::of(18, start, &Sampling { secret: Some(SECRET), ..sampling.clone() }).unwrap();
    assert!(all.are_known());
    // The last hour's link is the secret itself; the one before is its hash, and decides the minutes of its hour.
    let before = link(SECRET, 671, 670).unwrap();
    assert_eq!((link(SECRET, 671, 671), link(SECRET, 670, 671)), (Some(SECRET), None));
    let offset = |minute, secret| offset_ms(secret, 18, minute, "BTC-USD") + start + u64::from(minute) * 60_000;
    assert_eq!(all.instant_ms(40_319, "BTC-USD"), Some(offset(40_319, SECRET)));
    assert_eq!(all.instant_ms(670 * 60 + 59, "BTC-USD"), Some(offset(670 * 60 + 59, before)));
    assert_ne!(commitment(SECRET), sampling.commitment.unwrap());
    // Who holds the link of hour 23 knows the first day, and nothing of the second.
    let day = Instants::until(18, start, &sampling, 23, link(SECRET, 671, 23).unwrap()).unwrap();
    assert_eq!(day.instant_ms(1439, "BTC-USD"), all.instant_ms(1439, "BTC-USD"));
    assert_eq!(day.instant_ms(0, "BTC-USD"), all.instant_ms(0, "BTC-USD"));
    assert_eq!((day.instant_ms(1440, "BTC-USD"), day.punctuality(1440, "BTC-USD", 0)), (None, Punctuality::Exact));
    // A link of another hour, or another chain, does not lead to what was committed to.
    assert!(Instants::until(18, start, &sampling, 22, link(SECRET, 671, 23).unwrap()).is_err());
    assert!(Instants::until(18, start, &sampling, 23, SECRET).is_err());
    assert!(Instants::of(18, start, &Sampling { secret: Some(before), ..sampling }).is_err());
}
