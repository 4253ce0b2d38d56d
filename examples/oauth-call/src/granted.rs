//! The tokens that were granted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use oauth_core::{AccessToken, ClientCredentials, Dpop, Error, TokenSource};

/// So many are remembered: with many calls at a time, an answer may be about one that has been replaced long since.
const MOST: usize = 8;

/// The last tokens, the newest last.
#[derive(Clone, Default)]
pub(crate) struct Granted(Arc<Mutex<VecDeque<AccessToken>>>);

impl Granted {
    pub(crate) fn note(&self, token: &AccessToken) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.iter().any(|other| other.secret() == token.secret()) {
            return;
        }
        if tokens.len() == MOST {
            tokens.pop_front();
        }
        tokens.push_back(token.clone());
    }

    pub(crate) fn all(&self) -> Vec<AccessToken> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.iter().cloned().collect()
    }
}

/// Client credentials whose tokens are remembered.
pub(crate) struct Noting {
    pub(crate) inner: ClientCredentials,
    pub(crate) granted: Granted,
}

#[async_trait]
impl TokenSource for Noting {
    async fn token(&self) -> Result<AccessToken, Error> {
        let token = self.inner.token().await?;
        self.granted.note(&token);
        Ok(token)
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.inner.dpop()
    }
}
