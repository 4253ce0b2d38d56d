//! What an authorized HTTP client owes its users, rule by rule, over real sockets.
//!
//! An adapter is whatever sends requests with the tokens of a source: a client of its own, a middleware, a
//! service. The tester implements [`Adapter`] for it, and
//! [`adapter_conformance!`](crate::adapter_conformance) makes a named test of each rule.
//!
//! Adapters may differ in what HTTP offers beside authorization: whether they follow redirects, decode gzip,
//! send streams. [`Capabilities`] says so, and is a claim that is tested either way: what an adapter does not
//! claim, it must not do.

mod api;
mod capabilities;
mod header;
mod healing;
mod herd;
mod logs;
mod origins;
mod redirects;
mod wire;
mod world;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use oauth_core::{Authorizer, Error, SharedTokenSource};

pub use api::*;
pub use capabilities::{Capabilities, Redirects};
pub use header::*;
pub use healing::*;
pub use herd::*;
pub use logs::*;
pub use origins::*;
pub use redirects::*;
pub use world::Shown;

/// An authorized HTTP client under test.
///
/// It blocks, so that synchronous and asynchronous clients both fit; several threads call it at once.
///
/// # Contract
///
/// - The request has an absolute URI. It is sent with its method and headers; of the response, status, headers,
///   extensions and the whole body come back.
/// - [`Setup::timeout`] is the limit on an exchange with the API, to be set the way users of the client set
///   theirs.
/// - Nothing is done here that the client does not do for its users: no retry, no check.
///
/// # Errors
///
/// [`Failure`], sorted by what the client itself says.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use oauth_core::{Authorizer, Target};
/// use oauth_testkit::conformance::adapter::{Adapter, Body, Capabilities, Failure, Redirects, Setup};
///
/// struct MyAdapter(Authorizer);
///
/// impl MyAdapter {
///     fn new(setup: Setup) -> Self {
///         Self(setup.authorizer())
///     }
/// }
///
/// impl Adapter for MyAdapter {
///     fn capabilities(&self) -> Capabilities {
///         Capabilities::new().redirects(Redirects::Returned).no_streams()
///     }
///
///     fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, Failure> {
///         if matches!(request.body(), Body::Stream(_)) {
///             return Err(Failure::Unsupported);
///         }
///         self.0.exchange(&Target::of(request.uri())).map_err(Failure::Token)?;
///         Err(Failure::transport("not there yet"))
///     }
/// }
///
/// oauth_testkit::adapter_conformance! {
///     adapter: |setup| MyAdapter::new(setup),
/// }
/// ```
pub trait Adapter: Send + Sync {
    /// What the client does beside authorizing. All of it is tested.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Sends a request as a user of the client would, and reads the whole response.
    fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, Failure>;
}

/// What an adapter is made of.
#[derive(Clone)]
#[non_exhaustive]
pub struct Setup {
    /// Where its tokens come from.
    pub source: SharedTokenSource,
    /// Where they may go.
    pub origins: Vec<String>,
    /// The limit on one exchange with the API, its body included.
    pub timeout: Duration,
    /// To be told which headers the HTTP client is handed, by an adapter that
    /// [`shows_headers`](Capabilities::shows_headers).
    pub shown: Shown,
}

