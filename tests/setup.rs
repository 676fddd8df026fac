//! Black-box tests of `./lab`: a copy of the script in a bare folder, with a PATH that holds only what the test puts there and
//! wheels from a local folder. No network, no real build.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use longlab as _;
use tempfile::TempDir;

/// What `lab` calls besides bash itself and the tools under test.
const SYSTEM: [&str; 20] = [
    "bash", "env", "dirname", "readlink", "cat", "sed", "find", "touch", "uname", "flock", "rm", "mkdir", "awk", "cp",
    "sync", "mv", "du", "cut", "tail", "mktemp",
];

/// A wheel as small as one can be that has the files which set-up looks for; prints its SHA-256.
const FAKE_WHEEL: &str = r#"
import hashlib, sys, zipfile
path = sys.argv[1] + '/torch-2.13.0-py3-none-any.whl'
with zipfile.ZipFile(path, 'w') as z:
    for name in ('include/torch/torch.h', 'lib/libtorch_cpu.so', 'lib/libc10.so', 'lib/libtorch.so', 'lib/libtorch_python.so'):
        z.writestr('torch/' + name, name)
    info = 'torch-2.13.0.dist-info/'
    z.writestr(info + 'METADATA', 'Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\n')
    z.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    z.writestr(info + 'RECORD', '')
print(hashlib.sha256(open(path, 'rb').read()).hexdigest())
"#;

/// A copy of the repository's shell part in a folder of its own.
struct Checkout {
    root: TempDir,
}

impl Checkout {
    /// With a toolchain that only notes how it is called, the system's python3, and the fake wheel pinned.
    fn new() -> Checkout {
        let root = tempfile::tempdir().expect("a temporary folder");
        let checkout = Checkout { root };
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["setup", "bin", "home", "wheels", "src", "kernels", ".cargo"] {
            fs::create_dir(checkout.path(folder)).expect("mkdir");
        }
        for file in [
            "lab",
            "Cargo.toml",
            "Cargo.lock",
            "build.rs",
            "setup/toolchain.sh",
            "setup/libtorch.sh",
            "setup/readers.sh",
            "setup/unpack.py",
        ] {
            fs::copy(source.join(file), checkout.path(file)).expect(file);
        }
        for name in SYSTEM.iter().chain(&["grep"]) {
            symlink(find_program(name), checkout.path("bin").join(name)).expect("symlink");
        }
        checkout.script("rustc", "echo 'rustc 1.95.0 (fake)'");
        checkout.script("cargo", &format!("echo \"$*\" >>{}", checkout.path("calls").display()));
        // Not the disk of this machine: the larger libtorch asks for more room than one that runs tests may have.
        checkout.script("df", "printf 'head\\nx x x 90000 x\\n'");
        checkout.script("c++", "true");
        checkout.script("cc", "true");
        checkout.script("python3", &format!("exec {} \"$@\"", python()));
        checkout.pin(&checkout.wheel());
        checkout.slurm(77);
        checkout
    }

    /// A test of Slurm that ends with this code.
    fn slurm(&self, code: i32) {
        fs::create_dir_all(self.path("tests/slurm")).expect("mkdir");
        let file = self.path("tests/slurm/run.sh");
        let body = format!("#!/bin/bash\necho \"slurm $LONGLAB\" >>{}\nexit {code}\n", self.path("calls").display());
        fs::write(&file, body).expect("write");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("chmod");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// Puts a program on the PATH.
    fn script(&self, name: &str, body: &str) {
        let file = self.path("bin").join(name);
        fs::remove_file(&file).ok();
        fs::write(&file, format!("#!/bin/bash\n{body}\n")).expect("write");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("chmod");
    }

    fn without(&self, name: &str) -> &Checkout {
        fs::remove_file(self.path("bin").join(name)).expect("it was there");
        self
    }

    fn wheel(&self) -> String {
        let output =
            Command::new(python()).args(["-c", FAKE_WHEEL]).arg(self.path("wheels")).output().expect("python3");
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    }

    fn pin(&self, hash: &str) {
        let list = format!("# size: tiny\ntorch==2.13.0 --hash=sha256:{hash}\n");
        fs::write(self.path("setup/libtorch.txt"), &list).expect("write");
        fs::write(self.path("setup/readers.txt"), &list).expect("write");
        fs::write(self.path("setup/libtorch-cuda.txt"), format!("# cuda\n{list}")).expect("write");
    }

    /// `./lab ARGS` with nothing inherited from outside, called from another folder.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path("lab"));
        command.args(args).current_dir("/").env_clear().stdin(Stdio::null());
        command.env("PATH", self.path("bin")).env("HOME", self.path("home"));
        command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", self.path("wheels"));
        command
    }

