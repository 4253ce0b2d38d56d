//! Which requests a reply or an expectation is for.

use std::fmt;
use std::sync::Arc;

use crate::server::requests::{ApiRequest, TokenRequest};

/// Chooses requests: those that meet every condition. `TokenMatch` is for the token endpoint, `ApiMatch` for the
/// protected API.
///
/// It sees what the request log shows, secrets redacted. Requests at the origin of the token endpoint that go to
/// another path are never matched.
///
/// # Examples
///
/// ```
/// use oauth_testkit::{ApiMatch, FakeTokenServer, Reply, TokenMatch};
///
/// let server = FakeTokenServer::start()?;
/// server.when(TokenMatch::client("test-client").scope("read").nth(3)).reply(Reply::status(503));
/// server.when(ApiMatch::path("/slow")).always(Reply::status(504));
/// # std::io::Result::Ok(())
/// ```
#[must_use = "a match does nothing until it is given to a server"]
pub struct Match<R> {
    conditions: Vec<Condition<R>>,
    pub(crate) occurrence: Occurrence,
}

/// Chooses token requests.
pub type TokenMatch = Match<TokenRequest>;

/// Chooses requests at the protected API.
pub type ApiMatch = Match<ApiRequest>;

type Holds<R> = dyn Fn(&R) -> bool + Send + Sync;

struct Condition<R> {
    text: String,
    holds: Arc<Holds<R>>,
}

/// Which of the requests that meet the conditions, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occurrence {
    Any,
    Nth(usize),
    FromNth(usize),
}

impl Occurrence {
    pub(crate) fn includes(self, ordinal: usize) -> bool {
        match self {
            Self::Any => true,
            Self::Nth(nth) => ordinal == nth,
            Self::FromNth(first) => ordinal >= first,
        }
    }
}

impl<R> Match<R> {
    /// Every request.
    pub fn any() -> Self {
        Self {
            conditions: Vec::new(),
            occurrence: Occurrence::Any,
        }
    }

    /// Only the n-th of the requests that meet the other conditions, counted from 1 since the server was given this.
    /// It does not matter who answers those before it.
    pub fn nth(mut self, nth: usize) -> Self {
        self.occurrence = Occurrence::Nth(nth);
        self
    }

    /// Only the n-th of the requests that meet the other conditions and those after it, counted as for
    /// [`nth`](Self::nth).
    pub fn from_nth(mut self, nth: usize) -> Self {
        self.occurrence = Occurrence::FromNth(nth);
        self
    }

    /// Only requests of which this is true. `text` says what it asks for, in the message of a failed expectation.
    ///
    /// It is asked on the thread that serves the request, before the log shows that, and holds no lock: it may call the
    /// server. If it panics, the connection is closed, and the request is not in the log.
    pub fn that(
        mut self,
        text: impl Into<String>,
        holds: impl Fn(&R) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.conditions.push(Condition {
            text: text.into(),
            holds: Arc::new(holds),
        });
        self
    }

    /// Whether the request meets the conditions, wherever it stands in the order of requests.
    #[must_use]
    pub fn is_met_by(&self, request: &R) -> bool {
        self.conditions
            .iter()
            .all(|condition| (condition.holds)(request))
    }
}

impl Match<TokenRequest> {
    /// Requests of the client that says it has this id, whether or not it proves that.
    pub fn client(id: impl Into<String>) -> Self {
        let id = id.into();
        Self::any().that(format!("client {id:?}"), move |request| {
            request.client_id() == Some(id.as_str())
        })
    }

    /// Requests to this path, whatever the query: for [`expect_other`](crate::FakeTokenServer::expect_other), since token
    /// requests have one path.
    pub fn path(path: impl Into<String>) -> Self {
        let path = path.into();
        Self::any().that(format!("path {path}"), move |request| {
            request.path_and_query().split('?').next() == Some(path.as_str())
        })
    }

    /// Only requests for this scope, be it among others.
    pub fn scope(self, scope: impl Into<String>) -> Self {
        let scope = scope.into();
        self.that(format!("scope {scope:?}"), move |request| {
            let mut asked = request.scope().unwrap_or_default().split(' ');
            asked.any(|asked| asked == scope)
        })
    }

    /// Only requests with this parameter in the body. Of those that hold secrets, the value is `<redacted>`.
    pub fn param(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.that(format!("{name}={value:?}"), move |request| {
            request
                .params()
                .iter()
                .any(|known| known.0 == name && known.1 == value)
        })
    }

    /// Only requests with this header.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.that(format!("{name}: {value}"), move |request| {
            request.header(&name) == Some(value.as_str())
        })
    }
}

impl Match<ApiRequest> {
    /// Requests to this path, whatever the query.
    pub fn path(path: impl Into<String>) -> Self {
        let path = path.into();
        Self::any().that(format!("path {path}"), move |request| {
            request.path_and_query().split('?').next() == Some(path.as_str())
        })
    }

    /// Only requests with this method.
    pub fn method(self, method: impl Into<String>) -> Self {
        let method = method.into();
        self.that(method.clone(), move |request| request.method() == method)
    }

    /// Only requests with this header.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.that(format!("{name}: {value}"), move |request| {
            request.header(&name) == Some(value.as_str())
        })
    }

    /// Only requests with the n-th token that the server issued, counted from 1.
    pub fn token(self, ordinal: usize) -> Self {
        self.that(format!("token {ordinal}"), move |request| {
            request.token_ordinal() == Some(ordinal)
        })
    }
}

impl<R> Clone for Match<R> {
    fn clone(&self) -> Self {
        let conditions = self.conditions.iter().map(|condition| Condition {
            text: condition.text.clone(),
            holds: Arc::clone(&condition.holds),
        });
        Self {
            conditions: conditions.collect(),
            occurrence: self.occurrence,
        }
    }
}

/// What is asked for: `client "a", scope "read", the 3rd`.
impl<R> fmt::Display for Match<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self
            .conditions
            .iter()
            .map(|condition| condition.text.clone())
            .collect();
        match self.occurrence {
            Occurrence::Any if parts.is_empty() => parts.push("any".to_owned()),
            Occurrence::Any => {}
            Occurrence::Nth(nth) => parts.push(format!("number {nth} of these")),
            Occurrence::FromNth(nth) => parts.push(format!("number {nth} of these and later")),
        }
        f.write_str(&parts.join(", "))
    }
}

impl<R> fmt::Debug for Match<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Match({self})")
    }
}
