//! Addresses and draws: equal addresses draw alike, different ones have different keys, every draw lies where it says.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use longlab_fuzz::numbers::Number;
use longlab_kernels::stream::{Address, Purpose, Stream};

const PURPOSES: [Purpose; 5] = [Purpose::World, Purpose::Rollout, Purpose::Test, Purpose::Loss, Purpose::Merge];

#[derive(Debug)]
struct Place(Address);

impl<'a> Arbitrary<'a> for Place {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let purpose = *bytes.choose(&PURPOSES)?;
        let (seed, step, sample, rollout, position) = bytes.arbitrary()?;
        Ok(Place(Address { seed, purpose, step, sample, rollout, position }))
    }
}

#[derive(Arbitrary, Debug)]
enum Draw {
    Uniform,
    Normal,
    Below(u64),
    Signed(i64, i64),
    Unsigned(u64, u64),
    Narrow(i8, i8),
    Chance(Number),
    Shuffle(u8),
    Choose(u64, u8),
}

impl Draw {
    /// A draw as a number, checked.
    fn check(&self, stream: &mut Stream) -> u64 {
        match *self {
            Draw::Uniform => {
                let u = stream.uniform();
                inside(u, (0.0..1.0).contains(&u)).to_bits()
            }
            Draw::Normal => {
                let x = stream.normal();
                inside(x, x.is_finite()).to_bits()
            }
            Draw::Below(n) => {
                let n = n.max(1);
                let at = stream.below(n as usize) as u64;
                inside(at, at < n)
            }
            Draw::Signed(a, b) => {
                let (low, high) = (a.min(b), a.max(b));
                let at = stream.range(low..=high);
                inside(at, (low..=high).contains(&at)) as u64
            }
            Draw::Unsigned(a, b) => {
                let (low, high) = (a.min(b), a.max(b));
                let at = stream.range(low..=high);
                inside(at, (low..=high).contains(&at))
            }
            Draw::Narrow(a, b) => {
                let (low, high) = (a.min(b), a.max(b));
                let at = stream.range(low..=high);
                inside(at, (low..=high).contains(&at)) as u64
            }
            Draw::Chance(Number(p)) => {
                let yes = stream.chance(p);
                u64::from(inside(yes, if yes { p > 0.0 } else { p.is_nan() || p < 1.0 }))
            }
            Draw::Shuffle(size) => {
                let mut items: Vec<u8> = (0..size).collect();
                stream.shuffle(&mut items);
                let first = items.first().copied().unwrap_or_default();
                items.sort_unstable();
                u64::from(inside(first, items.into_iter().eq(0..size)))
            }
            Draw::Choose(n, k) => choose(stream, n as usize, usize::from(k)),
        }
    }
}

fn choose(stream: &mut Stream, n: usize, k: usize) -> u64 {
    let chosen = stream.choose_distinct(n, k.min(n));
    let mut sorted = chosen.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), k.min(n), "all different, as many as were asked for");
    assert!(sorted.last().is_none_or(|&last| last < n), "below {n}");
    chosen.first().copied().unwrap_or_default() as u64
}

fn inside<T>(value: T, holds: bool) -> T {
    assert!(holds, "a draw outside its range");
    value
}

fuzz_target!(|input: (Place, Place, Vec<Draw>)| {
    let (Place(one), Place(other), draws) = input;
    assert_eq!(one.key() == other.key(), one == other, "{one:?} {other:?}");
    let run = |address: Address| {
        let mut stream = address.stream();
        draws.iter().map(|draw| draw.check(&mut stream)).collect::<Vec<_>>()
    };
    assert_eq!(run(one), run(one), "the draws of an address are its own");
});
