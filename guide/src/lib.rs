#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! | you want to | read |
//! | --- | --- |
//! | call an API | [`getting_started`] |
//! | come from a `requests.Session` in Python | [`from_python`] |
//! | move from caching by hand, `oauth2` or `yup-oauth2` | [`moving`] |
//! | know what happens when a token ends, the server fails, the API says 401 | [`life_of_a_token`] |
//! | tune renewals | [`choosing_margins`] |
//! | authenticate in another way than by a secret | [`client_authentication`] |
//! | bind tokens to a key | [`dpop`] |
//! | serve many tenants, or many APIs | [`many_tenants`] |
//! | share one token among processes | [`fleets`] |
//! | bring a source, a store or an HTTP client of your own | [`your_own`] |
//! | test your code | [`testing`] |
//! | know what it costs, also beside other libraries | [`performance`] |
//! | run it: watch, wake somebody, read errors | [`operations`] |
//! | judge its security | [`threat_model`] |
//! | read the source, or build beside it | [`architecture`] |

#![doc(html_no_source)]

#[doc = include_str!("getting_started.md")]
pub mod getting_started {}
#[doc = include_str!("from_python.md")]
pub mod from_python {}
#[doc = include_str!("moving.md")]
pub mod moving {}
/// What happens to a token, and what your callers see of it: when it nears its end, when the token endpoint fails, and
/// when the API refuses it.
///
#[doc = include_str!("pictures/life.svg")]
///
#[doc = include_str!("life_of_a_token.md")]
pub mod life_of_a_token {}
#[doc = include_str!("choosing_margins.md")]
pub mod choosing_margins {}
#[doc = include_str!("client_authentication.md")]
pub mod client_authentication {}
#[doc = include_str!("dpop.md")]
pub mod dpop {}
#[doc = include_str!("many_tenants.md")]
pub mod many_tenants {}
#[doc = include_str!("fleets.md")]
pub mod fleets {}
#[doc = include_str!("your_own.md")]
pub mod your_own {}
#[doc = include_str!("testing.md")]
pub mod testing {}
// Here all of it is one page. The first definition of a link is the one that counts: those within the file are for
// whoever reads the files.
/// [summary]: #what-came-of-it
/// [hit]: #the-hit-path
/// [authorize]: #authorizing-a-request
/// [herd]: #many-callers-without-a-token
/// [renewal]: #a-renewal-under-load
/// [requests]: #requests-a-second
/// [memory]: #memory
/// [number]: #many-sources
/// [parsing]: #reading-a-token-response
/// [instructions]: #instructions
/// [peers-hit]: #peers-a-hit
/// [peers-stress]: #peers-when-it-matters
/// [peers-throughput]: #peers-requests-a-second
///
#[doc = include_str!("performance/README.md")]
#[doc = include_str!("performance/summary.md")]
#[doc = include_str!("performance/hit.md")]
#[doc = include_str!("performance/hit-1.svg")]
///
#[doc = include_str!("performance/hit-2.svg")]
///
#[doc = include_str!("performance/hit-3.svg")]
///
#[doc = include_str!("performance/authorize.md")]
#[doc = include_str!("performance/herd.md")]
#[doc = include_str!("performance/renewal.md")]
#[doc = include_str!("performance/renewal-1.svg")]
///
#[doc = include_str!("performance/requests.md")]
#[doc = include_str!("performance/requests-1.svg")]
///
#[doc = include_str!("performance/memory.md")]
#[doc = include_str!("performance/number.md")]
#[doc = include_str!("performance/number-1.svg")]
///
#[doc = include_str!("performance/number-2.svg")]
///
#[doc = include_str!("performance/parsing.md")]
#[doc = include_str!("performance/instructions.md")]
#[doc = include_str!("performance/peers-hit.md")]
#[doc = include_str!("performance/peers-hit-1.svg")]
///
#[doc = include_str!("performance/peers-hit-2.svg")]
///
#[doc = include_str!("performance/peers-hit-3.svg")]
///
#[doc = include_str!("performance/peers-stress.md")]
#[doc = include_str!("performance/peers-throughput.md")]
#[doc = include_str!("performance/peers-throughput-1.svg")]
///
pub mod performance {}
#[doc = include_str!("operations.md")]
pub mod operations {}
#[doc = include_str!("threat_model.md")]
pub mod threat_model {}
#[doc = include_str!("architecture.md")]
pub mod architecture {}

/// The README of the repository, whose examples compile too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
