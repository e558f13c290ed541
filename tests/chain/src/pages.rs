//! The price of WASM memory (stylus-vm.md 4.6).

/// Pages of the frames now open, and the most there ever were, in one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pages {
    pub(crate) open: u16,
    pub(crate) ever: u16,
}

/// Prices of the chain's parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageModel {
    pub(crate) free: u16,
    pub(crate) gas: u16,
    /// Most pages that a transaction may have open, from ArbOS 59 on.
    pub(crate) limit: u16,
}

impl PageModel {
    /// Gas of opening `new` pages more: what nobody has, beyond the limit.
    pub(crate) fn cost(self, pages: Pages, new: u16) -> u64 {
        let open = pages.open.saturating_add(new);
        if open > self.limit {
            return u64::MAX;
        }
        let ever = pages.ever.max(open);
        if ever <= self.free {
            return 0;
        }
        let charged = |pages: u16| u64::from(pages.saturating_sub(self.free));
        let linear = (charged(open) - charged(pages.open)).saturating_mul(u64::from(self.gas));
        linear.saturating_add(exponential(ever) - exponential(pages.ever))
    }
}

impl Pages {
    /// Opens `new` pages.
    pub(crate) fn open(&mut self, new: u16) {
        self.open = self.open.saturating_add(new);
        self.ever = self.ever.max(self.open);
    }
}

/// What the high-water mark has cost so far; nobody can pay for more than 128 pages.
fn exponential(pages: u16) -> u64 {
    EXPONENTIAL.get(usize::from(pages)).copied().map_or(u64::MAX, u64::from)
}

/// 31,874,000^(p/128), as tabulated by the protocol.
const EXPONENTIAL: [u32; 129] = [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11, 12, 14, 17, 19, 22, 25, 29, 33, 38, 43, 50, 57, 65, 75,
    85, 98, 112, 128, 147, 168, 193, 221, 253, 289, 331, 379, 434, 497, 569, 651, 745, 853, 976, 1_117, 1_279, 1_463,
    1_675, 1_917, 2_194, 2_511, 2_874, 3_290, 3_765, 4_309, 4_932, 5_645, 6_461, 7_395, 8_464, 9_687, 11_087, 12_689,
    14_523, 16_621, 19_024, 21_773, 24_919, 28_521, 32_642, 37_359, 42_758, 48_938, 56_010, 64_104, 73_368, 83_971,
    96_106, 109_994, 125_890, 144_082, 164_904, 188_735, 216_010, 247_226, 282_953, 323_844, 370_643, 424_206, 485_509,
    555_672, 635_973, 727_880, 833_067, 953_456, 1_091_243, 1_248_941, 1_429_429, 1_636_000, 1_872_423, 2_143_012,
    2_452_704, 2_807_151, 3_212_820, 3_677_113, 4_208_502, 4_816_684, 5_512_756, 6_309_419, 7_221_210, 8_264_766,
    9_459_129, 10_826_093, 12_390_601, 14_181_199, 16_230_562, 18_576_084, 21_260_563, 24_332_984, 27_849_408,
    31_873_999,
];

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: PageModel = PageModel { free: 2, gas: 1_000, limit: u16::MAX };

    #[test]
    fn two_pages_are_free() {
        assert_eq!(MODEL.cost(Pages::default(), 2), 0);
        assert_eq!(MODEL.cost(Pages { open: 1, ever: 1 }, 1), 0);
    }

    #[test]
    fn the_third_page_costs_a_thousand() {
        assert_eq!(MODEL.cost(Pages { open: 2, ever: 2 }, 1), 1_000);
        assert_eq!(MODEL.cost(Pages::default(), 17), 15_008);
    }

    #[test]
    fn all_pages_cost_a_transaction() {
        assert_eq!(MODEL.cost(Pages::default(), 128), 31_999_998);
    }

    #[test]
    fn a_hundred_pages_beside_one_that_is_open() {
        assert_eq!(MODEL.cost(Pages { open: 1, ever: 1 }, 100), 932_066);
    }

    #[test]
    fn nobody_can_pay_for_the_first_page_beyond_128() {
        assert_eq!(MODEL.cost(Pages::default(), 129), u64::MAX);
        assert_eq!(MODEL.cost(Pages { open: 128, ever: 128 }, 1), u64::MAX - 31_873_999 + 1_000);
        assert_eq!(MODEL.cost(Pages { open: 2, ever: 2 }, u16::MAX), u64::MAX);
    }

    /// A frame that could not pay still leaves its mark; from then on the formula charges the linear part alone.
    #[test]
    fn beyond_a_mark_that_nobody_paid_growth_is_linear() {
        let mut pages = Pages::default();
        pages.open(200);
        pages.open = 0;
        assert_eq!(MODEL.cost(pages, 150), 148_000);
        assert_eq!(MODEL.cost(pages, 250), 248_000);
    }

    /// ArbOS 59: whatever the high-water mark says.
    #[test]
    fn a_limit_is_one_for_pages_that_cost_nothing_else() {
        let limited = PageModel { limit: 128, ..MODEL };
        let mut pages = Pages::default();
        pages.open(200);
        pages.open = 0;
        assert_eq!(limited.cost(pages, 128), MODEL.cost(pages, 128));
        assert_eq!(limited.cost(pages, 129), u64::MAX);
        assert_eq!(PageModel { limit: 1, ..MODEL }.cost(Pages::default(), 2), u64::MAX);
    }

    #[test]
    fn pages_used_before_cost_only_the_linear_part() {
        assert_eq!(MODEL.cost(Pages { open: 0, ever: 10 }, 10), 8_000);
    }
}
