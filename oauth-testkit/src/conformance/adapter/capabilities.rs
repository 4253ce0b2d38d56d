//! What adapters may do differently.

/// What a client does beside authorizing. What is claimed is tested, and so is that the rest is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Capabilities {
    pub(crate) redirects: Redirects,
    pub(crate) decodes_gzip: bool,
    pub(crate) streams: bool,
    pub(crate) shows_headers: bool,
}

/// What becomes of a redirect (RFC 9110 §15.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirects {
    /// It is followed, also to another origin, where the token does not go along. One that leads back from
    /// there is not followed: the caller gets it.
    Followed,
    /// It is followed, also to another origin, where the token does not go along, and back from there: the request
    /// arrives without its token, and what the API says to that is the caller's.
    FollowedBack,
    /// It is followed within the origin. To another origin it is not: the caller gets it.
    WithinOrigin,
    /// Every hop is authorized like a request of its own: one to another origin is refused as foreign.
    PerHop,
    /// The caller gets it.
    Returned,
}

impl Capabilities {
    /// Those of an ordinary client: it follows redirects and sends streams.
    pub const fn new() -> Self {
        Self {
            redirects: Redirects::Followed,
            decodes_gzip: false,
            streams: true,
            shows_headers: false,
        }
    }

    /// What becomes of a redirect; [`Redirects::Followed`] unless said otherwise.
    pub const fn redirects(mut self, redirects: Redirects) -> Self {
        self.redirects = redirects;
        self
    }

    /// It asks for gzip and decodes it (RFC 9110 §8.4.1.3). Otherwise such a body arrives as it was sent.
    pub const fn decodes_gzip(mut self) -> Self {
        self.decodes_gzip = true;
        self
    }

    /// It cannot send a stream: [`Body::Stream`](super::Body::Stream) is
    /// [`Failure::Unsupported`](super::Failure::Unsupported).
    pub const fn no_streams(mut self) -> Self {
        self.streams = false;
        self
    }

    /// The tester can see the headers that the HTTP client is handed, and tells [`Shown`](super::Shown).
    /// Without that nobody can tell whether the token is marked sensitive, and the rule says so.
    pub const fn shows_headers(mut self) -> Self {
        self.shows_headers = true;
        self
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::new()
    }
}
