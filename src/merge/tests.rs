use super::*;
use longlab_kernels::merge::{Format, Sce, Tensors};
use longlab_kernels::stream::{Address, Purpose};
use proptest::prelude::*;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Type, shape and bytes of a tensor.
type Tensor = (Dtype, Vec<usize>, Vec<u8>);
type Model = BTreeMap<String, Tensor>;

/// Numbers near those of another seed: what training would leave of a base.
fn numbers(places: usize, base: u64, seed: u64) -> Vec<f64> {
    let stream = |seed| Address::new(seed, Purpose::Test).stream();
    let (mut base, mut step) = (stream(base), stream(seed));
    (0..places).map(|_| base.range(-64..=64) as f64 / 64.0 + step.range(-3..=3) as f64 / 256.0).collect()
}

fn tensor(format: Format, shape: &[usize], base: u64, seed: u64) -> Tensor {
    let mut bytes = Vec::new();
    format.write(&numbers(shape.iter().product(), base, seed), &mut bytes);
    let dtype = [(Format::F32, Dtype::F32), (Format::F16, Dtype::F16), (Format::Bf16, Dtype::BF16)];
    let (_, dtype) = dtype.into_iter().find(|(own, _)| *own == format).unwrap();
    (dtype, shape.to_vec(), bytes)
}

fn model(seed: u64) -> Model {
    let formats = [Format::Bf16, Format::F32, Format::F16];
    let shapes: [&[usize]; 6] = [&[40, 33], &[7], &[0], &[600], &[2, 3, 5], &[]];
    let named = shapes.iter().enumerate().map(|(number, shape)| {
        (
            format!("layer.{number}"),
            tensor(formats[number % 3], shape, 100 + number as u64, 1000 * seed + number as u64),
        )
    });
    named.collect()
}

fn write_file(path: &Path, tensors: &[(&String, &Tensor)]) {
    let mut views = Vec::new();
    for (name, (dtype, shape, bytes)) in tensors {
        views.push((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    }
    safetensors::serialize_to_file(views, None, path).unwrap();
}

/// Writes a model as so many files, its tensors dealt out in turn.
fn write_model(folder: &Path, model: &Model, files: usize) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("config.json"), r#"{"model_type": "toy", "torch_dtype": "bfloat16"}"#).unwrap();
    fs::write(folder.join("tokenizer.json"), "{}").unwrap();
    if files == 1 {
        return write_file(&folder.join("model.safetensors"), &model.iter().collect::<Vec<_>>());
    }
    let name = |file: usize| format!("model-{file}.safetensors");
    for file in 0..files {
        let dealt: Vec<_> = model.iter().skip(file).step_by(files).collect();
        write_file(&folder.join(name(file)), &dealt);
    }
    let map: serde_json::Map<_, _> =
        model.keys().enumerate().map(|(n, key)| (key.clone(), Value::from(name(n % files)))).collect();
    let index = serde_json::json!({ "metadata": {}, "weight_map": map });
    fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

fn read_model(folder: &Path) -> Model {
    let mut model = Model::new();
    for path in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            let bytes = fs::read(&path).unwrap();
            for (name, view) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
                model.insert(name, (view.dtype(), view.shape().to_vec(), view.data().to_vec()));
            }
        }
    }
    model
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = |file: fs::DirEntry| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap());
    fs::read_dir(folder).unwrap().map(|entry| file(entry.unwrap())).collect()
}

