//! The token source that the command line describes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use oauth_core::{
    AssertionAudience, CachedTokenSource, ClientAuthMethod, ClientCredentials,
    ClientCredentialsBuilder, HttpClient, JwsAlgorithm, SecretSource, SigningKey, StoreError,
    TokenStore,
};
use oauth_encrypted_store::{EncryptedStore, KeyRing};
use oauth_file_store::FileStore;
use oauth_redis::RedisStore;

use crate::arguments::{Audience, Auth, Client};
use crate::failure::{Failure, with_causes};
use crate::granted::{Granted, Noting};

pub(crate) type Source = CachedTokenSource<Noting>;

impl Client {
    /// `granted` gets to know what the server grants.
    pub(crate) fn source(
        &self,
        http_client: Arc<dyn HttpClient>,
        granted: &Granted,
    ) -> Result<Source, Failure> {
        let builder = self.start()?;
        let builder = self.authenticated(builder)?;
        let mut builder = builder
            .scopes(&self.scope)
            .http_client(http_client)
            .assertion_audience(match self.audience_of_assertion {
                Audience::Endpoint => AssertionAudience::TokenEndpoint,
                Audience::Issuer => AssertionAudience::Issuer,
            });
        for resource in &self.resource {
            builder = builder.resource(resource);
        }
        for (name, value) in self.parameters()? {
            builder = builder.parameter(name, value);
        }
        if self.dpop {
            builder = builder.dpop(SigningKey::generate(JwsAlgorithm::Es256)?);
        }
        let source = builder.build()?;
        let key = source.key();
        let cached = CachedTokenSource::builder(Noting {
            inner: source,
            granted: granted.clone(),
        });
        Ok(match self.store()? {
            Some(store) => cached.store(store, key).build(),
            None => cached.build(),
        })
    }

    fn start(&self) -> Result<ClientCredentialsBuilder, Failure> {
        match (&self.token_url, &self.issuer) {
            (Some(token_url), _) => Ok(ClientCredentials::builder(token_url, &self.client_id)),
            (None, Some(issuer)) => Ok(ClientCredentials::discover(issuer, &self.client_id)),
            (None, None) => Err(Failure::usage("--token-url or --issuer is missing")),
        }
    }

    fn authenticated(
        &self,
        builder: ClientCredentialsBuilder,
    ) -> Result<ClientCredentialsBuilder, Failure> {
        self.check_fit()?;
        let secret = || {
            self.secret().ok_or_else(|| {
                Failure::usage(
                    "the secret is missing: give --secret-env or --secret-file, or --key, or --cert, or --auth none",
                )
            })
        };
        let by_secret = |builder: ClientCredentialsBuilder, method| {
            Ok(builder.client_secret(secret()?).auth_method(method))
        };
        match self.auth {
            // The server says how, if it is discovered.
            None if self.key.is_some() => Ok(builder.private_key(self.signing_key()?)),
            None if self.cert.is_some() && self.secret().is_none() => {
                Ok(builder.auth_method(ClientAuthMethod::TlsClientAuth))
            }
            None => Ok(builder.client_secret(secret()?)),
            Some(Auth::Basic) => by_secret(builder, ClientAuthMethod::ClientSecretBasic),
            Some(Auth::BasicRaw) => by_secret(builder, ClientAuthMethod::ClientSecretBasicRaw),
            Some(Auth::Post) => by_secret(builder, ClientAuthMethod::ClientSecretPost),
            Some(Auth::SecretJwt) => {
                let builder = match self.alg {
                    Some(algorithm) => builder.hmac_algorithm(algorithm),
                    None => builder,
                };
                by_secret(builder, ClientAuthMethod::ClientSecretJwt)
            }
            Some(Auth::None) => Ok(builder.auth_method(ClientAuthMethod::None)),
            Some(Auth::PrivateKeyJwt) => Ok(builder.private_key(self.signing_key()?)),
            Some(Auth::AssertionFile) => match &self.secret_file {
                Some(file) => Ok(builder.client_assertion(SecretSource::file(file))),
                None => Err(Failure::usage(
                    "the assertion is missing: give --secret-file",
                )),
            },
            Some(Auth::Mtls) if self.cert.is_none() => Err(Failure::usage(
                "the client certificate is missing: give --cert and --cert-key",
            )),
            Some(Auth::Mtls) => Ok(builder.auth_method(ClientAuthMethod::TlsClientAuth)),
        }
    }

