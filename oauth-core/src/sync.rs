//! The locks and atomics of the cache: those of the standard library, or those of the model checker that
//! plays through the interleavings (`--cfg oauth_shuttle`, see the package `interleavings`).

#[cfg(not(oauth_shuttle))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, AtomicUsize},
};

#[cfg(oauth_shuttle)]
pub(crate) use shuttle::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, AtomicUsize},
};