/// A folder with a base and two models.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        bench.cut([1, 1, 1]);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the models anew, each as so many files.
    fn cut(&self, cuts: [usize; 3]) {
        for ((name, seed), files) in [("base", 0), ("a", 1), ("b", 2)].into_iter().zip(cuts) {
            let _ = fs::remove_dir_all(self.path(name));
            write_model(&self.path(name), &model(seed), files);
        }
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Model)) {
        let mut model = read_model(&self.path(name));
        change(&mut model);
        write_model(&self.path(name), &model, 1);
    }

    fn recipe(&self, text: &str) -> Recipe {
        let recipe: Recipe = toml::from_str(&format!("models = []\n{text}")).unwrap();
        let base = (recipe.method != Method::Linear).then(|| self.path("base"));
        Recipe { base, models: vec![self.path("a"), self.path("b")], ..recipe }
    }

    fn merge(&self, recipe: &Recipe, threads: usize, out: &str) -> Result<Merged, MergeFilesError> {
        Merge::open(recipe)?.write(&self.path(out), NonZeroUsize::new(threads).unwrap(), &|_| ())
    }

    /// The message of the error that a recipe ends in, without the bench's folder. Nothing may be left behind.
    fn fails(&self, recipe: &Recipe) -> String {
        let error = self.merge(recipe, 2, "out").unwrap_err().to_string();
        assert!(!self.path("out").exists() && !self.path("out.partial").exists(), "{error}");
        error.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

const RECIPES: [&str; 6] = [
    "method = \"sce\"\nselect = 0.3",
    "method = \"sce\"\nreading = \"authors\"\ndtype = \"f32\"",
    "method = \"ties\"\ndensity = 0.4\nweights = [1.0, 0.5]",
    "method = \"dare\"\ndensity = 0.6\nseed = 3\nlambda = 0.7",
    "method = \"dare_ties\"\ndensity = 0.6\ndtype = \"f16\"",
    "method = \"linear\"\nweights = [3.0, 1.0]\ndtype = \"bf16\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn shards_and_threads_change_nothing(
        text in proptest::sample::select(&RECIPES[..]),
        cuts in [1usize..=6, 1usize..=6, 1usize..=6],
        threads in 1usize..=5,
        size in 500u64..6000,
    ) {
        let bench = Bench::new();
        let recipe = Recipe { shard_size: Size(size), ..bench.recipe(text) };
        bench.merge(&recipe, 1, "plain").unwrap();
        bench.cut(cuts);
        bench.merge(&recipe, threads, "cut").unwrap();
        // All bytes of all files: merge.json holds hashes that do not depend on shards either.
        prop_assert_eq!(files(&bench.path("plain")), files(&bench.path("cut")));
        bench.merge(&Recipe { shard_size: Size::default(), ..recipe }, threads, "whole").unwrap();
        prop_assert_eq!(read_model(&bench.path("whole")), read_model(&bench.path("cut")));
        let out = Shards::open(&bench.path("cut")).unwrap();
        prop_assert_eq!(out.tensors.len(), model(0).len(), "the index is right");
    }
}

#[test]
fn the_mean_of_equal_models_is_the_model() {
    let bench = Bench::new();
    let recipe = bench.recipe("method = \"linear\"");
    let recipe = Recipe { models: vec![bench.path("a"), bench.path("a"), bench.path("a")], ..recipe };
    bench.merge(&recipe, 2, "out").unwrap();
    assert_eq!(read_model(&bench.path("out")), model(1));
}

/// More than one chunk, and more than is kept mapped: the numbers are those of the kernels, rounded.
#[test]
fn a_large_tensor_is_merged_as_the_kernels_do() {
    let bench = Bench::new();
    let shape = [3001, 1000];
    for (name, seed) in [("base", 0), ("a", 1), ("b", 2)] {
        let model = Model::from([("w".to_owned(), tensor(Format::Bf16, &shape, 9, seed))]);
        write_model(&bench.path(name), &model, 1);
    }
    bench.merge(&bench.recipe("method = \"sce\"\nselect = 0.1"), 1, "out").unwrap();
    let read = |seed| {
        let mut values = vec![0.0; shape[0] * shape[1]];
        Format::Bf16.read(&tensor(Format::Bf16, &shape, 9, seed).2, &mut values);
        values
    };
    let (base, a, b) = (read(0), read(1), read(2));
    let merged = Sce { select: 0.1, ..Sce::default() }.merge(&Tensors::new(&base, &[&a, &b]).unwrap()).unwrap();
    let mut bytes = Vec::new();
    Format::Bf16.write(&merged, &mut bytes);
    assert!(read_model(&bench.path("out"))["w"].2 == bytes);
}

#[test]
fn the_folder_says_what_it_is() {
    let bench = Bench::new();
    let recipe = Recipe { shard_size: Size(2000), ..bench.recipe("method = \"sce\"\nselect = 0.5\ndtype = \"f32\"") };
    let merged = bench.merge(&recipe, 2, "out").unwrap();
    assert_eq!((merged.tensors, merged.hashes.len()), (6, 3));
    let out = files(&bench.path("out"));
    let json = |name: &str| -> Value { serde_json::from_slice(&out[name]).unwrap() };
    assert_eq!(json("config.json")["torch_dtype"], "float32");
    assert_eq!(out["tokenizer.json"], b"{}");
    let record = json("merge.json");
    assert_eq!(record["recipe"], serde_json::to_value(&recipe).unwrap());
    assert_eq!(record["inputs"][2]["blake3"], merged.hashes[2].as_str());
    assert_eq!(toml::from_str::<Recipe>(&toml::to_string(&recipe).unwrap()).unwrap(), recipe);
    let total: usize = read_model(&bench.path("out")).values().map(|(_, _, bytes)| bytes.len()).sum();
    assert_eq!(json("model.safetensors.index.json")["metadata"]["total_size"], total);
    assert!(!out.contains_key(".merging"));
    // Two of the tensors are larger than a shard, and have one each.
    let shards = |number: usize| out[&format!("model-{number:05}-of-00004.safetensors")].len();
    assert!((1..=4).all(|number| shards(number) > 0) && out.len() == 8, "{:?}", out.keys());
}

