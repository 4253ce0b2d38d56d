//! The libraries against a certified authorization server, through both HTTP libraries.
//!
//! Every test is written once, over a [`Backend`](backend::Backend), and runs through each of them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

/// Makes of a function over a backend a test for each library.
macro_rules! through_both {
    ($($name:ident)*) => {$(
        mod $name {
            use crate::backend::{Backend, Library};

            #[test]
            fn reqwest() {
                super::$name(&Backend::new(Library::Reqwest, stringify!($name)));
            }

            #[test]
            fn isahc() {
                super::$name(&Backend::new(Library::Isahc, stringify!($name)));
            }
        }
    )*};
}

mod assertions;
mod backend;
mod cache;
mod certificates;
mod dpop;
mod endpoints;
mod lifecycle;
mod matrix;
mod refusals;
mod server;
