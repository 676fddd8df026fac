//! How tensors are stored.

/// A way in which the numbers of a tensor are stored, in blocks along its rows.
///
/// ```
/// use longlab::lm::gguf::Kind;
/// // 256 numbers of 4 bits, 12 bytes of scales and two half floats.
/// assert_eq!((Kind::Q4K.block(), Kind::Q4K.bytes()), (256, 144));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are ggml's")]
pub enum Kind {
    F32,
    F16,
    Bf16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
    /// Known by its size only: such a file can be described, the numbers cannot be read.
    Other(Other),
}

/// A stored type whose numbers are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Other {
    number: u32,
    name: &'static str,
    block: usize,
    bytes: usize,
}

/// ggml's number, name, numbers a block, bytes a block.
const OTHERS: [(u32, &str, usize, usize); 21] = [
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
];

impl Kind {
    /// By ggml's number.
    pub fn from_number(number: u32) -> Option<Kind> {
        Some(match number {
            0 => Kind::F32,
            1 => Kind::F16,
            2 => Kind::Q4_0,
            3 => Kind::Q4_1,
            6 => Kind::Q5_0,
            7 => Kind::Q5_1,
            8 => Kind::Q8_0,
            12 => Kind::Q4K,
            13 => Kind::Q5K,
            14 => Kind::Q6K,
            30 => Kind::Bf16,
            _ => {
                let &(number, name, block, bytes) = OTHERS.iter().find(|other| other.0 == number)?;
                Kind::Other(Other { number, name, block, bytes })
            }
        })
    }

    /// ggml's name.
    pub fn name(self) -> &'static str {
        self.traits().0
    }

    /// Numbers a block.
    pub fn block(self) -> usize {
        self.traits().1
    }

    /// Bytes a block.
    pub fn bytes(self) -> usize {
        self.traits().2
    }

    /// Bytes of so many numbers, whole blocks of them; none if there are too many to count, or a block would be cut.
    pub fn size(self, numbers: u64) -> Option<u64> {
        let block = self.block() as u64;
        if numbers.is_multiple_of(block) { (numbers / block).checked_mul(self.bytes() as u64) } else { None }
    }

    fn traits(self) -> (&'static str, usize, usize) {
        match self {
            Kind::F32 => ("F32", 1, 4),
            Kind::F16 => ("F16", 1, 2),
            Kind::Bf16 => ("BF16", 1, 2),
            Kind::Q4_0 => ("Q4_0", 32, 18),
            Kind::Q4_1 => ("Q4_1", 32, 20),
            Kind::Q5_0 => ("Q5_0", 32, 22),
            Kind::Q5_1 => ("Q5_1", 32, 24),
            Kind::Q8_0 => ("Q8_0", 32, 34),
            Kind::Q4K => ("Q4_K", 256, 144),
            Kind::Q5K => ("Q5_K", 256, 176),
            Kind::Q6K => ("Q6_K", 256, 210),
            Kind::Other(other) => (other.name, other.block, other.bytes),
        }
    }
}
