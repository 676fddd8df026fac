//! What must hold of every merge.

use crate::plain::Plain;
use longlab_kernels::merge::{
    Format, MergeError, Recipe, Sce, SceReading, Source, Sources, Task, Tensors, Trim, linear,
};
use longlab_kernels::stream::{Address, Purpose};
use proptest::prelude::*;

/// A base and 1 to 4 models of 1 to 24 places, on a grid of 1/64 so that differences and small sums are exact.
fn models() -> impl Strategy<Value = (Vec<f32>, Vec<Vec<f32>>)> {
    let number = || (-128i32..=128).prop_map(|n| n as f32 / 64.0);
    (1usize..=24, 1usize..=4).prop_flat_map(move |(places, models)| {
        let tensor = || proptest::collection::vec(number(), places);
        (tensor(), proptest::collection::vec(tensor(), models))
    })
}

fn slices(models: &[Vec<f32>]) -> Vec<&[f32]> {
    models.iter().map(Vec::as_slice).collect()
}

fn sce() -> impl Strategy<Value = Sce> {
    let reading = prop_oneof![Just(SceReading::Mergekit), Just(SceReading::Authors)];
    (prop_oneof![Just(1.0), 0.0..1.0f64], reading).prop_map(|(select, reading)| Sce { select, reading })
}

fn near(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-12)
}

fn narrow(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|value| value as f32).collect()
}

/// A base and 1 to 5 models of up to three pieces (and of more places than are ranked in one go), as training moves them:
/// numbers of 16 bits, small distances, many of them alike or 0.
fn tensors() -> impl Strategy<Value = (Vec<f32>, Vec<Vec<f32>>)> {
    (prop_oneof![0usize..40, 500usize..1600, Just(5000)], 1usize..=5, any::<u64>()).prop_map(
        |(places, models, seed)| {
            let mut stream = Address::new(seed, Purpose::Test).stream();
            let base: Vec<f32> = (0..places).map(|_| stream.range(-64..=64) as f32 / 512.0).collect();
            let mut model = || -> Vec<f32> {
                let scale = 0.5f32.powi(stream.range(6..=12));
                base.iter().map(|number| number + stream.range(-3..=3) as f32 * scale).collect()
            };
            let models = (0..models).map(|_| model()).collect();
            (base, models)
        },
    )
}

