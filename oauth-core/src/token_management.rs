//! Asking about a token, and giving one back.

use crate::client_credentials::ClientCredentials;
use crate::error::Error;
use crate::protocol::introspection::{Introspection, read, read_revocation};
use crate::protocol::metadata::EndpointKind;
use crate::token::AccessToken;

impl ClientCredentials {
    /// Asks the server about a token (RFC 7662), at the endpoint that was discovered or named with
    /// [`introspection_url`](crate::ClientCredentialsBuilder::introspection_url).
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) or
    /// [`ErrorKind::Discovery`](crate::ErrorKind::Discovery) if there is no such endpoint; else as a token
    /// request. That a token is no good is no error.
    pub async fn introspect(&self, token: &AccessToken) -> Result<Introspection, Error> {
        let endpoint = EndpointKind::Introspection;
        let parameters = about(token);
        self.registration.call(endpoint, &parameters, read).await
    }

    /// Gives a token back, so that nobody can use it any more (RFC 7009), at the endpoint that was discovered or
    /// named with [`revocation_url`](crate::ClientCredentialsBuilder::revocation_url). A cache does not know of
    /// it: [reject](crate::TokenSource::reject) the token there as well.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the request, which may have arrived all the same.
    ///
    /// # Errors
    ///
    /// As [`introspect`](Self::introspect). That the server does not know the token is no error.
    pub async fn revoke(&self, token: &AccessToken) -> Result<(), Error> {
        let endpoint = EndpointKind::Revocation;
        let parameters = about(token);
        self.registration
            .call(endpoint, &parameters, read_revocation)
            .await
    }
}

fn about(token: &AccessToken) -> [(&str, &str); 2] {
    [
        ("token", token.secret()),
        ("token_type_hint", "access_token"),
    ]
}
