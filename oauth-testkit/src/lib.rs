#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! [`FakeTokenServer`] is the server. [`Reply`] scripts what it answers, [`Gate`] holds answers back
//! until the test says so, and a request log tells what the client did. [`ManualClock`] stands still
//! until it is moved; a server that is given it judges the age of its tokens by it.
//!
//! The server verifies strictly whatever a client may speak, and says in `error_description` exactly what
//! is wrong: client authentication, grants, resources. It has metadata (RFC 8414), introspection (RFC 7662)
//! and revocation (RFC 7009). Two features add what needs cryptography, which nobody else has to build:
//!
//! - `tls`: TLS with an authority of the process (`FakeTokenServer::ca_pem`), faults of the
//!   handshake, client certificates, tokens bound to them (RFC 8705).
//! - `jose`: client assertions and assertions as grants (RFC 7523), DPoP (RFC 9449), signed access tokens
//!   (RFC 9068).
//!
//! A [`scenario`] says in JSON what happens to a cached token source and what its callers must see. It is
//! played to a [`Subject`](scenario::Subject): [`VirtualWorld`] is the real cache in virtual time,
//! [`ReferenceCache`] a naive reading of the same rules to compare it with.
//!
//! A [`conformance`] suite tests somebody's implementation of a trait, one named test a rule:
//! [`http_client_conformance!`] a client for token requests, [`adapter_conformance!`] an authorized client.
//! [`Recording`] is what they search for secrets: all that the process logs. [`Messages`] are for snapshots of what errors say.
//!
//! The [`guide`] shows how to test a program in the situations that it meets. The manual of the program
//! `fake-token-server` is `program`; it needs the feature `program`, the only default one.

mod captured_log;
pub mod conformance;
mod doubles;
mod fault;
mod gate;
pub mod guide;
mod manual_clock;
mod messages;
mod on_the_way;
#[cfg(feature = "program")]
pub mod program;
mod recording;
mod reference_cache;
mod reply;
mod runtime;
pub mod scenario;
mod server;
mod shutdown;
#[cfg(feature = "proptest")]
pub mod strategies;
mod sync;
mod virtual_world;

pub use captured_log::CapturedLog;
#[cfg(feature = "mock")]
pub use doubles::mock;
pub use doubles::{FaultyStore, GatedSource, ScriptedSource, StoreFault};
pub use fault::{Fault, FaultPlan};
pub use gate::Gate;
pub use manual_clock::ManualClock;
pub use messages::Messages;
pub use recording::Recording;
pub use reference_cache::ReferenceCache;
pub use reply::Reply;
pub use server::{
    ApiMatch, ApiRequest, ClientAuth, ClientAuthMethod, Expectation, FakeTokenServer,
    FakeTokenServerBuilder, Match, MatchedRequest, Outage, SeenJwt, TokenMatch, TokenRequest, When,
};
#[cfg(feature = "jose")]
pub use server::{
    AssertionAudience, AssertionRules, DpopNonce, DpopRules, FederatedIdentity, JwtAlgorithm,
};
#[cfg(feature = "tls")]
pub use server::{CertificateSubject, ClientCertificate, TlsFault};
pub use virtual_world::VirtualWorld;
