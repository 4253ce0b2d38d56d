//! Replies, faults and expectations by matching, as a test states them.

use std::fmt;

use crate::fault::Fault;
use crate::reply::Reply;
use crate::server::FakeTokenServer;
use crate::server::expectation::{Expected, Times};
use crate::server::matching::{Match, TokenMatch};
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

/// Replies, faults and expectations by matching.
impl FakeTokenServer {
    /// Begins a rule: how requests of this kind are answered, and what becomes of the answers.
    ///
    /// Rules go before the replies that any request takes
    /// ([`next_token_reply`](Self::next_token_reply) and its like). Of several rules for one request, those with a
    /// reply to be used once go first, in the order they were made; of replies that stay, the youngest is given.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_testkit::{FakeTokenServer, Fault, Reply, TokenMatch};
    ///
    /// let server = FakeTokenServer::start()?;
    /// server
    ///     .when(TokenMatch::client("tenant-a"))
    ///     .reply(Reply::status(503)) // once
    ///     .reply(Reply::reset()) // then once
    ///     .always(Reply::oauth_error("invalid_client"));
    /// server
    ///     .when(TokenMatch::client("tenant-b").nth(3))
    ///     .suffers(Fault::ResetInResponse { after: 20 });
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use = "a rule does nothing until it is given a reply or a fault"]
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
            number: script.expect(Expected::new(requests)),
            script,
        }
    }

    /// Expects [other requests](Self::other_requests) of this kind from now on, those for metadata, keys, introspection
    /// and revocation, as [`expect`](Self::expect) does. [`TokenMatch::path`](crate::TokenMatch) tells them apart.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_testkit::{FakeTokenServer, TokenMatch};
    ///
    /// let server = FakeTokenServer::start()?;
    /// server.expect_other(TokenMatch::path("/oauth/introspect")).at_most(1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn expect_other(&self, requests: TokenMatch) -> Expectation<'_, TokenRequest> {
        let script = &self.state.protocol.side_endpoints.expected;
        Expectation {
            number: script.expect(Expected::new(requests)),
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
        let other = self.other_requests();
        let of_token = self.state.token_script.unmet();
        let of_api = self.state.api_script.unmet();
        let of_other = self.state.protocol.side_endpoints.expected.unmet();
        let texts: Vec<String> = of_token
            .iter()
            .map(|unmet| unmet.explain("token requests", &token))
            .chain(
                of_api
                    .iter()
                    .map(|unmet| unmet.explain("API requests", &api)),
            )
            .chain(
                of_other
                    .iter()
                    .map(|unmet| unmet.explain("other requests", &other)),
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

    /// Lets the answer to one of these requests suffer this fault, once, after those the rule was given before. Faults
    /// that others bring about, other rules or a [plan](crate::FaultPlan), come on top of it.
    ///
    /// A [`KeepAliveRace`](Fault::KeepAliveRace) waits for a request that is not the first of its connection. The
    /// request it strikes has not arrived, so that it takes no reply; this rule and others count it all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_testkit::{FakeTokenServer, Fault, TokenMatch};
    ///
    /// let server = FakeTokenServer::start()?;
    /// server.when(TokenMatch::any()).suffers(Fault::KeepAliveRace); // one, as soon as it can be
    /// # std::io::Result::Ok(())
    /// ```
    pub fn suffers(self, fault: Fault) -> Self {
        self.script.push_fault_to(self.rule, fault);
        self
    }

    /// Lets the answers to these requests suffer this fault whenever the rule has no other.
    pub fn always_suffers(self, fault: Fault) -> Self {
        self.script.set_always_fault_of(self.rule, fault);
        self
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
    number: usize,
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
            .change_expected(self.number, |expected| expected.times = times);
    }
}

impl<R> fmt::Debug for Expectation<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
