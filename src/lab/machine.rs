//! What this machine is, and where a result was made: processor, memory, disk, GPU, libtorch, git commit.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Value, json};

use crate::runtime;

/// Processor features that change speed or bits, as `/proc/cpuinfo` names them.
const FEATURES: [&str; 5] = ["avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile"];

/// What a run stands on. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// The processor.
    pub cpu: Cpu,
    /// Cores this process may use (affinity and container limits count).
    pub cores: usize,
    /// Memory this process may use (the container's limit where there is one).
    pub memory: u64,
    /// Free disk where the current folder lies.
    pub disk_free: u64,
    /// NVIDIA GPUs that answer.
    pub gpus: Vec<Gpu>,
    /// The libtorch in use.
    pub libtorch: Libtorch,
}

/// Name and features of the processor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cpu {
    /// Model name; `unknown` where the system does not tell.
    pub model: String,
    /// Those of avx2, avx512f, avx512_bf16, amx_bf16, amx_tile that it has.
    pub features: Vec<String>,
}

/// One NVIDIA GPU.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gpu {
    /// Product name.
    pub name: String,
    /// Memory in bytes.
    pub memory: u64,
    /// Driver version.
    pub driver: String,
}

/// The libtorch that this process has loaded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Libtorch {
    /// Version from its `build-version` file; `unknown` without one.
    pub version: String,
    /// Its folder.
    pub path: PathBuf,
    /// Whether it holds CUDA code.
    pub cuda: bool,
    /// Whether CUDA works here (a GPU and a driver that fits).
    pub cuda_works: bool,
    /// Whether MKL's AVX-512 code is open on AMD, see [`runtime::mkl_serv_intel_cpu_true`].
    pub mkl_switch: bool,
}

impl Machine {
    /// Looks at this machine. What the system does not tell is `unknown`, 0 or absent; nothing here fails.
    pub fn look() -> Machine {
        Machine {
            cpu: Cpu::parse(&read_to_string("/proc/cpuinfo").unwrap_or_default()),
            cores: std::thread::available_parallelism().map_or(1, |n| n.get()),
            memory: memory(),
            disk_free: disk_free(Path::new(".")),
            gpus: gpus(),
            libtorch: Libtorch::look(),
        }
    }
}

impl Cpu {
    /// Reads the first processor of `/proc/cpuinfo`.
    ///
    /// ```
    /// let cpu = longlab::lab::machine::Cpu::parse("model name\t: Zen\nflags\t\t: fpu avx2 avx512f\n");
    /// assert_eq!((cpu.model.as_str(), cpu.features.len()), ("Zen", 2));
    /// ```
    pub fn parse(cpuinfo: &str) -> Cpu {
        let field = |key: &str| {
            let mut pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
            pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
        };
        let flags: Vec<&str> = field("flags").unwrap_or_default().split(' ').collect();
        Cpu {
            model: field("model name").unwrap_or("unknown").to_string(),
            features: FEATURES.iter().filter(|f| flags.contains(f)).map(|f| f.to_string()).collect(),
        }
    }
}

impl Libtorch {
    fn look() -> Libtorch {
        let file = runtime::loaded_libtorch().unwrap_or_default();
        let path = file.parent().and_then(Path::parent).unwrap_or(Path::new("")).to_path_buf();
        let version = read_to_string(path.join("build-version")).unwrap_or_else(|_| "unknown".to_string());
        Libtorch {
            version: version.trim().to_string(),
            cuda: path.join("lib/libtorch_cuda.so").exists(),
            cuda_works: tch::Cuda::is_available(),
            mkl_switch: runtime::mkl_switch_on(),
            path,
        }
    }
}

/// Everything a job writes into `provenance.json`: code, libraries, machine and time.
pub fn provenance() -> Value {
    let machine = Machine::look();
    json!({
        "git": git(),
        "longlab": env!("CARGO_PKG_VERSION"),
        "libtorch": machine.libtorch.version,
        "mkl_switch": machine.libtorch.mkl_switch,
        "cpu": machine.cpu.model,
        "cpu_features": machine.cpu.features,
        "cores": machine.cores,
        "memory_bytes": machine.memory,
        "gpus": machine.gpus.iter().map(|gpu| gpu.name.as_str()).collect::<Vec<_>>(),
        "threads": tch::get_num_threads(),
        "date": iso8601(now()),
    })
}

