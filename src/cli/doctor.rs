//! `longlab doctor`: what this machine has, what each scale needs, and the mend for what is missing.

use std::process::Command;

use serde::Serialize;

use crate::lab::machine::Machine;

const GIB: u64 = 1 << 30;

/// A program that building, testing or provenance calls.
struct Tool {
    name: &'static str,
    call: &'static [&'static str],
    purpose: &'static str,
    mend: &'static str,
}

const TOOLS: [Tool; 8] = [
    Tool {
        name: "rustc",
        call: &["rustc", "--version"],
        purpose: "building",
        mend: "install Rust with rustup (https://rustup.rs)",
    },
    Tool {
        name: "cargo",
        call: &["cargo", "--version"],
        purpose: "building",
        mend: "install Rust with rustup (https://rustup.rs)",
    },
    Tool { name: "c++", call: &["c++", "--version"], purpose: "building", mend: "sudo apt-get install g++" },
    Tool {
        name: "rustfmt",
        call: &["cargo", "fmt", "--version"],
        purpose: "./lab test",
        mend: "rustup component add rustfmt",
    },
    Tool {
        name: "clippy",
        call: &["cargo", "clippy", "--version"],
        purpose: "./lab test",
        mend: "rustup component add clippy",
    },
    Tool {
        name: "cargo-nextest",
        call: &["cargo", "nextest", "--version"],
        purpose: "./lab test (falls back to cargo test)",
        mend: "cargo install --locked cargo-nextest",
    },
    Tool {
        name: "pip",
        call: &["python3", "-m", "pip", "--version"],
        purpose: "fetching libtorch",
        mend: "sudo apt-get install python3 python3-pip",
    },
    Tool {
        name: "git",
        call: &["git", "--version"],
        purpose: "the commit in provenance.json",
        mend: "sudo apt-get install git",
    },
];

/// What one scale takes, on one machine; docs/install.md gives the sums behind the numbers.
#[derive(Serialize)]
struct Need {
    scale: &'static str,
    does: &'static str,
    machines: usize,
    memory: u64,
    disk: u64,
    gpus: usize,
    gpu_memory: u64,
}

const NEEDS: [Need; 4] = [
    Need {
        scale: "micro",
        does: "train 1M parameters, two jobs at once",
        machines: 1,
        memory: 4 * GIB,
        disk: 5 * GIB,
        gpus: 0,
        gpu_memory: 0,
    },
    Need {
        scale: "smol",
        does: "train SmolLM2-135M, one job",
        machines: 1,
        memory: 16 * GIB,
        disk: 15 * GIB,
        gpus: 0,
        gpu_memory: 0,
    },
    Need {
        scale: "4b",
        does: "train Qwen3-4B, 20K context and 12K answers",
        machines: 1,
        memory: 200 * GIB,
        disk: 220 * GIB,
        gpus: 8,
        gpu_memory: 76 * GIB,
    },
    Need {
        scale: "30b",
        does: "train Qwen3-30B-A3B",
        machines: 2,
        memory: 700 * GIB,
        disk: 1500 * GIB,
        gpus: 8,
        gpu_memory: 76 * GIB,
    },
];

#[derive(Serialize)]
struct Found {
    tool: &'static str,
    version: Option<String>,
    purpose: &'static str,
    mend: Option<&'static str>,
}

#[derive(Serialize)]
struct Verdict {
    #[serde(flatten)]
    need: &'static Need,
    missing: Vec<String>,
}

#[derive(Serialize)]
struct Diagnosis {
    machine: Machine,
    tools: Vec<Found>,
    /// Things that work, but worse than they could.
    warnings: Vec<String>,
    scales: Vec<Verdict>,
}

/// Prints what was found, as text or as JSON. What is missing is said, never an error: the command is there to be read.
pub fn run(json: bool) -> anyhow::Result<()> {
    let diagnosis = diagnose(Machine::look());
    let text = if json { serde_json::to_string_pretty(&diagnosis)? + "\n" } else { diagnosis.to_text() };
    print!("{text}");
    Ok(())
}

