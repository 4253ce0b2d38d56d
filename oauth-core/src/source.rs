//! The port every token comes through.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::background::block_on;
use crate::clock::BoxFuture;
use crate::dpop::Dpop;
use crate::error::Error;
use crate::refresh::lasting::check_lifetime;
use crate::token::AccessToken;

/// A source of access tokens: what an SDK asks its user for.
///
/// [`ClientCredentials`](crate::ClientCredentials) is one that makes a token request at every call;
/// [`CachedTokenSource`](crate::CachedTokenSource) wraps any other, yours included, and makes it fit for
/// use at every request: cached, renewed ahead of time, one request for any number of callers.
///
/// # Contract
///
/// - [`token`](Self::token) gives a token that can be used now.
/// - [`ready`](Self::ready) and [`with_ready`](Self::with_ready) never wait, never do I/O and do not
///   allocate while the token is not due for renewal. They may *start* a renewal in the background.
///   `None` and `false` say nothing but "call `token`".
/// - After [`reject`](Self::reject) of the token in hand, `ready` and `token` no longer give it out.
///   A rejection of an older one changes nothing, so that late rejections of one token cause one
///   renewal. It never waits.
/// - A token that the source made carries the moment its request was sent (or its own work began) in
///   [`requested_at`](AccessToken::requested_at); without it, a cache assumes the moment it asked.
///
/// # Cancellation
///
/// The future of `token` may be dropped at any time. What that does to the work is the source's own
/// affair; a [`CachedTokenSource`](crate::CachedTokenSource) finishes it for the others.
///
/// # Errors
///
/// [`Error`] says by its [`kind`](Error::kind) whether repeating helps.
///
/// # Examples
///
/// A token that a sidecar keeps fresh in a file:
///
/// ```
/// use oauth_core::{AccessToken, Error, ErrorKind, TokenSource, async_trait};
/// use std::{path::PathBuf, time::Duration};
///
/// struct TokenFile(PathBuf);
///
/// #[async_trait]
/// impl TokenSource for TokenFile {
///     async fn token(&self) -> Result<AccessToken, Error> {
///         let text = std::fs::read_to_string(&self.0).map_err(|cause| {
///             let message = format!("cannot read the token file {}", self.0.display());
///             Error::builder(ErrorKind::Configuration, message).source(cause).build()
///         })?;
///         Ok(AccessToken::builder(text.trim()).expires_in(Duration::from_secs(60)).build()?)
///     }
/// }
///
/// // Read at most once a minute, however many callers there are:
/// let source = oauth_core::CachedTokenSource::new(TokenFile("token.txt".into()));
/// ```
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token usable now; waits for one if it must.
    async fn token(&self) -> Result<AccessToken, Error>;

    /// As [`token`](Self::token), for synchronous code: blocks the calling thread while there is no usable token
    /// in hand. With one in hand it costs no more than [`ready`](Self::ready); no executor is started.
    ///
    /// It can be called on any thread:
    ///
    /// - **outside of any async runtime**: the place for it.
    /// - **inside `block_on` of any executor**, or on the thread that renews tokens in the background: it nests.
    /// - **on a thread of an async runtime**: it holds up the other tasks of that thread, so await `token` there.
    ///   It gets its token all the same, since a cached source's request is driven by whoever waits for it and the
    ///   HTTP clients of this family of crates have threads of their own. Only a source that cannot go on
    ///   without that very thread (it awaits a task spawned there, say) gets no further: a
    ///   [`CachedTokenSource`](crate::CachedTokenSource) gives up on it after
    ///   [`acquire_timeout`](crate::RefreshPolicyBuilder::acquire_timeout) with [`ErrorKind::Timeout`].
    /// - **within a source that a cache asks**, of that very cache (by an authorized client that the source uses, say):
    ///   there is nothing that it could wait for, and [`ErrorKind::Configuration`] says so. If the source blocks in
    ///   another way (an executor that it starts, a second cache in between), that is not noticed, and it is stuck.
    ///
    /// # Errors
    ///
    /// As `token`.
    ///
    /// [`ErrorKind::Configuration`]: crate::ErrorKind::Configuration
    /// [`ErrorKind::Timeout`]: crate::ErrorKind::Timeout
    fn token_blocking(&self) -> Result<AccessToken, Error> {
        match self.ready() {
            Some(token) => Ok(token),
            None => block_on(self.token()),
        }
    }

    /// The usable token in hand, without waiting and without allocating. `None`: call
    /// [`token`](Self::token).
    fn ready(&self) -> Option<AccessToken> {
        None
    }

    /// Shows `look` the usable token in hand, without touching its reference count, and tells whether
    /// there was one. `look` is called at most once and must not call the source.
    fn with_ready(&self, look: &mut dyn FnMut(&AccessToken)) -> bool {
        match self.ready() {
            Some(token) => {
                look(&token);
                true
            }
            None => false,
        }
    }

    /// A token that lives at least so much longer: for a call that takes long, or a token that is handed on. The life
    /// left counts from now to the moment the server stops accepting the token.
    ///
    /// A [`CachedTokenSource`](crate::CachedTokenSource) gives the token in hand if that is enough; else it renews
    /// it, and waits for that: any number of callers cause one request, and after a failure none is sent before its
    /// time. A token that has just come, or come once more, is not asked for again because it is too short: that can
    /// be relied on for up to nine tenths of the life of a new token. If the server did not say how long the token
    /// lives, the life left counts to the moment the cache stops using it. A token from a
    /// [store](crate::CachedTokenSourceBuilder::store) is as old as it is: one that another process has just put
    /// there counts as one that has just come, and for an older one that is too short the server is asked.
    ///
    /// The default asks for a token, and takes it for a new one: it compares the whole
    /// [`lifetime`](AccessToken::lifetime), if that is known. A source around another one passes the call on.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token). If a new token lives shorter than asked, [`ErrorKind::Configuration`]; in
    /// [`retry_after`](Error::retry_after) a cached source says when it would ask the server again.
    ///
    /// [`ErrorKind::Configuration`]: crate::ErrorKind::Configuration
    async fn token_lasting(&self, at_least: Duration) -> Result<AccessToken, Error> {
        let token = self.token().await?;
        check_lifetime(&token, at_least)?;
        Ok(token)
    }

    /// As [`token_lasting`](Self::token_lasting), for synchronous code: blocks as
    /// [`token_blocking`](Self::token_blocking) does.
    ///
    /// # Errors
    ///
    /// As `token_lasting`.
    fn token_lasting_blocking(&self, at_least: Duration) -> Result<AccessToken, Error> {
        match self.ready_lasting(at_least) {
            Some(token) => Ok(token),
            None => block_on(self.token_lasting(at_least)),
        }
    }

    /// The usable token in hand if it lives at least so much longer, without waiting and without allocating. `None`:
    /// call [`token_lasting`](Self::token_lasting).
    fn ready_lasting(&self, at_least: Duration) -> Option<AccessToken> {
        let _ = at_least;
        None
    }

    /// The key that the tokens of this source are bound to, if they are (DPoP, RFC 9449): with it an
    /// [`Authorizer`](crate::Authorizer) proves at each request that it has the key. A source around another one
    /// passes on that of the inner one.
    fn dpop(&self) -> Option<&Dpop> {
        None
    }

    /// A server refused this token: stop handing it out. Tokens older than the current are ignored.
    fn reject(&self, token: &AccessToken) {
        let _ = token;
    }
}