/// Commit and dirtiness of the checkout; null fields where git or the repository is missing. Dirty means that files which are
/// compiled in differ from the commit: reports and results may come and go.
fn git() -> Value {
    let root = checkout();
    let ask = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(&root).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    let code = ["Cargo.toml", "Cargo.lock", "build.rs", ".cargo", "src", "kernels"];
    let status = ask(&[&["status", "--porcelain", "--"], &code[..]].concat());
    json!({ "commit": ask(&["rev-parse", "HEAD"]), "dirty": status.map(|lines| !lines.is_empty()) })
}

/// The repository: the current folder if it is one of ours, else where the binary was built.
fn checkout() -> PathBuf {
    let here = PathBuf::from(".");
    let ours = read_to_string(here.join("Cargo.toml")).is_ok_and(|text| text.contains("name = \"longlab\""));
    if ours { here } else { PathBuf::from(env!("CARGO_MANIFEST_DIR")) }
}

/// Memory of the machine, or the container's limit where that is smaller.
fn memory() -> u64 {
    let total = total_memory(&read_to_string("/proc/meminfo").unwrap_or_default());
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits = limits.iter().filter_map(|file| read_to_string(file).ok()?.trim().parse().ok());
    limits.chain([total]).min().unwrap_or(total)
}

fn total_memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Bytes that may still be written in a folder; 0 when the system does not tell.
pub fn disk_free(folder: &Path) -> u64 {
    use std::os::unix::ffi::OsStrExt;
    let Ok(path) = std::ffi::CString::new(folder.as_os_str().as_bytes()) else { return 0 };
    // SAFETY: `statvfs` fills a plain struct for a path that is a C string.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    let answer = unsafe { libc::statvfs(path.as_ptr(), &mut stat) };
    if answer == 0 { stat.f_bavail * stat.f_frsize } else { 0 }
}

fn gpus() -> Vec<Gpu> {
    let query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"];
    let output = Command::new("nvidia-smi").args(query).output().ok().filter(|output| output.status.success());
    output.map_or_else(Vec::new, |output| parse_gpus(&String::from_utf8_lossy(&output.stdout)))
}

/// One GPU a line: name, MiB, driver.
fn parse_gpus(lines: &str) -> Vec<Gpu> {
    let parse = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [name, mib, driver] = fields[..] else { return None };
        Some(Gpu { name: name.to_string(), memory: mib.parse::<u64>().ok()? << 20, driver: driver.to_string() })
    };
    lines.lines().filter_map(parse).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Seconds since 1970 as ISO 8601 in UTC.
///
/// ```
/// assert_eq!(longlab::lab::machine::iso8601(951_782_400), "2000-02-29T00:00:00Z");
/// ```
pub fn iso8601(seconds: u64) -> String {
    // Days are counted in eras of 400 years that begin on 1 March, so that the leap day comes last.
    let day = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_match_known_instants() {
        assert_eq!(iso8601(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso8601(1_709_251_199), "2024-02-29T23:59:59Z");
        assert_eq!(iso8601(1_735_689_600), "2025-01-01T00:00:00Z");
        assert_eq!(iso8601(4_102_444_799), "2099-12-31T23:59:59Z");
    }

    #[test]
    fn a_processor_without_x86_fields_is_unknown() {
        let cpu = Cpu::parse("Processor\t: ARM\nFeatures\t: asimd\n");
        assert_eq!(cpu, Cpu { model: "unknown".to_string(), features: vec![] });
    }

    #[test]
    fn features_are_whole_words() {
        let cpu = Cpu::parse("model name : X\nflags : avx avx512f_not avx512_bf16\n");
        assert_eq!(cpu.features, ["avx512_bf16"]);
    }

    #[test]
    fn memory_and_gpus_are_read_in_bytes() {
        assert_eq!(total_memory("MemTotal:       24681000 kB\nMemFree: 1 kB\n"), 24_681_000 * 1024);
        let gpus = parse_gpus("NVIDIA H100 80GB HBM3, 81559, 580.65.06\nbroken line\n");
        assert_eq!(gpus.len(), 1);
        assert_eq!((gpus[0].memory, gpus[0].driver.as_str()), (81_559 << 20, "580.65.06"));
    }

    #[test]
    fn provenance_has_every_field_filled_here() {
        let value = provenance();
        for key in ["longlab", "libtorch", "mkl_switch", "cpu", "cores", "memory_bytes", "threads", "date"] {
            assert!(!value[key].is_null(), "{key} is missing in {value}");
        }
        assert!(value["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 28));
        assert_ne!(value["libtorch"], "unknown");
    }

    #[test]
    fn disk_of_a_missing_folder_is_none() {
        assert!(disk_free(Path::new(".")) > 0);
        assert_eq!(disk_free(Path::new("/no/such/folder")), 0);
    }
}
