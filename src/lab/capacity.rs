//! What the machine carries of jobs side by side.

use super::schedule::Load;
use std::fs;

/// What this machine carries now: its cores, and the memory that is free for new processes.
pub fn machine() -> Load {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    Load { threads: cores as u64, memory: available_memory() >> 20 }
}

/// Bytes that are free for new processes; where the system does not say, as much as there could be.
fn available_memory() -> u64 {
    let system = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available_in(&text));
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    system.unwrap_or(u64::MAX).min(group.unwrap_or(u64::MAX))
}

fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read_in_kibibytes() {
        assert_eq!(available_in("MemTotal:  100 kB\nMemAvailable:     64 kB\n"), Some(65_536));
        assert_eq!(available_in("MemTotal: 100 kB\n"), None);
    }

    #[test]
    fn this_machine_carries_something() {
        let Load { threads, memory } = machine();
        assert!(threads > 0 && memory > 0);
    }
}
