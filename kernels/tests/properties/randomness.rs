//! Addressed streams.

use longlab_kernels::stream::{Address, Purpose};
use proptest::prelude::*;

fn purpose() -> impl Strategy<Value = Purpose> {
    prop_oneof![Just(Purpose::World), Just(Purpose::Rollout), Just(Purpose::Eval), Just(Purpose::Test)]
}

fn address() -> impl Strategy<Value = Address> {
    // Small numbers, so that addresses often differ in a single field.
    (0u64..3, purpose(), 0u32..3, 0u64..3, 0u32..3, 0u32..3).prop_map(
        |(seed, purpose, step, sample, rollout, position)| {
            Address::new(seed, purpose).step(step).sample(sample).rollout(rollout).position(position)
        },
    )
}

proptest! {
    #[test]
    fn streams_are_equal_exactly_when_addresses_are(a in address(), b in address()) {
        let first = |address: Address| { let mut s = address.stream(); [s.bits(), s.bits()] };
        prop_assert_eq!(first(a) == first(b), a == b);
        prop_assert_eq!(a.key() == b.key(), a == b);
    }

    #[test]
    fn draws_stay_in_their_range(a in address(), n in 1usize..1000, low in -50i64..50, width in 0i64..100) {
        let mut stream = a.stream();
        for _ in 0..20 {
            prop_assert!((0.0..1.0).contains(&stream.uniform()));
            prop_assert!(stream.below(n) < n);
            prop_assert!((low..=low + width).contains(&stream.range(low..=low + width)));
            prop_assert!(stream.normal().is_finite());
        }
    }

    #[test]
    fn a_choice_is_distinct_and_in_range(a in address(), n in 0usize..60, share in 0.0..=1.0f64) {
        let k = (share * n as f64) as usize;
        let mut chosen = a.stream().choose_distinct(n, k);
        prop_assert_eq!(chosen.len(), k);
        chosen.sort_unstable();
        chosen.dedup();
        prop_assert!(chosen.len() == k && chosen.iter().all(|&i| i < n));
    }
}