fn trim() -> impl Strategy<Value = Trim> {
    let random = (0.1..=1.0f64, any::<u64>()).prop_map(|(d, seed)| Trim::Random(d, Address::new(seed, Purpose::Test)));
    prop_oneof![Just(Trim::None), (0.0..=1.0f64).prop_map(Trim::Magnitude), random]
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A tensor as it lies in a file.
struct Bytes(Format, Vec<u8>);

impl Bytes {
    fn of(format: Format, values: &[f32]) -> Self {
        let mut bytes = Vec::new();
        format.write(&wide(values), &mut bytes);
        Bytes(format, bytes)
    }

    fn values(&self) -> Vec<f64> {
        let mut values = vec![0.0; self.places()];
        self.read(0, &mut values);
        values
    }
}

impl Source for Bytes {
    fn places(&self) -> usize {
        self.1.len() / self.0.size()
    }

    fn read(&self, from: usize, into: &mut [f64]) {
        self.0.read(&self.1[from * self.0.size()..], into);
    }
}

proptest! {
    #[test]
    fn the_order_of_models_does_not_matter((base, models) in models(), sce in sce(), turn in 0usize..4) {
        let mut turned = models.clone();
        turned.rotate_left(turn % models.len());
        let (plain, turned) = (slices(&models), slices(&turned));
        let (plain, turned) = (Tensors::new(&base, &plain).unwrap(), Tensors::new(&base, &turned).unwrap());
        let (a, b) = (sce.plan(&plain).unwrap(), sce.plan(&turned).unwrap());
        prop_assert_eq!(&a.selected, &b.selected);
        let mut weights = a.weights.clone();
        weights.rotate_left(turn % models.len());
        prop_assert!(near(&weights, &b.weights));
        prop_assert!(near(&sce.merge(&plain).unwrap(), &sce.merge(&turned).unwrap()));
        let equal = vec![1.0; models.len()];
        for task in [Task::arithmetic(), Task::ties(0.4)] {
            prop_assert!(near(&task.merge(&plain, &equal).unwrap(), &task.merge(&turned, &equal).unwrap()));
        }
    }

    #[test]
    fn one_model_gives_that_model((base, models) in models(), address in 0u64..9) {
        let one = [models[0].as_slice()];
        let tensors = Tensors::new(&base, &one).unwrap();
        for reading in [SceReading::Mergekit, SceReading::Authors] {
            prop_assert_eq!(&narrow(Sce { select: 1.0, reading }.merge(&tensors).unwrap()), &models[0]);
        }
        let whole = Task::dare(1.0, Address::new(address, Purpose::Test));
        for task in [Task::arithmetic(), Task::ties(1.0), whole] {
            prop_assert_eq!(&narrow(task.merge(&tensors, &[1.0]).unwrap()), &models[0]);
        }
        prop_assert_eq!(&narrow(linear(&one, &[0.7]).unwrap()), &models[0]);
    }

    #[test]
    fn the_base_alone_gives_the_base((base, models) in models(), sce in sce()) {
        let same = vec![base.as_slice(); models.len()];
        let tensors = Tensors::new(&base, &same).unwrap();
        prop_assert_eq!(&narrow(sce.merge(&tensors).unwrap()), &base);
        for task in [Task::arithmetic(), Task::ties(0.3), Task::dare(0.3, Address::new(0, Purpose::Test))] {
            prop_assert_eq!(&narrow(task.merge(&tensors, &vec![1.0; models.len()]).unwrap()), &base);
        }
    }

    #[test]
    fn sce_stays_between_base_and_models((base, models) in models(), sce in sce()) {
        let all = slices(&models);
        let merged = sce.merge(&Tensors::new(&base, &all).unwrap()).unwrap();
        for (place, value) in merged.into_iter().enumerate() {
            let values = || all.iter().copied().chain([base.as_slice()]).map(|tensor| f64::from(tensor[place]));
            prop_assert!(value >= values().fold(f64::INFINITY, f64::min) - 1e-12);
            prop_assert!(value <= values().fold(f64::NEG_INFINITY, f64::max) + 1e-12);
        }
    }

    #[test]
    fn place_by_place_recipes_take_any_piece((base, models) in models(), cut in 0usize..24) {
        let cut = cut.min(base.len());
        let weights: Vec<f64> = (1..=models.len()).map(|n| n as f64).collect();
        let (all, mut pieces) = (slices(&models), Vec::new());
        for range in [0..cut, cut..base.len()] {
            let piece: Vec<&[f32]> = all.iter().map(|model| &model[range.clone()]).collect();
            pieces.extend(Task::arithmetic().merge(&Tensors::new(&base[range], &piece).unwrap(), &weights).unwrap());
        }
        prop_assert_eq!(pieces, Task::arithmetic().merge(&Tensors::new(&base, &all).unwrap(), &weights).unwrap());
    }

    #[test]
    fn streams_give_the_plain_recipes_to_the_last_bit(
        (base, models) in tensors(),
        sce in sce(),
        (trim, elect, normalize) in (trim(), any::<bool>(), any::<bool>()),
    ) {
        let plain = Plain { base: wide(&base), models: models.iter().map(|model| wide(model)).collect() };
        let slices = slices(&models);
        let tensors = Tensors::new(&base, &slices).unwrap();
        let plan = sce.plan(&tensors).unwrap();
        prop_assert_eq!(&plan.selected, &plain.selected(&sce));
        prop_assert_eq!(bits(&plan.weights), bits(&plain.weights(&sce, &plan.selected)));
        prop_assert_eq!(bits(&sce.merge(&tensors).unwrap()), bits(&plain.sce(&sce)));
        let weights: Vec<f64> = (0..models.len()).map(|n| [0.3, -0.5, 2.0, 1.0, 0.7][n % 5]).collect();
        let task = Task { trim, elect, normalize, scale: 0.9 };
        prop_assert_eq!(bits(&task.merge(&tensors, &weights).unwrap()), bits(&plain.task(&task, &weights)));
        prop_assert_eq!(bits(&linear(&slices, &weights).unwrap()), bits(&plain.linear(&weights)));
    }

    #[test]
    fn numbers_of_files_merge_as_numbers_do((base, models) in tensors(), sce in sce()) {
        for format in [Format::F32, Format::F16, Format::Bf16] {
            let (base, models) = (Bytes::of(format, &base), models.iter().map(|model| Bytes::of(format, model)));
            let models: Vec<Bytes> = models.collect();
            let sources = Sources::new(Some(&base), models.iter().map(|model| model as &dyn Source).collect()).unwrap();
            let mut merged = Vec::new();
            let out = |piece: &[f64]| { merged.extend_from_slice(piece); Ok::<(), MergeError>(()) };
            Recipe::Sce(sce).merge(&sources, out).unwrap();
            let plain = Plain { base: base.values(), models: models.iter().map(Bytes::values).collect() };
            prop_assert_eq!(bits(&merged), bits(&plain.sce(&sce)));
        }
    }
}
