//! Recipes over tensors in memory: refused with a typed error, or merged as the plain definitions have it, to the last bit.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use longlab_fuzz::numbers::{Number, about, number, numbers};
use longlab_kernels::merge::{Format, MergeError, Sce, SceReading, Task, Tensors, Trim, linear};
use longlab_kernels::stream::{Address, Purpose};
use plain::Plain;

/// The recipes place by place, as the properties hold them against the streaming ones too.
#[allow(dead_code, missing_docs)]
#[path = "../../tests/properties/plain.rs"]
mod plain;

#[derive(Debug)]
struct Input {
    base: Vec<f64>,
    models: Vec<Vec<f64>>,
    weights: Vec<f64>,
    task: Task,
    sce: Sce,
    single: bool,
}

/// A few numbers over and over; every so often one is a little different, so that places differ.
fn tensor(bytes: &mut Unstructured<'_>, size: usize, wild: bool) -> Result<Vec<f64>> {
    let few = numbers(bytes, 3, wild)?;
    let step = bytes.int_in_range(1..=7usize)?;
    let vary = |i: usize| if wild { 0.0 } else { (i * step % 11) as f64 / 64.0 };
    Ok((0..size).map(|i| few[i % 3] + vary(i)).collect())
}

fn share(bytes: &mut Unstructured<'_>, wild: bool) -> Result<f64> {
    if wild { number(bytes, true) } else { Ok(f64::from(bytes.int_in_range(0..=20u8)?) / 20.0) }
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        // Around a block of 512 places, and past the 4096 that are ranked at once.
        let size = *bytes.choose(&[0, 1, 2, 7, 20, 511, 512, 513, 4096, 4097, 5000])?;
        let (wild, odd) = (bytes.ratio(1, 4)?, bytes.ratio(1, 4)?);
        let count = bytes.int_in_range(0..=4)?;
        let mut models = Vec::new();
        for _ in 0..count {
            let size = about(bytes, size)?;
            models.push(tensor(bytes, size, wild)?);
        }
        let count = about(bytes, count)?;
        let address = Address::new(bytes.arbitrary()?, Purpose::Merge);
        let density = share(bytes, odd)?;
        let trim = *bytes.choose(&[Trim::None, Trim::Magnitude(density), Trim::Random(density, address)])?;
        let (elect, normalize) = bytes.arbitrary()?;
        let scale = number(bytes, odd)?;
        let reading = *bytes.choose(&[SceReading::Mergekit, SceReading::Authors])?;
        Ok(Input {
            base: tensor(bytes, size, wild)?,
            models,
            weights: numbers(bytes, count, odd)?,
            task: Task { trim, elect, normalize, scale },
            sce: Sce { select: share(bytes, odd)?, reading },
            single: bytes.arbitrary()?,
        })
    }
}

/// The merged tensor, or what is wrong, is what it should be. What f64 cannot hold is an error, of `large` numbers alone.
fn hold(
    what: &str,
    result: &Result<Vec<f64>, MergeError>,
    [sound, large]: [bool; 2],
    exact: impl FnOnce() -> Vec<f64>,
) {
    match result {
        Ok(merged) => {
            assert!(sound, "{what} of unsound input");
            assert!(merged.iter().all(|value| value.is_finite()), "{what} is not finite");
            let exact = exact();
            assert_eq!(merged.len(), exact.len(), "{what}");
            let equal = |(&got, &exact): (&f64, &f64)| large || got == exact;
            assert!(merged.iter().zip(&exact).all(equal), "{what}: {merged:?} and {exact:?}");
        }
        Err(MergeError::Overflow { .. }) => assert!(sound && large, "{what}: {result:?}"),
        Err(error) => assert!(!sound, "{what} of sound input: {error}"),
    }
}

/// Whether a number is so large, or a density so small, that a result may overflow.
fn extreme(input: &Input) -> bool {
    let settings = [
        input.task.scale,
        match input.task.trim {
            Trim::Random(density, _) => 1.0 / density,
            _ => 1.0,
        },
    ];
    let all = input.models.iter().flatten().chain(&input.base).chain(&input.weights).chain(&settings);
    all.into_iter().any(|value| value.abs() > 1e100)
}

