//! How numbers lie in files, little-endian: f32, and the two of 16 bits.

use super::MergeError;

/// A kind of floating-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Format {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of an f32.
    Bf16,
}

impl Format {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Format::F32 => 4,
            Format::F16 | Format::Bf16 => 2,
        }
    }

    /// Widens the numbers of `bytes`, one for each of `into`; no width loses anything.
    ///
    /// # Panics
    /// If `bytes` holds fewer numbers than `into`.
    pub fn read(self, bytes: &[u8], into: &mut [f64]) {
        let bytes = &bytes[..into.len() * self.size()];
        match self {
            Format::F32 => widen(bytes, into, f32::from_le_bytes),
            Format::F16 => widen(bytes, into, |number| of_f16(u16::from_le_bytes(number))),
            Format::Bf16 => widen(bytes, into, |number| of_bf16(u16::from_le_bytes(number))),
        }
    }

    /// Appends each value, rounded once to the nearest number (the even one of two); NaN stays NaN.
    ///
    /// ```
    /// # use longlab_kernels::merge::Format;
    /// let mut bytes = Vec::new();
    /// // Just above the middle of two bf16: by way of f32 it would come to lie on the middle, and round down.
    /// Format::Bf16.write(&[1.0 + 2f64.powi(-8) + 2f64.powi(-40)], &mut bytes);
    /// let mut back = [0.0];
    /// Format::Bf16.read(&bytes, &mut back);
    /// assert_eq!(back, [1.0 + 2f64.powi(-7)]);
    /// ```
    pub fn write(self, values: &[f64], bytes: &mut Vec<u8>) {
        match self {
            Format::F32 => bytes.extend(values.iter().flat_map(|&value| (value as f32).to_le_bytes())),
            Format::F16 => bytes.extend(values.iter().flat_map(|&value| to_f16(value).to_le_bytes())),
            Format::Bf16 => bytes.extend(values.iter().flat_map(|&value| to_bf16(value).to_le_bytes())),
        }
    }

    /// The largest finite number.
    pub fn largest(self) -> f64 {
        match self {
            Format::F32 => f64::from(f32::MAX),
            Format::F16 => 65504.0,
            Format::Bf16 => f64::from(of_bf16(0x7f7f)),
        }
    }

    /// Checks that every number is finite.
    ///
    /// # Errors
    /// [`MergeError::NotFinite`] with `tensor` and the place counted from `from`.
    pub fn finite(self, tensor: &str, from: usize, bytes: &[u8]) -> Result<(), MergeError> {
        let fine = match self {
            Format::F32 => all(bytes, |number| u32::from_le_bytes(number) & 0x7f80_0000 != 0x7f80_0000),
            Format::F16 => all(bytes, |number| u16::from_le_bytes(number) & 0x7c00 != 0x7c00),
            Format::Bf16 => all(bytes, |number| u16::from_le_bytes(number) & 0x7f80 != 0x7f80),
        };
        if fine { Ok(()) } else { Err(self.offender(tensor, from, bytes)) }
    }

    fn offender(self, tensor: &str, from: usize, bytes: &[u8]) -> MergeError {
        let mut values = vec![0.0; bytes.len() / self.size()];
        self.read(bytes, &mut values);
        let place = values.iter().position(|value| !value.is_finite()).unwrap_or_default();
        MergeError::NotFinite { tensor: tensor.into(), place: from + place, value: values[place] }
    }
}

fn widen<const N: usize>(bytes: &[u8], into: &mut [f64], number: impl Fn([u8; N]) -> f32) {
    into.iter_mut().zip(bytes.as_chunks::<N>().0).for_each(|(value, &bytes)| *value = f64::from(number(bytes)));
}

/// Without an early end, so that the loop runs over vectors.
fn all<const N: usize>(bytes: &[u8], fine: impl Fn([u8; N]) -> bool) -> bool {
    bytes.as_chunks::<N>().0.iter().fold(true, |all, &number| all & fine(number))
}

fn of_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

