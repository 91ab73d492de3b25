//! How much memory this process has had.

use std::fs;

/// The most bytes of memory that this process has had at once, where the system tells: on Linux.
pub(super) fn peak() -> Option<u64> {
    most(&fs::read_to_string("/proc/self/status").ok()?)
}

/// The "high water mark" of a process, in bytes, by its `status`.
fn most(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_in_the_status() {
        assert_eq!(most("VmPeak:\t  999 kB\nVmHWM:\t   1234 kB\nVmRSS:\t 1 kB\n"), Some(1234 * 1024));
        assert_eq!(most("Name:\tkiln\nVmHWM:\tmuch kB\n"), None);
        assert_eq!(most(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells_it() {
        assert!(peak().is_some_and(|bytes| bytes > 1 << 20));
    }
}