    /// What is given and not used would be taken for used.
    fn check_fit(&self) -> Result<(), Failure> {
        let by_key = matches!(self.auth, Some(Auth::PrivateKeyJwt))
            || self.auth.is_none() && self.key.is_some();
        let without_secret = by_key || matches!(self.auth, Some(Auth::None | Auth::Mtls));
        if self.audience_of_assertion == Audience::Issuer && self.issuer.is_none() {
            return Err(Failure::usage(
                "--audience-of-assertion issuer needs --issuer in place of --token-url, which does not say who that is",
            ));
        }
        if self.key.is_some() && !by_key {
            return Err(Failure::usage("--key is for --auth private-key-jwt only"));
        }
        let by_hmac = matches!(self.auth, Some(Auth::SecretJwt));
        match self.alg {
            Some(_) if !by_key && !by_hmac => {
                return Err(Failure::usage(
                    "--alg is for --auth private-key-jwt and --auth secret-jwt only",
                ));
            }
            Some(algorithm) if by_hmac != algorithm.is_symmetric() => {
                let fitting = if by_hmac {
                    "secret-jwt takes HS256, HS384 or HS512"
                } else {
                    "HS256, HS384 and HS512 are for --auth secret-jwt"
                };
                return Err(Failure::usage(format!("--alg {algorithm}: {fitting}")));
            }
            _ => {}
        }
        if without_secret && (self.secret_env.is_some() || self.secret_file.is_some()) {
            return Err(Failure::usage(
                "this --auth uses no secret: leave --secret-env and --secret-file out",
            ));
        }
        Ok(())
    }

    fn secret(&self) -> Option<SecretSource> {
        let in_file = self.secret_file.as_ref().map(SecretSource::file);
        in_file.or_else(|| self.secret_env.as_ref().map(SecretSource::environment))
    }

    fn signing_key(&self) -> Result<SigningKey, Failure> {
        let Some(file) = &self.key else {
            return Err(Failure::usage(
                "the private key is missing: give --key and --alg",
            ));
        };
        let text = read(file)?;
        let is_jwk = text.trim_start().starts_with('{');
        let key = match self.alg {
            Some(algorithm) if is_jwk => SigningKey::from_jwk_with(algorithm, &text)?,
            Some(algorithm) => SigningKey::from_pem(algorithm, &text)?,
            None if is_jwk => SigningKey::from_jwk(&text)?,
            None => {
                return Err(Failure::usage(
                    "a key in PEM does not say its algorithm: give --alg",
                ));
            }
        };
        Ok(match &self.kid {
            Some(kid) => key.with_key_id(kid),
            None => key,
        })
    }

    fn store(&self) -> Result<Option<Arc<dyn TokenStore>>, Failure> {
        let Some(place) = &self.store else {
            return Ok(None);
        };
        let fault = |error: StoreError| Failure::usage(with_causes(&error));
        let store: Arc<dyn TokenStore> = if let Some(path) = place.strip_prefix("file:") {
            Arc::new(FileStore::open(path).map_err(fault)?)
        } else if place.starts_with("redis") {
            Arc::new(RedisStore::open(place.as_str()).map_err(fault)?)
        } else {
            return Err(Failure::usage(
                "there is no such store: --store takes redis://…, rediss://… or file:PATH",
            ));
        };
        let Some(variable) = &self.store_key_env else {
            return Ok(Some(store));
        };
        let keys =
            KeyRing::from_env(variable).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Some(Arc::new(EncryptedStore::new(store, keys))))
    }
}

/// What a file holds, or why the command line is wrong.
pub(crate) fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map_err(|cause| Failure::usage(format!("{} cannot be read: {cause}", file.display())))
}
