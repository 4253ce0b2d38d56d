//! What a test tells the server to answer.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::gate::Gate;
use crate::on_the_way::OnTheWay;

/// One answer of the server, to be given to
/// [`next_token_reply`](crate::FakeTokenServer::next_token_reply) and its like.
///
/// A constructor says what is answered, the setters change details and the way it is delivered. A wait
/// ([`after`](Self::after), [`gated`](Self::gated)) begins when the request has been read and logged;
/// the request is judged, and a token issued, when the wait is over.
///
/// # Examples
///
/// ```
/// use oauth_testkit::{Gate, Reply};
/// use std::time::Duration;
///
/// let gate = Gate::new();
/// let replies = [
///     Reply::token().expires_in(5).field("scope", "read"),
///     Reply::oauth_error("invalid_client").description("unknown client"),
///     Reply::status(503).header("Retry-After", "7"),
///     Reply::token().gated(&gate),
///     Reply::html().drip(10, Duration::from_millis(1)),
/// ];
/// # drop(replies);
/// ```
#[derive(Clone)]
#[must_use = "a reply does nothing until it is given to a server"]
pub struct Reply {
    pub(crate) content: Content,
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) after: Duration,
    pub(crate) gates: Vec<Gate>,
    pub(crate) on_the_way: OnTheWay,
}

#[derive(Clone)]
pub(crate) enum Content {
    /// Whatever the endpoint does when nothing is scripted.
    Usual,
    Token {
        same: bool,
        expires_in: Option<i64>,
        fields: Fields,
    },
    OAuthError {
        code: String,
        fields: Fields,
    },
    Fixed {
        status: u16,
        headers: Vec<(String, Vec<u8>)>,
        body: Bytes,
    },
    Raw(Bytes),
    Reset,
    Hang,
}

/// Members of a JSON object to be set, or removed if there is no value, in this order.
pub(crate) type Fields = Vec<(String, Option<Value>)>;

/// What is answered.
impl Reply {
    /// What the endpoint answers when nothing is scripted: a verdict on the request.
    ///
    /// At the protected API it is the way to delay or hold back an ordinary answer.
    pub fn usual() -> Self {
        Self::new(Content::Usual)
    }

    /// A fresh token, if the request is right; else the error it earns, without what the setters
    /// change. At the protected API, which issues no tokens, this is [`usual`](Self::usual).
    pub fn token() -> Self {
        Self::new(Content::Token {
            same: false,
            expires_in: None,
            fields: Fields::new(),
        })
    }

    /// The token last issued once more, if the request is right: `expires_in` is what is left of its
    /// lifetime, zero if nothing is. It stays revoked if it was. A fresh one if none was issued yet.
    pub fn same_token() -> Self {
        Self::new(Content::Token {
            same: true,
            expires_in: None,
            fields: Fields::new(),
        })
    }

    /// An error response of RFC 6749 §5.2, whether or not the request is right.
    ///
    /// The status is 400, or 401 for `invalid_client`; then with `WWW-Authenticate: Basic` if the
    /// request had an `Authorization` header.
    pub fn oauth_error(code: impl Into<String>) -> Self {
        Self::new(Content::OAuthError {
            code: code.into(),
            fields: Fields::new(),
        })
    }

    /// This status and an empty body.
    pub fn status(status: u16) -> Self {
        Self::fixed(status, None, Bytes::new())
    }

    /// A web page with status 200, as a captive portal or a login proxy sends it.
    pub fn html() -> Self {
        let page = "<!DOCTYPE html><html><head><title>Sign in</title></head>\
                    <body><h1>Please sign in</h1></body></html>";
        Self::fixed(
            200,
            Some("text/html; charset=utf-8"),
            Bytes::from_static(page.as_bytes()),
        )
    }

    /// A redirect to `location`, with an empty body.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::status(status).header("Location", location.into())
    }

    /// Status 200 and a JSON body of exactly `bytes` bytes: a token response with a long member in it,
    /// if it is long enough for one.
    pub fn oversized(bytes: usize) -> Self {
        let begin =
            r#"{"access_token":"oversized","token_type":"Bearer","expires_in":3600,"padding":""#;
        let end = r#""}"#;
        let padding = bytes.saturating_sub(begin.len() + end.len());
        let mut body = format!("{begin}{}{end}", "x".repeat(padding));
        body.truncate(bytes);
        Self::fixed(200, Some("application/json"), body.into())
    }

    /// Status 200 and the beginning of a body: `bytes` bytes of it are sent, more are promised, and the
    /// connection is closed.
    ///
    /// What is sent is a token response followed by spaces. From 70 bytes on it is therefore whole as
    /// JSON, and only `Content-Length` tells that something is missing.
    pub fn truncated(bytes: usize) -> Self {
        let token = r#"{"access_token":"truncated","token_type":"Bearer","expires_in":3600}"#;
        let body = format!("{token:<width$}", width = token.len().max(bytes) + 1);
        let mut reply = Self::fixed(200, Some("application/json"), body.into());
        reply.on_the_way.cut_at(bytes);
        reply
    }

    /// No response: the connection is reset (RST).
    pub fn reset() -> Self {
        Self::new(Content::Reset)
    }

    /// No response until the server is dropped, which closes the connection.
    pub fn hang() -> Self {
        Self::new(Content::Hang)
    }

    /// These bytes instead of an HTTP response, then the connection is closed.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::new(Content::Raw(bytes.into()))
    }

    fn fixed(status: u16, content_type: Option<&str>, body: Bytes) -> Self {
        let headers = content_type
            .map(|value| ("Content-Type".to_owned(), value.as_bytes().to_vec()))
            .into_iter()
            .collect();
        Self::new(Content::Fixed {
            status,
            headers,
            body,
        })
    }

    fn new(content: Content) -> Self {
        Self {
            content,
            status: None,
            headers: Vec::new(),
            after: Duration::ZERO,
            gates: Vec::new(),
            on_the_way: OnTheWay::default(),
        }
    }
}

