//! A refresh token in exchange for access tokens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use futures_util::lock::Mutex;
use oauth_core::{
    AccessToken, CachedTokenSource, ClientCredentials, Dpop, Error, ExposeSecret, Lease,
    OAuthErrorCode, SecretString, StoreError, StoredToken, TokenKey, TokenSource, TokenStore,
};

use crate::observe;

/// The member of a record that names the refresh token which it descends from.
const ORIGIN: &str = "given";

/// `grant_type` (RFC 6749 §6).
const GRANT_TYPE: &str = "refresh_token";
/// For so long a refresh token is kept in a store: longer than servers let one live unused.
const KEPT_FOR: Duration = Duration::from_secs(400 * 86_400);
/// How long one process has the right to use the refresh token: longer than a token request takes.
const LEASE_TTL: Duration = Duration::from_secs(20);
/// How long a store may take for one call.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);
/// While another has it, this one looks again after this time.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Gets tokens with a refresh token (RFC 6749 §6) that the program was given. If the server sends another one
/// along (RFC 9700 §4.14.2 recommends to), that takes its place, in the [store](Self::kept_in) too, so that a
/// restart, or another process, goes on where this one was.
///
/// It is not cached: every [`token`](TokenSource::token) is one token request, one at a time.
///
/// # Cancellation
///
/// If the future of `token` is dropped while the request is under way, a new refresh token may be lost, and with it
/// the grant. A [`CachedTokenSource`] does not do that when its callers leave.
///
/// # Errors
///
/// As those of [`ClientCredentials`]. `invalid_grant` says that the refresh token has expired or was revoked, or that
/// somebody else has used it: a user has to grant access again. Give the new one to [`new`](Self::new); with a store
/// too, where it takes the place of the one that the server refuses.
///
/// # Examples
///
/// ```
/// use oauth_core::{ClientCredentials, TokenStore};
/// use oauth_grants::RefreshToken;
///
/// # fn example(client: ClientCredentials, store: impl TokenStore + 'static, first: String) {
/// let source = RefreshToken::new(client, first).kept_in(store, "ada@example.com").cached();
/// # }
/// ```
pub struct RefreshToken {
    client: ClientCredentials,
    place: Option<Place>,
    state: Mutex<State>,
}

/// Where the refresh token is kept.
struct Place {
    store: Arc<dyn TokenStore>,
    key: TokenKey,
}

struct State {
    current: SecretString,
    /// The one that the program was given, until the server has refused it or sent its successor.
    given: Option<SecretString>,
    /// The one that `current` descends from, as [`origin_of`] names it.
    origin: Option<String>,
    /// `current` came later than what the store has.
    is_unsaved: bool,
    /// The server refused the one of the store, and `current` is tried in its place.
    is_instead: bool,
}

impl State {
    /// Takes the refresh token that the program was given in place of a refused one, if it may still be good.
    fn take_given(&mut self) -> bool {
        let given = self.given.as_ref();
        let Some(given) = given.filter(|given| !self.is_current(given)) else {
            return false;
        };
        self.current = given.clone();
        self.origin = Some(origin_of(given));
        self.is_instead = true;
        true
    }

    /// Notes what came of a request with `current`: its successor, if there is one.
    fn succeeded(&mut self, next: Option<SecretString>) {
        self.is_unsaved |= self.is_instead;
        let Some(next) = next.filter(|next| !self.is_current(next)) else {
            return;
        };
        self.forget_given();
        self.current = next;
        self.is_unsaved = true;
    }

    fn forget_given(&mut self) {
        self.given
            .take_if(|given| given.expose_secret() == self.current.expose_secret());
    }

    fn is_current(&self, token: &SecretString) -> bool {
        token.expose_secret() == self.current.expose_secret()
    }
}

impl RefreshToken {
    /// Starts with a refresh token, which is used unless a [store](Self::kept_in) has one that the server takes.
    #[must_use]
    pub fn new(client: ClientCredentials, refresh_token: impl Into<SecretString>) -> Self {
        let given = refresh_token.into();
        Self {
            client,
            place: None,
            state: Mutex::new(State {
                current: given.clone(),
                origin: Some(origin_of(&given)),
                given: Some(given),
                is_unsaved: false,
                is_instead: false,
            }),
        }
    }

    /// Keeps the refresh token in a store, under the name of whoever granted it: it must differ for each. Of all
    /// processes with the same client and name, one at a time uses the refresh token; the client stays the same when
    /// its secret or key is another. A store of which others can read the records should be an encrypted one.
    #[must_use]
    pub fn kept_in(mut self, store: impl TokenStore + 'static, name: &str) -> Self {
        let key = TokenKey::builder("refresh_token")
            .field("client", &self.client.grant_key().to_string())
            .field("name", name)
            .build();
        self.place = Some(Place {
            store: Arc::new(store),
            key,
        });
        self
    }