#[test]
fn integers_are_copied_and_must_agree() {
    let bench = Bench::new();
    let positions = |last: u8| (Dtype::U8, vec![3], vec![1, 2, last]);
    for (name, last) in [("base", 3), ("a", 3), ("b", 3)] {
        bench.change(name, |model| drop(model.insert("positions".into(), positions(last))));
    }
    let recipe = bench.recipe("method = \"sce\"\ndtype = \"f32\"");
    bench.merge(&recipe, 2, "first").unwrap();
    assert_eq!(read_model(&bench.path("first"))["positions"], positions(3));
    bench.change("b", |model| drop(model.insert("positions".into(), positions(4))));
    assert_eq!(
        bench.fails(&recipe),
        "positions differs between b and base; tensors of type U8 are copied and must be equal"
    );
}

#[test]
fn models_that_differ_are_named() {
    let bench = Bench::new();
    let recipe = bench.recipe("method = \"sce\"");
    bench.change("b", |model| {
        let moved = ["layer.0", "layer.1", "layer.2", "layer.3"].map(|name| (name, model.remove(name).unwrap()));
        moved.into_iter().take(1).for_each(|(name, tensor)| drop(model.insert(format!("x.{name}"), tensor)));
    });
    assert_eq!(
        bench.fails(&recipe),
        "b and base differ in their tensors: without layer.0, layer.1, layer.2 and 1 more with x.layer.0; merge models of one \
         architecture"
    );
    bench.cut([1, 1, 1]);
    bench.change("a", |model| drop(model.insert("layer.3".into(), tensor(Format::Bf16, &[20, 30], 0, 0))));
    assert_eq!(
        bench.fails(&recipe),
        "layer.3 is [20, 30] in a and [600] in base; merge models of one architecture and vocabulary"
    );
    bench.cut([1, 1, 1]);
    bench.change("a", |model| drop(model.insert("layer.3".into(), (Dtype::I16, vec![600], vec![0; 1200]))));
    assert_eq!(
        bench.fails(&recipe),
        "layer.3 is I16 in a and BF16 in base; only F32, F16 and BF16 are merged, and they may be mixed"
    );
}

#[test]
fn numbers_that_are_none_are_named() {
    let bench = Bench::new();
    bench.change("b", |model| model.get_mut("layer.1").unwrap().2[8..12].copy_from_slice(&f32::NAN.to_le_bytes()));
    let sce = bench.recipe("method = \"sce\"");
    assert_eq!(bench.fails(&sce), "layer.1: model 1 holds NaN at place 2; give finite numbers");
    bench.change("b", |model| model.get_mut("layer.1").unwrap().2[8..12].copy_from_slice(&1e30f32.to_le_bytes()));
    let half = Recipe { dtype: Some(Format::F16), ..sce };
    assert_eq!(bench.fails(&half), "layer.1: place 2 comes to more than F16 holds; give another dtype");
}