/// Details of what is answered.
impl Reply {
    /// The token lives for so many seconds: that is what `expires_in` says, and what the protected API
    /// goes by if the token is fresh. To say something else than what is enforced, set the
    /// [`field`](Self::field).
    ///
    /// # Panics
    ///
    /// If this is not [`token`](Self::token) or [`same_token`](Self::same_token).
    pub fn expires_in(mut self, seconds: i64) -> Self {
        let is_token = matches!(self.content, Content::Token { .. });
        assert!(
            is_token,
            "expires_in is for a reply with a token, not for {self:?}"
        );
        if let Content::Token { expires_in, .. } = &mut self.content {
            *expires_in = Some(seconds);
        }
        self.field("expires_in", seconds)
    }

    /// The token response does not say how long the token lives.
    ///
    /// # Panics
    ///
    /// If this reply has no JSON members, see [`field`](Self::field).
    pub fn without_expires_in(self) -> Self {
        self.without_field("expires_in")
    }

    /// Sets a member of the token or error response, to any JSON value.
    ///
    /// An `access_token` or `scope` that is a string is what the protected API then knows the token by.
    ///
    /// # Panics
    ///
    /// If this is not [`token`](Self::token), [`same_token`](Self::same_token) or
    /// [`oauth_error`](Self::oauth_error).
    pub fn field(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.edit(name.into(), Some(value.into()))
    }

    /// Removes a member of the token or error response.
    ///
    /// # Panics
    ///
    /// As [`field`](Self::field).
    pub fn without_field(self, name: impl Into<String>) -> Self {
        self.edit(name.into(), None)
    }

    /// The `error_description` of an OAuth error.
    ///
    /// # Panics
    ///
    /// As [`field`](Self::field).
    pub fn description(self, text: impl Into<String>) -> Self {
        self.field("error_description", text.into())
    }

    /// The `error_uri` of an OAuth error.
    ///
    /// # Panics
    ///
    /// As [`field`](Self::field).
    pub fn uri(self, uri: impl Into<String>) -> Self {
        self.field("error_uri", uri.into())
    }

    /// Answers with this status instead of the one the reply would have.
    ///
    /// # Panics
    ///
    /// If this is no response: [`raw`](Self::raw), [`reset`](Self::reset) or [`hang`](Self::hang).
    pub fn with_status(mut self, status: u16) -> Self {
        self.assert_response("status");
        self.status = Some(status);
        self
    }

    /// Adds a header. It takes the place of one the server would set by itself, `Content-Length` too;
    /// of those added with one name all are sent. The value is sent as it is, whatever it holds.
    ///
    /// # Panics
    ///
    /// As [`with_status`](Self::with_status).
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.assert_response("header");
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Answers with this body; with the status the reply has, or 200.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        match &mut self.content {
            Content::Fixed { body: old, .. } => *old = body.into(),
            other => {
                *other = Content::Fixed {
                    status: 200,
                    headers: Vec::new(),
                    body: body.into(),
                }
            }
        }
        self
    }

    /// Answers with this body, as `application/json`, in place of the verdict of [`usual`](Self::usual). For a body that only
    /// requests with a live token get, script it for those: `ApiMatch::any().that("a live token",
    /// ApiRequest::token_was_live)`.
    pub fn json(self, value: impl Into<Value>) -> Self {
        let mut reply = self.body(value.into().to_string());
        if let Content::Fixed { headers, .. } = &mut reply.content {
            *headers = vec![("Content-Type".to_owned(), b"application/json".to_vec())];
        }
        reply
    }

    pub(crate) fn assert_response(&self, part: &str) {
        let is_response = !matches!(
            self.content,
            Content::Raw(_) | Content::Reset | Content::Hang
        );
        assert!(is_response, "there is no {part} in {self:?}");
    }

    fn edit(mut self, name: String, value: Option<Value>) -> Self {
        let has_members = matches!(
            self.content,
            Content::Token { .. } | Content::OAuthError { .. }
        );
        assert!(
            has_members,
            "there is no member {name:?} to change in {self:?}"
        );
        if let Content::Token { fields, .. } | Content::OAuthError { fields, .. } =
            &mut self.content
        {
            fields.push((name, value));
        }
        self
    }
}

/// Leaves out values and bodies, which may hold a token.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |fields: &Fields| -> Vec<String> {
            fields.iter().map(|(name, _)| name.clone()).collect()
        };
        let mut debug = f.debug_struct("Reply");
        match &self.content {
            Content::Usual => debug.field("kind", &"usual"),
            Content::Token { same, fields, .. } => debug
                .field("kind", if *same { &"same_token" } else { &"token" })
                .field("fields", &names(fields)),
            Content::OAuthError { code, fields } => debug
                .field("kind", &"oauth_error")
                .field("code", code)
                .field("fields", &names(fields)),
            Content::Fixed { status, body, .. } => debug
                .field("kind", &status)
                .field("body_bytes", &body.len()),
            Content::Raw(bytes) => debug.field("kind", &"raw").field("bytes", &bytes.len()),
            Content::Reset => debug.field("kind", &"reset"),
            Content::Hang => debug.field("kind", &"hang"),
        };
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        debug
            .field("status", &self.status)
            .field("headers", &headers)
            .field("after", &self.after)
            .field("gates", &self.gates)
            .field("on_the_way", &self.on_the_way)
            .finish()
    }
}