    fn lab(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("lab starts")
    }

    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.path("calls")).unwrap_or_default().lines().map(str::to_string).collect()
    }

    /// The one thing every refusal must do: fail, say why and what to do, and keep nothing.
    fn refuses(&self, mut command: Command, words: &[&str]) {
        let output = command.output().expect("lab starts");
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for word in words.iter().chain(&["mend: "]) {
            assert!(said.contains(word), "no {word:?} in:\n{said}");
        }
        assert!(!self.exists(".libtorch") && !self.exists(".libtorch.tmp"), "something was kept:\n{said}");
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn find_program(name: &str) -> PathBuf {
    let folders = ["/usr/bin", "/bin", "/usr/local/bin"].map(|folder| Path::new(folder).join(name));
    folders.into_iter().find(|file| file.exists()).unwrap_or_else(|| panic!("{name} is not on this machine"))
}

/// The real interpreter behind `python3`, which may be a version manager's script.
fn python() -> String {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect("python3");
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

fn assert_ok(output: &Output) {
    assert!(output.status.success(), "{}", text(output));
}

#[test]
fn each_missing_tool_is_named_with_its_mend() {
    let checkout = Checkout::new();
    checkout.refuses(checkout.without("cargo").command(&["setup"]), &["no Rust toolchain", "rustup"]);
    let checkout = Checkout::new();
    checkout.refuses(checkout.without("c++").command(&["setup"]), &["no C++ compiler", "apt-get install g++"]);
    let checkout = Checkout::new();
    checkout.refuses(
        checkout.without("python3").command(&["setup"]),
        &["no python3", "apt-get install python3 python3-pip"],
    );
    let checkout = Checkout::new();
    checkout.script("python3", "echo 'No module named pip' >&2; exit 1");
    checkout.refuses(checkout.command(&["setup"]), &["no pip", "apt-get install python3-pip"]);
}

#[test]
fn an_old_or_broken_toolchain_is_refused() {
    let checkout = Checkout::new();
    checkout.script("rustc", "echo 'rustc 1.63.0 (fake)'");
    checkout.refuses(checkout.command(&["setup"]), &["Rust 1.63.0 is too old", "rustup update"]);
    checkout.script("rustc", "echo 'no default toolchain' >&2; exit 1");
    checkout.refuses(checkout.command(&["setup"]), &["no default toolchain", "rustup default stable"]);
}

#[test]
fn rustup_is_found_before_the_shell_has_read_its_profile() {
    let checkout = Checkout::new();
    fs::create_dir_all(checkout.path("home/.cargo/bin")).expect("mkdir");
    for name in ["cargo", "rustc"] {
        fs::rename(checkout.path("bin").join(name), checkout.path("home/.cargo/bin").join(name)).expect("rename");
    }
    assert_ok(&checkout.lab(&["setup"]));
}

#[test]
fn set_up_keeps_what_is_needed_and_the_second_time_does_nothing() {
    let checkout = Checkout::new();
    assert_ok(&checkout.lab(&["setup"]));
    assert!(checkout.exists(".libtorch/torch/include/torch/torch.h"));
    assert!(!checkout.exists(".libtorch/torch/lib/libtorch_python.so"), "only Python needs it");
    assert!(!checkout.exists(".libtorch.tmp"));
    let shell = fs::read_link(checkout.path(".libtorch/torch/lib/libtorch.so")).expect("a symlink");
    assert_eq!(shell, Path::new("libtorch_cpu.so"));
    assert_eq!(fs::read_to_string(checkout.path(".libtorch/torch/build-version")).expect("written"), "2.13.0\n");

    fs::write(checkout.path(".libtorch/mark"), "").expect("write");
    let again = checkout.without("python3").lab(&["setup"]);
    assert_ok(&again);
    assert_eq!(text(&again), "");
    assert!(checkout.exists(".libtorch/mark"), "it was set up anew");
}

#[test]
fn a_new_pin_replaces_the_old_libtorch() {
    let checkout = Checkout::new();
    assert_ok(&checkout.lab(&["setup"]));
    fs::write(checkout.path(".libtorch/mark"), "").expect("write");
    let list = fs::read_to_string(checkout.path("setup/libtorch.txt")).expect("read");
    fs::write(checkout.path("setup/libtorch.txt"), format!("# changed\n{list}")).expect("write");
    assert_ok(&checkout.lab(&["setup"]));
    assert!(!checkout.exists(".libtorch/mark") && !checkout.exists(".libtorch.old"));
}

#[test]
fn a_wheel_with_another_hash_is_refused() {
    let checkout = Checkout::new();
    checkout.pin(&"0".repeat(64));
    checkout.refuses(checkout.command(&["setup"]), &["SHA-256 differs", "nothing was kept"]);
}

#[test]
fn no_network_and_no_disk_are_one_clear_message() {
    let checkout = Checkout::new();
    let mut offline = checkout.command(&["setup"]);
    offline.env("PIP_FIND_LINKS", checkout.path("home"));
    checkout.refuses(offline, &["could not be fetched", "nothing was kept"]);
    checkout.script("df", "printf 'head\\nx x x 17 x\\n'");
    checkout.refuses(checkout.command(&["setup"]), &["too little disk", "17 MB"]);
}

#[test]
fn a_disk_that_fills_while_unpacking_keeps_nothing() {
    let checkout = Checkout::new();
    let full = "import errno; raise OSError(errno.ENOSPC, 'No space left on device')";
    let body =
        format!("case \"$*\" in *'pip download'*) {} -c \"{full}\";; *) exec {} \"$@\";; esac", python(), python());
    checkout.script("python3", &body);
    checkout.refuses(checkout.command(&["setup"]), &["disk ran full", "nothing was kept"]);
}

#[test]
fn two_at_once_fetch_once() {
    let checkout = Checkout::new();
    let start = || checkout.command(&["setup"]).stderr(Stdio::piped()).spawn().expect("lab starts");
    let runs = [start(), start()].map(|child| child.wait_with_output().expect("it ends"));
    runs.iter().for_each(assert_ok);
    let fetched = runs.iter().filter(|run| text(run).contains("fetching")).count();
    assert_eq!(fetched, 1);
    assert!(checkout.exists(".libtorch/stamp"));
}

#[test]
fn a_kill_leaves_nothing_that_harms_the_next_run() {
    let checkout = Checkout::new();
    let slow = format!("case \"$*\" in *'pip download'*) sleep 30;; *) exec {} \"$@\";; esac", python());
    symlink(find_program("sleep"), checkout.path("bin/sleep")).expect("symlink");
    checkout.script("python3", &slow);
    let mut child = checkout.command(&["setup"]).process_group(0).stderr(Stdio::null()).spawn().expect("lab starts");
    let begun = || checkout.exists(".libtorch.tmp/wheels");
    for _ in 0..200 {
        if begun() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(begun(), "set-up did not begin within four seconds");
    // SAFETY: signals the group that this test has just made.
    unsafe { libc::kill(-(child.id() as i32), libc::SIGKILL) };
    child.wait().expect("it ends");
    assert!(!checkout.exists(".libtorch"));

    checkout.script("python3", &format!("exec {} \"$@\"", python()));
    assert_ok(&checkout.lab(&["setup"]));
    assert!(checkout.exists(".libtorch/stamp") && !checkout.exists(".libtorch.tmp"));
}

#[test]
fn the_driver_or_the_variable_chooses_the_set() {
    let stamp = |checkout: &Checkout| fs::read_to_string(checkout.path(".libtorch/stamp")).expect("set up");
    let checkout = Checkout::new();
    checkout.script("nvidia-smi", "echo 580.65.06");
    assert_ok(&checkout.lab(&["setup"]));
    assert!(stamp(&checkout).starts_with("# cuda"));
    assert_ok(&checkout.command(&["setup"]).env("LONGLAB_LIBTORCH", "cpu").output().expect("lab starts"));
    assert!(stamp(&checkout).starts_with("# size"));

    let checkout = Checkout::new();
    checkout.script("nvidia-smi", "echo 535.08.1");
    let old = checkout.lab(&["setup"]);
    assert_ok(&old);
    assert!(text(&old).contains("535.08.1 is older than 580"), "{}", text(&old));
    assert!(stamp(&checkout).starts_with("# size"));

    let checkout = Checkout::new();
    let mut wrong = checkout.command(&["setup"]);
    wrong.env("LONGLAB_LIBTORCH", "gpu");
    checkout.refuses(wrong, &["LONGLAB_LIBTORCH=gpu", "LONGLAB_LIBTORCH=cuda"]);
}

#[test]
fn an_exported_libtorch_wins_and_another_version_is_told() {
    let checkout = Checkout::new();
    let own = checkout.path("own");
    let setup = || {
        let mut command = checkout.command(&["setup"]);
        command.env("LIBTORCH", &own);
        command
    };
    checkout.refuses(setup(), &["has no lib/libtorch_cpu.so"]);
    fs::create_dir_all(own.join("lib")).expect("mkdir");
    fs::write(own.join("lib/libtorch_cpu.so"), "").expect("write");
    fs::write(own.join("build-version"), "2.11.0+cpu\n").expect("write");
    let other = setup().output().expect("lab starts");
    assert_ok(&other);
    assert!(text(&other).contains("is version 2.11.0+cpu, longlab is made for 2.13.0"), "{}", text(&other));
    fs::write(own.join("build-version"), "2.13.0+cu130\n").expect("write");
    assert_eq!(text(&setup().output().expect("lab starts")), "");
    assert!(!checkout.exists(".libtorch"), "it was fetched all the same");
}

#[test]
fn test_runs_every_step_and_stops_at_the_first_that_fails() {
    let checkout = Checkout::new();
    assert_ok(&checkout.lab(&["test"]));
    let steps: Vec<String> =
        checkout.calls().iter().map(|call| call.split(" --").next().unwrap_or_default().to_string()).collect();
    assert_eq!(steps, ["fmt", "clippy", "test", "nextest", "test", "nextest run"]);
    // Every test runs once: what the one process has is left out of the other run.
    let calls = checkout.calls();
    assert_eq!(calls[4], "test --release --workspace --lib --test spec --test model --quiet");
    let rest = "nextest run --release --workspace --tests --filterset not (kind(lib) or binary(spec) or binary(model))";
    assert_eq!(calls[5], rest);
    fs::remove_file(checkout.path("calls")).expect("written above");
    assert_ok(&checkout.lab(&["test", "latch"]));
    assert!(checkout.calls().last().is_some_and(|call| call == "nextest run --release --workspace latch"));
    assert!(checkout.exists(".readers/torch/lib/libtorch.so") && checkout.exists(".readers/python"));

    let failing = format!("echo \"$*\" >>{}; [ \"$1\" != clippy ] || exit 101", checkout.path("calls").display());
    checkout.script("cargo", &failing);
    fs::remove_file(checkout.path("calls")).expect("written above");
    assert_eq!(checkout.lab(&["test"]).status.code(), Some(101));
    assert_eq!(checkout.calls().len(), 2, "nothing runs after clippy has failed");
}

#[test]
fn slurm_is_tested_when_asked_for_and_where_it_cannot_start_that_is_no_failure() {
    let checkout = Checkout::new();
    let test = || checkout.command(&["test"]).env("LONGLAB_TEST_SLURM", "1").output().expect("lab starts");
    for (code, passes) in [(0, true), (77, true), (1, false)] {
        checkout.slurm(code);
        fs::remove_file(checkout.path("calls")).ok();
        let output = test();
        assert_eq!(output.status.code(), Some(if passes { 0 } else { code }), "{}", text(&output));
        let calls = checkout.calls();
        let at = calls.iter().position(|call| call == "slurm target/release/longlab");
        assert!(at.is_some_and(|at| calls[at - 1].starts_with("build --release ")), "{calls:?}");
        assert_eq!(calls.last().is_some_and(|call| call.starts_with("nextest run")), passes, "{calls:?}");
    }
    fs::remove_file(checkout.path("calls")).expect("written above");
    assert_ok(&checkout.lab(&["test"]));
    assert!(
        checkout.calls().iter().all(|call| !call.starts_with("slurm")),
        "nothing is installed that was not asked for"
    );
}

#[test]
fn packages_of_the_tests_are_pinned_and_only_tests_fetch_them() {
    let checkout = Checkout::new();
    assert_ok(&checkout.lab(&["setup"]));
    assert!(!checkout.exists(".readers"), "set-up alone needs no reader");
    let other = format!("torch==2.13.0 --hash=sha256:{}\n", "0".repeat(64));
    fs::write(checkout.path("setup/readers.txt"), other).expect("write");
    let output = checkout.lab(&["test"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("nothing was kept") && text(&output).contains("mend: "), "{}", text(&output));
    let left = fs::read_dir(checkout.root.path()).expect("a folder").flatten();
    assert_eq!(left.filter(|file| file.file_name().to_string_lossy().starts_with(".readers")).count(), 0);
    assert!(checkout.calls().is_empty(), "no test ran");
}

#[test]
fn without_nextest_cargo_test_takes_over() {
    let checkout = Checkout::new();
    checkout.script("cargo", &format!("echo \"$*\" >>{}; [ \"$1\" != nextest ]", checkout.path("calls").display()));
    let output = checkout.command(&["test"]).env("CI", "true").output().expect("lab starts");
    assert_ok(&output);
    let last = checkout.calls().pop().unwrap_or_default();
    assert!(last.starts_with("test --release --locked --workspace --lib --bins --tests"), "{last}");
}

#[test]
fn other_arguments_reach_the_binary_in_the_repository_root() {
    let checkout = Checkout::new();
    let binary = checkout.path("target/debug/longlab");
    let body = format!(
        "echo \"$*\" >>{}; mkdir -p {}; printf '#!/bin/bash\\necho $PWD $GOMP_SPINCOUNT \"$@\"; exit 3' >{binary}; {} +x {binary}",
        checkout.path("calls").display(),
        checkout.path("target/debug").display(),
        find_program("chmod").display(),
        binary = binary.display(),
    );
    checkout.script("cargo", &body);
    let run = || checkout.command(&["plan", "a b"]).env("LONGLAB_PROFILE", "debug").output().expect("lab starts");
    let output = run();
    assert_eq!(output.status.code(), Some(3), "the binary's own code: {}", text(&output));
    let root = checkout.root.path().canonicalize().expect("it exists");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{} 0 plan a b\n", root.display()));
    run();
    let calls = checkout.calls();
    assert!(!calls[0].contains("--quiet"), "a first build shows its progress: {}", calls[0]);
    assert!(calls[1].contains("--quiet"), "nothing to do is silent: {}", calls[1]);

    fs::write(checkout.path("target/debug/.root"), "/elsewhere\n").expect("written by lab");
    let before = fs::metadata(checkout.path("build.rs")).and_then(|data| data.modified()).expect("a file");
    run();
    let after = fs::metadata(checkout.path("build.rs")).and_then(|data| data.modified()).expect("a file");
    assert!(after > before, "after a move the build script must run again");
}

#[test]
fn an_unknown_profile_is_refused() {
    let checkout = Checkout::new();
    let mut wrong = checkout.command(&["plan"]);
    wrong.env("LONGLAB_PROFILE", "fast");
    checkout.refuses(wrong, &["LONGLAB_PROFILE=fast", "LONGLAB_PROFILE=debug"]);
}

#[test]
fn both_wheel_lists_pin_the_same_torch_with_hashes() {
    let lines = |file: &str| -> Vec<String> {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file);
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_string).collect()
    };
    let (cpu, cuda) = (lines("setup/libtorch.txt"), lines("setup/libtorch-cuda.txt"));
    assert!(cpu.iter().all(|line| cuda.contains(line)), "the CPU set is part of the CUDA set");
    for line in cpu.iter().chain(&cuda) {
        let hash = line.split_once(" --hash=sha256:").map_or("", |(_, hash)| hash);
        assert!(hash.len() == 64 && line.contains("=="), "{line}");
    }
}

#[test]
fn every_executable_shows_libtorch_the_mkl_switch() {
    for file in [env!("CARGO_BIN_EXE_longlab").into(), std::env::current_exe().expect("this test")] {
        let output = Command::new("nm").arg("-D").arg(&file).output().expect("nm comes with the linker");
        let exported = text(&output).lines().any(|line| line.ends_with(" T mkl_serv_intel_cpu_true"));
        assert!(exported, "{} does not export the switch", file.display());
    }
}
