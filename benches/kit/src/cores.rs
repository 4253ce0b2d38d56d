//! A core for each thread.

/// Has the calling thread run on the core of this number, of those that the program may use: two threads that are to be
/// in each other's way must not take turns on one. Where that is not to be had, they run as it comes.
#[cfg(target_os = "linux")]
pub(crate) fn keep_to_core(number: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    if let Some(core) = cores.nth(number) {
        let mut only = CpuSet::new();
        only.set(core);
        // It is only a wish.
        let _ = sched_setaffinity(None, &only);
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn keep_to_core(_: usize) {}