fn diagnose(machine: Machine) -> Diagnosis {
    Diagnosis {
        tools: TOOLS.iter().map(find).collect(),
        warnings: warnings(&machine, std::env::var("GOMP_SPINCOUNT").ok().as_deref()),
        scales: NEEDS.iter().map(|need| Verdict { need, missing: need.missing(&machine) }).collect(),
        machine,
    }
}

fn find(tool: &Tool) -> Found {
    let output =
        Command::new(tool.call[0]).args(&tool.call[1..]).output().ok().filter(|output| output.status.success());
    let version = output.map(|output| {
        let line = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_string();
        line.split(" from ").next().unwrap_or_default().to_string()
    });
    Found { tool: tool.name, mend: version.is_none().then_some(tool.mend), version, purpose: tool.purpose }
}

fn warnings(machine: &Machine, spin: Option<&str>) -> Vec<String> {
    let torch = &machine.libtorch;
    let mut found = Vec::new();
    if !torch.mkl_switch {
        found.push(
            "MKL's AVX-512 switch is off: training runs at about half speed on AMD; build with ./lab".to_string(),
        );
    }
    if spin != Some("0") {
        found.push("GOMP_SPINCOUNT is not 0: jobs side by side slow each other down; start through ./lab".to_string());
    }
    if !machine.gpus.is_empty() && !torch.cuda {
        found.push("there is a GPU, but libtorch is the CPU set; mend: LONGLAB_LIBTORCH=cuda ./lab setup".to_string());
    } else if !machine.gpus.is_empty() && !torch.cuda_works {
        found.push("there is a GPU, but CUDA does not start; mend: NVIDIA driver 580 or newer".to_string());
    }
    found
}

impl Need {
    /// What this machine lacks for the scale; empty when it has all.
    fn missing(&self, machine: &Machine) -> Vec<String> {
        let mut missing = Vec::new();
        if machine.memory < self.memory {
            missing.push(format!("memory: {} of {} GiB", machine.memory / GIB, self.memory / GIB));
        }
        if machine.disk_free < self.disk {
            missing.push(format!("free disk: {} of {} GiB", machine.disk_free / GIB, self.disk / GIB));
        }
        let fitting = machine.gpus.iter().filter(|gpu| gpu.memory >= self.gpu_memory).count();
        if fitting < self.gpus {
            missing.push(format!("GPUs of 80 GB: {fitting} of {}", self.gpus));
        }
        missing
    }
}

impl Diagnosis {
    fn to_text(&self) -> String {
        let mut lines = vec!["machine".to_string()];
        lines.extend(self.machine_lines());
        lines.push("tools".to_string());
        lines.extend(self.tools.iter().map(Found::to_line));
        lines.push("scales".to_string());
        lines.extend(self.scales.iter().map(Verdict::to_line));
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        lines.join("\n") + "\n"
    }

    fn machine_lines(&self) -> Vec<String> {
        let Machine { cpu, cores, memory, disk_free, gpus, libtorch } = &self.machine;
        let features =
            if cpu.features.is_empty() { "none of AVX2, AVX-512, AMX".to_string() } else { cpu.features.join(" ") };
        let kind = match (libtorch.cuda, libtorch.cuda_works) {
            (true, true) => "CUDA",
            (true, false) => "CUDA (no GPU answers, runs on CPU)",
            (false, _) => "CPU",
        };
        let mut lines = vec![
            format!("  processor   {} ({cores} cores)", cpu.model),
            format!("  features    {features}"),
            format!("  memory      {} GiB", memory / GIB),
            format!("  free disk   {} GiB", disk_free / GIB),
            format!("  libtorch    {} {kind}, {}", libtorch.version, libtorch.path.display()),
            format!("  MKL switch  {}", if libtorch.mkl_switch { "on" } else { "off" }),
        ];
        lines.extend(
            gpus.iter()
                .map(|gpu| format!("  GPU         {}, {} GiB, driver {}", gpu.name, gpu.memory / GIB, gpu.driver)),
        );
        if gpus.is_empty() {
            lines.push("  GPU         none (nvidia-smi does not answer)".to_string());
        }
        lines
    }
}

