//! Refresh tokens (RFC 6749 §6), and what becomes of them (RFC 9700 §4.14.2).

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Mutex;

use crate::server::client_auth::Refusal;
use crate::server::issuer::fresh_value;
use crate::sync::lock;

const REUSED: &str = "the refresh token was used before; those that came of it are revoked";

pub(crate) struct RefreshTokens {
    rotate: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, RefreshToken>,
    revoked_families: HashSet<usize>,
    families: usize,
}

/// What a refresh token stands for.
#[derive(Clone, Debug)]
pub(crate) struct RefreshToken {
    pub(crate) client_id: String,
    pub(crate) scope: Option<String>,
    /// It and those it was exchanged for.
    family: usize,
    used: bool,
}

impl RefreshTokens {
    pub(crate) fn new(rotate: bool) -> Self {
        Self {
            rotate,
            state: Mutex::default(),
        }
    }

    /// The first of a family.
    pub(crate) fn issue(&self, client_id: &str, scope: Option<&str>) -> String {
        let value = fresh_value().replace("fake", "refresh");
        let mut state = lock(&self.state);
        state.families += 1;
        let token = RefreshToken {
            client_id: client_id.to_owned(),
            scope: scope.map(str::to_owned),
            family: state.families,
            used: false,
        };
        state.known.insert(value.clone(), token);
        value
    }

    /// What the token stands for, if this client may use it now.
    pub(crate) fn look_up(&self, value: &str, client_id: &str) -> Result<RefreshToken, Refusal> {
        let refuse = |reason: &str| Err(("invalid_grant", reason.to_owned()));
        let mut state = lock(&self.state);
        let Some(token) = state.known.get(value).cloned() else {
            return refuse("the refresh token is unknown");
        };
        if token.client_id != client_id {
            return refuse("the refresh token is another client's");
        }
        if token.used {
            state.revoked_families.insert(token.family);
            return refuse(REUSED);
        }
        if state.revoked_families.contains(&token.family) {
            return refuse("the refresh token was revoked");
        }
        Ok(token)
    }

    /// The successor, if tokens are rotated; this one is then used up.
    pub(crate) fn rotate(&self, value: &str) -> Result<Option<String>, Refusal> {
        if !self.rotate {
            return Ok(None);
        }
        let mut state = lock(&self.state);
        let Some(old) = state.known.get_mut(value) else {
            return Ok(None);
        };
        let successor = old.clone();
        // Two requests at once may have found it good.
        if std::mem::replace(&mut old.used, true) {
            state.revoked_families.insert(successor.family);
            return Err(("invalid_grant", REUSED.to_owned()));
        }
        let value = fresh_value().replace("fake", "refresh");
        state.known.insert(value.clone(), successor);
        Ok(Some(value))
    }

    /// What is known of a token that is good.
    pub(crate) fn live(&self, value: &str) -> Option<RefreshToken> {
        let state = lock(&self.state);
        let token = state.known.get(value)?;
        let live = !token.used && !state.revoked_families.contains(&token.family);
        live.then(|| token.clone())
    }

    /// Whose token it is, live or not.
    pub(crate) fn owner(&self, value: &str) -> Option<String> {
        let state = lock(&self.state);
        Some(state.known.get(value)?.client_id.clone())
    }

    /// Revokes the family of the token. Tells whether it was issued here and not revoked before.
    pub(crate) fn revoke(&self, value: &str) -> bool {
        let mut state = lock(&self.state);
        let family = state.known.get(value).map(|token| token.family);
        family.is_some_and(|family| state.revoked_families.insert(family))
    }
}

impl fmt::Debug for RefreshTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokens")
            .field("rotate", &self.rotate)
            .finish_non_exhaustive()
    }
}