/// A source that many parts of a program share.
pub type SharedTokenSource = Arc<dyn TokenSource>;

#[async_trait]
impl<T: TokenSource + ?Sized> TokenSource for Arc<T> {
    // As `async_trait` writes it, so that the future of the source inside is not boxed once more.
    fn token<'life0, 'async_trait>(
        &'life0 self,
    ) -> BoxFuture<'async_trait, Result<AccessToken, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        (**self).token()
    }

    fn token_blocking(&self) -> Result<AccessToken, Error> {
        (**self).token_blocking()
    }

    fn ready(&self) -> Option<AccessToken> {
        (**self).ready()
    }

    fn with_ready(&self, look: &mut dyn FnMut(&AccessToken)) -> bool {
        (**self).with_ready(look)
    }

    fn token_lasting<'life0, 'async_trait>(
        &'life0 self,
        at_least: Duration,
    ) -> BoxFuture<'async_trait, Result<AccessToken, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        (**self).token_lasting(at_least)
    }

    fn token_lasting_blocking(&self, at_least: Duration) -> Result<AccessToken, Error> {
        (**self).token_lasting_blocking(at_least)
    }

    fn ready_lasting(&self, at_least: Duration) -> Option<AccessToken> {
        (**self).ready_lasting(at_least)
    }

    fn dpop(&self) -> Option<&Dpop> {
        (**self).dpop()
    }

    fn reject(&self, token: &AccessToken) {
        (**self).reject(token);
    }
}