impl Found {
    fn to_line(&self) -> String {
        let name = format!("  {:<14}", self.tool);
        match (&self.version, self.mend) {
            (Some(version), _) => format!("{name}{version}"),
            (None, mend) => format!("{name}missing, for {}; mend: {}", self.purpose, mend.unwrap_or_default()),
        }
    }
}

impl Verdict {
    fn to_line(&self) -> String {
        let Need { scale, does, machines, memory, disk, gpus, .. } = self.need;
        let gpus = if *gpus > 0 { format!(", {gpus} GPUs of 80 GB") } else { String::new() };
        let each = if *machines > 1 { format!("{machines} machines, each with ") } else { String::new() };
        let state = match self.missing.as_slice() {
            [] if *machines > 1 => "this machine can be one of them".to_string(),
            [] => "ready".to_string(),
            missing => format!("not here ({})", missing.join(", ")),
        };
        format!("  {scale:<6}{does}: {each}{} GiB memory, {} GiB disk{gpus}: {state}", memory / GIB, disk / GIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::machine::{Cpu, Gpu, Libtorch};

    fn machine(memory: u64, gpus: usize) -> Machine {
        let gpu = Gpu { name: "G".to_string(), memory: 81_559 << 20, driver: "580.1".to_string() };
        Machine {
            cpu: Cpu { model: "X".to_string(), features: vec!["avx2".to_string()] },
            cores: 2,
            memory,
            disk_free: 2000 * GIB,
            gpus: vec![gpu; gpus],
            libtorch: Libtorch {
                version: "2.13.0".to_string(),
                path: "/t".into(),
                cuda: gpus > 0,
                cuda_works: gpus > 0,
                mkl_switch: true,
            },
        }
    }

    #[test]
    fn each_scale_says_what_it_lacks() {
        let small = machine(8 * GIB, 0);
        let missing: Vec<usize> = NEEDS.iter().map(|need| need.missing(&small).len()).collect();
        assert_eq!(missing, [0, 1, 2, 2]);
        assert_eq!(NEEDS[1].missing(&small), ["memory: 8 of 16 GiB"]);
        let node = machine(1024 * GIB, 8);
        assert!(NEEDS.iter().all(|need| need.missing(&node).is_empty()));
    }

    #[test]
    fn warnings_name_the_mend() {
        let mut machine = machine(8 * GIB, 1);
        assert!(warnings(&machine, Some("0")).is_empty());
        machine.libtorch.cuda = false;
        machine.libtorch.mkl_switch = false;
        let found = warnings(&machine, None).join("\n");
        for word in ["./lab", "GOMP_SPINCOUNT", "LONGLAB_LIBTORCH=cuda"] {
            assert!(found.contains(word), "{word} is not in {found}");
        }
    }

    #[test]
    fn a_missing_tool_comes_with_its_mend() {
        let tool = Tool { name: "x", call: &["no-such-tool-here"], purpose: "nothing", mend: "get it" };
        assert_eq!(find(&tool).to_line(), "  x             missing, for nothing; mend: get it");
        assert!(find(&TOOLS[0]).version.is_some_and(|version| version.starts_with("rustc ")));
    }

    #[test]
    fn text_and_json_say_the_same_scales() {
        let diagnosis = diagnose(machine(8 * GIB, 0));
        let json = serde_json::to_value(&diagnosis).expect("plain data");
        assert_eq!(json["scales"][0]["scale"], "micro");
        assert_eq!(json["scales"][1]["missing"][0], "memory: 8 of 16 GiB");
        let text = diagnosis.to_text();
        assert!(text.contains("5 GiB disk: ready"), "{text}");
        assert!(text.contains("not here (memory: 8 of 16 GiB)"), "{text}");
    }
}