#[test]
fn damaged_files_are_named() {
    let bench = Bench::new();
    let recipe = bench.recipe("method = \"sce\"");
    let file = bench.path("a").join("model.safetensors");
    let whole = fs::read(&file).unwrap();
    let index = bench.path("a").join("model.safetensors.index.json");
    for bytes in [&whole[..whole.len() - 1], &whole[..100], &whole[..5], b"\x05\0\0\0\0\0\0\0{\"a\":", b""] {
        fs::write(&file, bytes).unwrap();
        let error = bench.fails(&recipe);
        let read = bytes.is_empty() && error.starts_with("cannot read");
        assert!(read || error.starts_with("a/model.safetensors is damaged: "), "{error}");
    }
    fs::write(&file, &whole).unwrap();
    fs::write(&index, r#"{"weight_map": {"lost": "model.safetensors"}}"#).unwrap();
    assert!(bench.fails(&recipe).contains("it puts lost into model.safetensors, which does not hold it"));
    fs::write(&index, r#"{"weight_map": {"layer.0": "../b/model.safetensors"}}"#).unwrap();
    assert!(bench.fails(&recipe).contains("is not the name of a file beside it"));
    fs::write(&index, r#"{"weight_map": {"layer.0": "gone.safetensors"}}"#).unwrap();
    assert!(bench.fails(&recipe).starts_with("cannot read a/gone.safetensors: "));
    fs::write(&index, "{").unwrap();
    assert!(bench.fails(&recipe).starts_with("a/model.safetensors.index.json is damaged: "));
    fs::remove_file(&index).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(bench.fails(&recipe).starts_with("a holds no model; give a folder with model.safetensors"));
}

#[test]
fn recipes_that_cannot_be_are_told_why() {
    let bench = Bench::new();
    let fails = |text: &str| bench.fails(&bench.recipe(text));
    let sce = bench.recipe("method = \"sce\"");
    assert_eq!(bench.fails(&Recipe { base: None, ..sce.clone() }), "sce needs base");
    assert_eq!(bench.fails(&Recipe { models: Vec::new(), ..sce.clone() }), "no models; give at least one");
    assert_eq!(
        fails("method = \"sce\"\nweights = [1.0, 2.0]"),
        "sce does not read weights; it reads base, select, reading"
    );
    assert_eq!(fails("method = \"sce\"\nselect = 1.5"), "select is 1.5; it lies in 0..=1");
    assert_eq!(fails("method = \"ties\""), "ties needs density");
    assert_eq!(fails("method = \"dare\"\ndensity = 0.0"), "density is 0; it is above 0 and at most 1");
    assert_eq!(fails("method = \"task_arithmetic\"\nweights = [1.0]"), "1 weights for 2 models; give one a model");
    assert_eq!(fails("method = \"linear\"\nweights = [1.0, -1.0]"), "sum of the weights is 0; it must not be 0");
    let linear = Recipe { base: Some(bench.path("base")), ..bench.recipe("method = \"linear\"") };
    assert_eq!(bench.fails(&linear), "linear does not read base; it reads weights");
    let wrong = toml::from_str::<Recipe>("method = \"sce\"\nmodels = []\nselekt = 0.1").unwrap_err();
    assert!(wrong.message().contains("selekt"), "{wrong}");
}

#[test]
fn an_output_that_is_there_or_cannot_be_is_left_alone() {
    let bench = Bench::new();
    let recipe = bench.recipe("method = \"sce\"");
    let text = |out: &str| bench.merge(&recipe, 1, out).unwrap_err().to_string();
    let ends = |error: String, end: &str| assert!(error.ends_with(end), "{error}");
    ends(text("a"), "a exists; move it away or give another folder");
    fs::write(bench.path("file"), "").unwrap();
    assert!(text("file/out").starts_with("cannot write "));
    // A folder that no merge began is not swept.
    fs::create_dir(bench.path("out.partial")).unwrap();
    fs::write(bench.path("out.partial/notes"), "mine").unwrap();
    ends(text("out"), "out.partial exists; move it away or give another folder");
    // One that a killed merge left is.
    fs::write(bench.path("out.partial/.merging"), "").unwrap();
    let held = fs::File::open(bench.path("out.partial/.merging")).unwrap();
    held.lock().unwrap();
    assert!(text("out").starts_with("another merge is writing "));
    assert!(bench.path("out.partial/notes").exists());
    drop(held);
    bench.merge(&recipe, 1, "out").unwrap();
    assert!(!bench.path("out.partial").exists() && !bench.path("out/notes").exists());
}

#[test]
fn what_dare_drops_hangs_on_the_name_and_the_seed_alone() {
    let bench = Bench::new();
    let recipe = bench.recipe("method = \"dare\"\ndensity = 0.5");
    bench.merge(&recipe, 1, "whole").unwrap();
    bench.merge(&Recipe { seed: Some(1), ..recipe.clone() }, 1, "other").unwrap();
    for name in ["base", "a", "b"] {
        fs::remove_dir_all(bench.path(name)).unwrap();
    }
    for (name, seed) in [("base", 0), ("a", 1), ("b", 2)] {
        let alone = model(seed).into_iter().filter(|(name, _)| name == "layer.3").collect();
        write_model(&bench.path(name), &alone, 1);
    }
    bench.merge(&recipe, 1, "alone").unwrap();
    let third = |out: &str| read_model(&bench.path(out))["layer.3"].clone();
    assert_eq!(third("whole"), third("alone"));
    assert_ne!(third("whole"), third("other"));
}

#[test]
fn progress_comes_to_all_bytes() {
    let bench = Bench::new();
    let recipe = bench.recipe("method = \"linear\"");
    let merge = Merge::open(&recipe).unwrap();
    let seen = std::sync::atomic::AtomicU64::new(0);
    let count = |bytes| {
        seen.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    };
    merge.write(&bench.path("out"), NonZeroUsize::MIN, &count).unwrap();
    assert_eq!(seen.into_inner(), merge.bytes());
}