fn of_f16(bits: u16) -> f32 {
    let (sign, rest) = (u32::from(bits & 0x8000) << 16, u32::from(bits & 0x7fff) << 13);
    // The exponents are 112 apart; a product sets them right for the smallest numbers too.
    let scaled = (f32::from_bits(rest) * f32::from_bits(0x7780_0000)).to_bits();
    let special = bits & 0x7c00 == 0x7c00;
    f32::from_bits(sign | if special { rest | 0x7f80_0000 } else { scaled })
}

/// The f32 next to the value towards 0, its last bit set if anything was lost: rounding it again is as good as rounding
/// the value (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding
/// to odd").
fn to_odd(value: f64) -> u32 {
    let near = value as f32;
    let back = f64::from(near);
    let away = back.abs() > value.abs();
    (near.to_bits() - u32::from(away)) | u32::from(back != value)
}

fn to_bf16(value: f64) -> u16 {
    let bits = to_odd(value);
    if value.is_nan() {
        // Adding would carry the last of them past infinity, to 0.
        return (bits >> 16) as u16 | 0x0040;
    }
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

fn to_f16(value: f64) -> u16 {
    let bits = to_odd(value);
    let (sign, size) = ((bits >> 16 & 0x8000) as u16, bits & 0x7fff_ffff);
    let rounded = if value.is_nan() {
        0x7e00
    } else if size >= 0x4780_0000 {
        0x7c00
    } else if size >= 0x3880_0000 {
        (size - 0x3800_0000 + 0xfff + (size >> 13 & 1)) >> 13
    } else {
        // Below the smallest normal number steps are 2^-24, as those of an f32 in 0.5..1 are: adding 0.5 rounds.
        (f32::from_bits(size) + 0.5).to_bits() - 0.5f32.to_bits()
    };
    sign | rounded as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(format: Format, value: f64) -> f64 {
        let (mut bytes, mut values) = (Vec::new(), [0.0]);
        format.write(&[value], &mut bytes);
        format.read(&bytes, &mut values);
        values[0]
    }

    /// Every finite number of 16 bits comes back, and what lies between two goes to the nearer one, or the even one.
    #[test]
    fn sixteen_bits_round_to_nearest_even() {
        for format in [Format::F16, Format::Bf16] {
            let number = |bits: u16| {
                let mut value = [0.0];
                format.read(&bits.to_le_bytes(), &mut value);
                value[0]
            };
            for bits in (0..0x7fff).take_while(|&bits| number(bits + 1).is_finite()) {
                let (low, high) = (number(bits), number(bits + 1));
                let middle = low + (high - low) / 2.0;
                let even = if bits % 2 == 0 { low } else { high };
                let step = (high - low) * 2f64.powi(-40);
                let expected = [(low, low), (middle - step, low), (middle, even), (middle + step, high)];
                for (value, rounded) in expected {
                    assert_eq!(
                        (back(format, value), back(format, -value)),
                        (rounded, -rounded),
                        "{format:?} {value:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_too_large_becomes_infinite() {
        for format in [Format::F32, Format::F16, Format::Bf16] {
            let most = format.largest();
            assert_eq!((back(format, most), back(format, -most)), (most, -most));
            assert_eq!((back(format, most * 1.01), back(format, -1e300)), (f64::INFINITY, f64::NEG_INFINITY));
        }
        assert_eq!((back(Format::F16, 65519.9), back(Format::F16, 65520.0)), (65504.0, f64::INFINITY));
    }

    #[test]
    fn numbers_that_are_none_are_found() {
        for (format, bad) in [(Format::F32, f64::NAN), (Format::F16, 1e9), (Format::Bf16, f64::NEG_INFINITY)] {
            let mut bytes = Vec::new();
            format.write(&[1.0, -2.0], &mut bytes);
            assert_eq!(format.finite("w", 0, &bytes), Ok(()));
            if bad.is_nan() {
                bytes.extend(f32::NAN.to_le_bytes())
            } else {
                format.write(&[bad], &mut bytes)
            }
            let error = format.finite("w", 10, &bytes).unwrap_err();
            assert!(matches!(error, MergeError::NotFinite { place: 12, .. }), "{error}");
        }
        assert!(of_f16(0x7c01).is_nan() && of_f16(0xfc00) == f32::NEG_INFINITY);
    }
}
