//! A fake OAuth 2.0 token server that misbehaves on request, and a clock that a test moves by hand.
//!
//! [`FakeTokenServer`] serves real HTTP on loopback with its own threads, so that it serves any test,
//! with or without an async runtime. [`Reply`] scripts what it answers, [`Gate`] holds answers back
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
//! The [`guide`] shows how to test a program in the situations that it meets. For programs in other languages there is
//! the server as a program, `fake-token-server`, whose manual is `program`; it needs the feature `program`, the only
//! default one. Whoever wants the library alone depends on it with `default-features = false`.
//!
//! # Examples
//!
//! ```
//! use oauth_testkit::{FakeTokenServer, Reply};
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! /// Stands for the client under test.
//! fn ask_for_a_token(server: &FakeTokenServer) -> std::io::Result<String> {
//!     let url = server.token_url();
//!     let host = url.trim_start_matches("http://").trim_end_matches("/oauth/token");
//!     let form = "grant_type=client_credentials&client_id=test-client&client_secret=test-secret";
//!     let mut stream = TcpStream::connect(host)?;
//!     write!(
//!         stream,
//!         "POST /oauth/token HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
//!          Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
//!         form.len(),
//!     )?;
//!     let mut response = String::new();
//!     stream.read_to_string(&mut response)?;
//!     Ok(response)
//! }
//!
//! let server = FakeTokenServer::start()?;
//! server.next_token_reply(Reply::status(503).header("Retry-After", "7"));
//!
//! assert!(ask_for_a_token(&server)?.starts_with("HTTP/1.1 503 "));
//! assert!(ask_for_a_token(&server)?.contains("access_token"));
//!
//! server.assert_token_requests(2);
//! assert_eq!(server.token_requests()[0].grant_type(), Some("client_credentials"));
//! assert_eq!(server.token_requests()[0].param("client_secret"), Some("<redacted>"));
//! # std::io::Result::Ok(())
//! ```

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
pub use server::{AssertionAudience, AssertionRules, DpopNonce, DpopRules, JwtAlgorithm};
#[cfg(feature = "tls")]
pub use server::{CertificateSubject, ClientCertificate, TlsFault};
pub use virtual_world::VirtualWorld;
