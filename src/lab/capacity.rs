//! How many jobs the machine carries side by side.

use std::fs;

/// Memory one micro job may take, in bytes.
pub const MICRO_JOB_BYTES: u64 = 3 << 29; // 1.5 GiB

/// The number of jobs of `threads` threads for `cores` cores and `memory` bytes; at least one.
///
/// ```
/// use longlab::lab::capacity::fitting;
/// assert_eq!(fitting(8, 2, 24 << 30), 4);  // by cores
/// assert_eq!(fitting(64, 1, 6 << 30), 4);  // by memory
/// assert_eq!(fitting(2, 4, 24 << 30), 1);
/// ```
pub fn fitting(cores: usize, threads: usize, memory: u64) -> usize {
    let by_memory = usize::try_from(memory / MICRO_JOB_BYTES).unwrap_or(usize::MAX);
    (cores / threads.max(1)).min(by_memory).max(1)
}

/// The default of `--jobs`: what this machine carries now of jobs of `threads` threads.
pub fn default_jobs(threads: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    fitting(cores, threads, available_memory())
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
}