    /// The cache that a program wants around it, with the default policy.
    #[must_use]
    pub fn cached(self) -> CachedTokenSource<Self> {
        crate::cached(self, |source| &source.client)
    }

    /// Uses `state`'s refresh token, and keeps the one that comes.
    async fn refresh(&self, state: &mut State, lease: Option<Lease>) -> Result<AccessToken, Error> {
        let parameters = [("refresh_token", state.current.expose_secret())];
        let response = match self.client.request(GRANT_TYPE, &parameters).await {
            Ok(response) => response,
            Err(error) => {
                if is_refused(&error) {
                    state.forget_given();
                }
                return Err(error);
            }
        };
        state.succeeded(response.refresh_token);
        if let (Some(place), Some(lease)) = (&self.place, lease) {
            self.save(place, state, lease).await;
        }
        Ok(response.token)
    }

    /// Puts into the store what came later than what is there.
    async fn save(&self, place: &Place, state: &mut State, lease: Lease) {
        if !state.is_unsaved {
            return;
        }
        let mut token = AccessToken::builder(state.current.clone());
        if let Some(origin) = &state.origin {
            token = token.extra(ORIGIN, origin.as_str().into());
        }
        let token = match token.build() {
            Ok(token) => token,
            Err(cause) => {
                observe::unstorable(&cause);
                return;
            }
        };
        let now = self.client.clock().wall();
        let stored = StoredToken::new(token, now, now + KEPT_FOR).with_fencing(lease.fencing());
        let saved = place.store.save(&place.key, &stored);
        if self.ask("save", saved).await.is_some() {
            state.is_unsaved = false;
            state.is_instead = false;
        }
    }

    /// Waits for this process's turn, and takes up what the others have left. `None`: the store failed.
    async fn turn(&self, place: &Place, state: &mut State) -> Option<Lease> {
        loop {
            let lease = place.store.lease(&place.key, LEASE_TTL);
            if let Some(lease) = self.ask("lease", lease).await? {
                self.save(place, state, lease).await;
                if !state.is_unsaved {
                    self.take_up(place, state).await;
                }
                return Some(lease);
            }
            self.client.clock().sleep(LOOK_AGAIN).await;
        }
    }

    /// Takes the refresh token of the store, if there is one, and tells whether it is another.
    async fn take_up(&self, place: &Place, state: &mut State) -> bool {
        let kept = self.ask("load", place.store.load(&place.key)).await;
        let Some(kept) = kept.flatten() else {
            return false;
        };
        let kept = kept.token();
        let is_another = kept.secret() != state.current.expose_secret();
        if is_another {
            state.current = kept.secret().into();
            state.origin = kept
                .extra(ORIGIN)
                .and_then(|origin| Some(origin.as_str()?.to_owned()));
            state.is_instead = false;
            // What was given has been used up for the one that is kept. To use it again would look like theft, for which
            // servers revoke all that descends from it (RFC 9700 §4.14.2).
            let origin = state.origin.as_deref();
            state
                .given
                .take_if(|given| origin == Some(origin_of(given).as_str()));
        }
        is_another
    }

    /// What the store answers, if it does so in time and does not fail.
    async fn ask<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Option<T> {
        let limit = self.client.clock().sleep(STORE_TIMEOUT);
        let error = match select(Box::pin(call), limit).await {
            Either::Left((Ok(answer), _)) => return Some(answer),
            Either::Left((Err(error), _)) => error,
            Either::Right(_) => StoreError::new("it did not answer in time"),
        };
        observe::store_failed(what, &error);
        None
    }
}

#[async_trait]
impl TokenSource for RefreshToken {
    async fn token(&self) -> Result<AccessToken, Error> {
        let mut state = self.state.lock().await;
        let Some(place) = &self.place else {
            return self.refresh(&mut state, None).await;
        };
        let lease = self.turn(place, &mut state).await;
        let mut outcome = self.refresh(&mut state, lease).await;
        let is_bad = |outcome: &Result<_, Error>| outcome.as_ref().is_err_and(is_refused);
        if is_bad(&outcome) && self.take_up(place, &mut state).await {
            observe::somebody_else_refreshed();
            outcome = self.refresh(&mut state, lease).await;
        }
        // What is in the store stays there until this one has been taken: no refusal loses a grant.
        if is_bad(&outcome) && state.take_given() {
            observe::stored_one_refused();
            outcome = self.refresh(&mut state, lease).await;
        }
        if let Some(lease) = lease {
            self.ask("release", place.store.release(&place.key, lease))
                .await;
        }
        outcome
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.client.dpop()
    }
}

/// Names a refresh token without telling it.
fn origin_of(given: &SecretString) -> String {
    let name = TokenKey::builder("given").field("token", given.expose_secret());
    name.build().to_string()
}

fn is_refused(error: &Error) -> bool {
    let error = error.oauth_error();
    error.is_some_and(|error| *error.code() == OAuthErrorCode::InvalidGrant)
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
