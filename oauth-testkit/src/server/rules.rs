//! Replies and expectations by matching, as a test states them.

use std::fmt;

use crate::reply::Reply;
use crate::server::FakeTokenServer;
use crate::server::expectation::{Expected, Times};
use crate::server::matching::Match;
use crate::server::requests::{ApiRequest, TokenRequest};
use crate::server::script::Script;
use crate::server::state::ServerState;

/// A request that a [`Match`] can choose: a [`TokenRequest`] or an [`ApiRequest`].
pub trait MatchedRequest: sealed::Scripted {}

impl MatchedRequest for TokenRequest {}
impl MatchedRequest for ApiRequest {}

pub(crate) mod sealed {
    use super::{ApiRequest, Script, ServerState, TokenRequest};

    pub trait Scripted: Sized {
        #[doc(hidden)]
        #[expect(
            private_interfaces,
            reason = "the trait cannot be named outside of this crate"
        )]
        fn script(state: &ServerState) -> &Script<Self>;
    }

    impl Scripted for TokenRequest {
        #[expect(private_interfaces, reason = "as above")]
        fn script(state: &ServerState) -> &Script<Self> {
            &state.token_script
        }
    }

    impl Scripted for ApiRequest {
        #[expect(private_interfaces, reason = "as above")]
        fn script(state: &ServerState) -> &Script<Self> {
            &state.api_script
        }
    }
}

/// Replies and expectations by matching.
impl FakeTokenServer {
    /// Begins a rule: how requests of this kind are answered.
    ///
    /// Rules go before the replies that any request takes
    /// ([`next_token_reply`](Self::next_token_reply) and its like). Of several rules for one request, those with a
    /// reply to be used once go first, in the order they were made; of replies that stay, the youngest is given.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_testkit::{FakeTokenServer, Reply, TokenMatch};
    ///
    /// let server = FakeTokenServer::start()?;
    /// server
    ///     .when(TokenMatch::client("tenant-a"))
    ///     .reply(Reply::status(503)) // once
    ///     .reply(Reply::reset()) // then once
    ///     .always(Reply::oauth_error("invalid_client"));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use = "a rule does nothing until it is given a reply"]
    pub fn when<R: MatchedRequest>(&self, requests: Match<R>) -> When<'_, R> {
        let script = R::script(&self.state);
        When {
            rule: script.add_rule(requests),
            script,
        }
    }

    /// Expects requests of this kind from now on: at least one, unless told otherwise.
    ///
    /// Dropping the server checks that, and panics if it did not come true; not in a thread that is panicking already.
    /// [`verify`](Self::verify) checks it earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_testkit::{ApiMatch, FakeTokenServer, TokenMatch};
    ///
    /// let server = FakeTokenServer::start()?;
    /// server.expect(TokenMatch::any()).at_most(1);
    /// server.expect(ApiMatch::path("/admin")).never();
    /// # std::io::Result::Ok(())
    /// ```
    pub fn expect<R: MatchedRequest>(&self, requests: Match<R>) -> Expectation<'_, R> {
        let script = R::script(&self.state);
        Expectation {
            index: script.expect(Expected::new(requests)),
            script,
        }
    }

    /// Checks what is [expected](Self::expect).
    ///
    /// # Panics
    ///
    /// If something has not come true so far.
    #[track_caller]
    pub fn verify(&self) {
        let unmet = self.unmet_expectations();
        assert!(unmet.is_empty(), "{unmet}");
    }

    /// Empty if all is well.
    pub(crate) fn unmet_expectations(&self) -> String {
        let (token, api) = (self.token_requests(), self.api_requests());
        let of_token = self.state.token_script.unmet();
        let of_api = self.state.api_script.unmet();
        let texts: Vec<String> = of_token
            .iter()
            .map(|unmet| unmet.explain("token requests", &token))
            .chain(
                of_api
                    .iter()
                    .map(|unmet| unmet.explain("API requests", &api)),
            )
            .collect();
        texts.join("\n")
    }
}

/// A rule in the making, see [`FakeTokenServer::when`].
pub struct When<'a, R> {
    script: &'a Script<R>,
    rule: usize,
}

impl<R> When<'_, R> {
    /// Gives this reply once, after those the rule was given before.
    pub fn reply(self, reply: Reply) -> Self {
        self.script.push_to(self.rule, reply);
        self
    }

    /// Gives this reply whenever the rule has no other.
    pub fn always(self, reply: Reply) {
        self.script.set_always_of(self.rule, reply);
    }
}

impl<R> fmt::Debug for When<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When")
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

/// An expectation, see [`FakeTokenServer::expect`].
pub struct Expectation<'a, R> {
    script: &'a Script<R>,
    index: usize,
}

impl<R> Expectation<'_, R> {
    /// Exactly so many requests.
    pub fn times(self, count: usize) {
        self.bounds(count, Some(count));
    }

    /// No request.
    pub fn never(self) {
        self.bounds(0, Some(0));
    }

    /// So many requests or more.
    pub fn at_least(self, count: usize) {
        self.bounds(count, None);
    }

    /// So many requests or fewer.
    pub fn at_most(self, count: usize) {
        self.bounds(0, Some(count));
    }

    pub(crate) fn bounds(self, least: usize, most: Option<usize>) {
        let times = Times { least, most };
        self.script
            .change_expected(self.index, |expected| expected.times = times);
    }
}

impl<R> fmt::Debug for Expectation<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