impl Setup {
    /// The authorizer of source and origins, with default settings.
    ///
    /// # Panics
    ///
    /// If an origin is none, which no rule gives.
    #[must_use]
    pub fn authorizer(&self) -> Authorizer {
        Authorizer::new(Arc::clone(&self.source), &self.origins).expect("the origins are origins")
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("origins", &self.origins)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// None at all.
    Empty,
    /// To be given to the client in a form that it can send again.
    Bytes(Bytes),
    /// To be given to the client as a stream, which can be read once only.
    Stream(Bytes),
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No token for this request: nothing was sent.
    #[error(transparent)]
    Token(#[from] Error),
    /// The limit on the exchange ran out.
    #[error("the exchange took too long")]
    Timeout(#[source] Cause),
    /// Whatever else went wrong with the exchange.
    #[error("the exchange failed")]
    Transport(#[source] Cause),
    /// The adapter cannot send such a request, and does not claim to.
    #[error("the adapter cannot send such a request")]
    Unsupported,
}

/// The error of the HTTP client.
pub type Cause = Box<dyn StdError + Send + Sync>;

impl Failure {
    /// [`Failure::Timeout`] with the error of the HTTP client.
    pub fn timeout(cause: impl Into<Cause>) -> Self {
        Self::Timeout(cause.into())
    }

    /// [`Failure::Transport`] with the error of the HTTP client.
    pub fn transport(cause: impl Into<Cause>) -> Self {
        Self::Transport(cause.into())
    }
}

/// Makes an adapter of a setup.
pub type Factory<'a> = dyn Fn(Setup) -> Box<dyn Adapter> + 'a;

/// A rule, by its name.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The name of its function and of its test.
    pub name: &'static str,
    /// Panics if the adapters that the factory makes break the rule.
    pub check: fn(&Factory<'_>),
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}

/// A factory of adapters of one type.
pub fn factory<A: Adapter + 'static>(
    make: impl Fn(Setup) -> A,
) -> impl Fn(Setup) -> Box<dyn Adapter> {
    move |setup| Box::new(make(setup))
}

/// Makes a named test of each rule for [`Adapter`](crate::conformance::adapter::Adapter)s.
///
/// `adapter` is a function from a [`Setup`](crate::conformance::adapter::Setup) to an adapter. An example is at
/// [`Adapter`](crate::conformance::adapter::Adapter).
#[macro_export]
macro_rules! adapter_conformance {
    (adapter: $adapter:expr $(,)?) => {
        $crate::adapter_conformance! { @each tests($adapter) }
    };
    (@each $then:ident($($argument:tt)*)) => {
        $crate::adapter_conformance! {
            @$then($($argument)*)
            every_method_bears_the_token_once
            the_request_is_sent_as_it_is
            p09_the_token_is_marked_sensitive
            p09_an_error_shows_no_token
            p09_nothing_that_is_logged_shows_a_token
            a_token_of_8_kib_is_sent
            without_a_token_nothing_is_sent
            the_callers_own_authorization_is_kept
            p07_a_401_to_the_callers_own_authorization_is_not_healed
            p07_a_401_invalid_token_is_healed
            p07_a_second_401_is_the_callers
            every_challenge_of_a_401_is_read
            p07_a_bare_401_is_not_healed
            p07_a_403_insufficient_scope_is_left_alone
            a_repeatable_body_is_sent_again_byte_for_byte
            a_streaming_body_is_not_sent_again
            if_no_new_token_comes_the_401_is_the_callers
            p10_a_request_to_a_foreign_origin_is_not_sent
            p10_user_information_in_a_url_keeps_the_token_away
            a_redirect_within_the_origin_keeps_the_token
            p10_a_redirect_to_another_origin_drops_the_token
            p07_a_401_of_another_origin_is_not_believed
            p07_a_redirect_there_and_back_gets_no_good_token_rejected
            a_body_of_4_mib_arrives_whole
            the_body_of_an_error_arrives_whole
            gzip_is_decoded_or_left_alone
            headers_of_16_kib_arrive
            a_head_request_has_no_body
            a_server_of_http_1_0_is_understood
            a_connection_that_was_closed_while_idle_is_not_missed
            a_slow_answer_times_out
            a_slow_body_times_out
            a_reset_is_a_transport_failure
            a_truncated_body_is_a_transport_failure
            p04_a_cold_herd_makes_one_token_request
            p02_nobody_waits_for_a_renewal
            p07_fifty_401s_of_one_token_cause_one_renewal
        }
    };
    (@tests($adapter:expr) $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                use $crate::conformance::adapter;
                adapter::$rule(&adapter::factory($adapter));
            }
        )*
    };
    (@list() $($rule:ident)*) => {
        &[$($crate::conformance::adapter::Rule {
            name: stringify!($rule),
            check: $crate::conformance::adapter::$rule,
        }),*]
    };
}

/// Every rule, in the order of the tests.
pub const RULES: &[Rule] = adapter_conformance!(@each list());
