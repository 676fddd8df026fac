//! Numbers and columns drawn from a fuzzer's bytes.

use arbitrary::{Arbitrary, Result, Unstructured};

/// Numbers that break things.
const ODD: [f64; 20] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    1.0,
    -1.0,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    1e-4,
    -1e4,
    1e154,
    -1e154,
    3.4e38,
    1e-45,
    65520.0,
    1e16,
];

/// Any number; those that break things come often, and most are small and cost one byte.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f64);

impl<'a> Arbitrary<'a> for Number {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let kind: u8 = bytes.arbitrary()?;
        Ok(Number(match kind % 4 {
            0 => ODD[usize::from(kind / 4) % ODD.len()],
            1 => f64::from_bits(bytes.arbitrary()?),
            _ => small(bytes)?,
        }))
    }
}

/// A multiple of 1/16 from -8 to 8.
pub fn small(bytes: &mut Unstructured<'_>) -> Result<f64> {
    Ok(f64::from(bytes.arbitrary::<i8>()?) / 16.0)
}

/// Any number, or a small one.
pub fn number(bytes: &mut Unstructured<'_>, wild: bool) -> Result<f64> {
    if wild { Ok(bytes.arbitrary::<Number>()?.0) } else { small(bytes) }
}

/// So many of them.
pub fn numbers(bytes: &mut Unstructured<'_>, count: usize, wild: bool) -> Result<Vec<f64>> {
    (0..count).map(|_| number(bytes, wild)).collect()
}

/// `len`, and now and then another length up to 7.
pub fn about(bytes: &mut Unstructured<'_>, len: usize) -> Result<usize> {
    if bytes.ratio(1, 24)? { bytes.int_in_range(0..=7) } else { Ok(len) }
}

/// One of a few indices for each of so many rollouts.
pub fn indices(bytes: &mut Unstructured<'_>, count: usize) -> Result<Vec<usize>> {
    (0..count).map(|_| Ok(usize::from(bytes.arbitrary::<u8>()? % 4))).collect()
}

/// The lengths of up to six rows of up to seven numbers.
pub fn lengths(bytes: &mut Unstructured<'_>) -> Result<Vec<usize>> {
    let rows = bytes.int_in_range(0..=6)?;
    (0..rows).map(|_| bytes.int_in_range(0..=7)).collect()
}

/// Rows of about these lengths.
pub fn rows(bytes: &mut Unstructured<'_>, lengths: &[usize], wild: bool) -> Result<Vec<Vec<f64>>> {
    let count = about(bytes, lengths.len())?;
    let row = |i: usize, bytes: &mut Unstructured<'_>| {
        let length = about(bytes, lengths.get(i).copied().unwrap_or(1))?;
        numbers(bytes, length, wild)
    };
    (0..count).map(|i| row(i, bytes)).collect()
}

/// Rows of single precision.
pub fn narrow(rows: &[Vec<f64>]) -> Vec<Vec<f32>> {
    rows.iter().map(|row| row.iter().map(|&value| value as f32).collect()).collect()
}

/// Equal bits, or both NaN.
pub fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// [`same`] of every number.
pub fn all_same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| same(f64::from(a), f64::from(b)))
}