fn merge<T: Copy + Into<f64>>(input: &Input, base: &[T], models: &[&[T]]) {
    let wide = |tensor: &[T]| tensor.iter().map(|&value| value.into()).collect::<Vec<f64>>();
    let plain = Plain { base: wide(base), models: models.iter().map(|model| wide(model)).collect() };
    let Input { weights, task, sce, .. } = input;
    let finite = |tensor: &Vec<f64>| tensor.iter().all(|value| value.is_finite());
    let (same_size, all) = (
        |size: usize| plain.models.iter().all(|model| model.len() == size),
        !models.is_empty() && plain.models.iter().all(finite),
    );
    let (total, large) = (weights.iter().sum::<f64>(), extreme(input));
    let weighed = weights.len() == models.len() && weights.iter().all(|weight| weight.is_finite()) && total.is_finite();
    let fits = same_size(models.first().map_or(0, |model| model.len()));
    let whole = Plain { base: vec![0.0; models.first().map_or(0, |model| model.len())], models: plain.models.clone() };
    let sound = all && fits && weighed && total.abs() >= 1e-8;
    hold("linear", &linear(models, weights), [sound, large], || whole.linear(weights));
    let tensors = Tensors::new(base, models);
    assert_eq!(tensors.is_ok(), all && finite(&plain.base) && same_size(base.len()), "{:?}", tensors.err());
    let Ok(tensors) = tensors else { return };
    let density = match task.trim {
        Trim::None => true,
        Trim::Magnitude(density) => (0.0..=1.0).contains(&density),
        Trim::Random(density, _) => density > 0.0 && density <= 1.0,
    };
    let merged = task.merge(&tensors, weights);
    hold("task", &merged, [weighed && density && task.scale.is_finite(), large], || plain.task(task, weights));
    let selects = (0.0..=1.0).contains(&sce.select);
    hold("SCE", &sce.merge(&tensors), [selects, large], || plain.sce(sce));
    if let Ok(plan) = sce.plan(&tensors) {
        assert!(plan.selected.len() == base.len() && plan.weights.len() == models.len(), "a plan of {sce:?}");
    }
}

/// What is written comes back as the nearest number; what is not finite stays so.
fn formats(values: &[f64]) {
    for format in [Format::F32, Format::F16, Format::Bf16] {
        let mut bytes = Vec::new();
        format.write(values, &mut bytes);
        assert_eq!(bytes.len(), values.len() * format.size());
        let mut back = vec![0.0; values.len()];
        format.read(&bytes, &mut back);
        for (&value, &back) in values.iter().zip(&back) {
            assert_eq!(value.is_nan(), back.is_nan(), "{format:?} of {:x}", value.to_bits());
            assert!(value.is_nan() || value.is_sign_negative() == back.is_sign_negative(), "{format:?} of {value}");
            // Between the largest number and infinity lies half a step of at most 2^-8 of it.
            let inside = value.abs() <= format.largest();
            assert!(!inside || (value - back).abs() <= value.abs() / 256.0 + 6e-8, "{format:?} of {value}: {back}");
            assert!(!inside || back.is_finite(), "{format:?} of {value}: {back}");
            assert!(
                value.abs() <= format.largest() * 1.01 || value.is_nan() || back.is_infinite(),
                "{format:?} of {value}"
            );
        }
        assert_eq!(format.finite("it", 0, &bytes).is_ok(), back.iter().all(|value| value.is_finite()));
        let mut again = Vec::new();
        format.write(&back, &mut again);
        assert!(bytes == again || back.iter().any(|value| value.is_nan()), "{format:?}: a number of its own");
    }
}

fuzz_target!(|input: (Input, Vec<Number>, Vec<u64>)| {
    let (input, more, bits) = input;
    formats(&more.iter().map(|number| number.0).chain(bits.into_iter().map(f64::from_bits)).collect::<Vec<_>>());
    if input.single {
        let narrow = |tensor: &Vec<f64>| tensor.iter().map(|&value| value as f32).collect::<Vec<_>>();
        let models: Vec<Vec<f32>> = input.models.iter().map(narrow).collect();
        merge(&input, &narrow(&input.base), &models.iter().map(Vec::as_slice).collect::<Vec<_>>());
    } else {
        merge(&input, &input.base, &input.models.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
});
