//! Settings of glibc's `malloc`, so that memory which is freed goes back to the system.
//!
//! By default every thread gets a heap of its own, and once a large block was freed, blocks as
//! large come from those heaps, which keep what is freed in their midst. With fixed settings large
//! blocks are mapped one by one and unmapped when they are freed: docs/benchmarks.md has what that
//! changes.
//!
//! glibc reads them before a program begins, and changing them later takes unsafe code. So the
//! program starts itself anew, once: the process stays the same.

use std::os::unix::process::CommandExt;
use std::process::Command;

const VARIABLE: &str = "GLIBC_TUNABLES";

const SETTINGS: &str = "glibc.malloc.arena_max=2:glibc.malloc.mmap_threshold=131072:\
                        glibc.malloc.trim_threshold=1048576";

/// Starts the program anew with the settings, unless there are some already. Without glibc, or if
/// that cannot be done, it goes on as it is.
pub fn configure() {
    if cfg!(not(target_env = "gnu")) || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    if let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) {
        // It returns only if it fails.
        let _ = Command::new(program).arg0(name).args(arguments).env(VARIABLE, SETTINGS).exec();
    }
}
