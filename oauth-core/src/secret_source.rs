//! Where a secret comes from, at every request anew.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::clock::BoxFuture;
use crate::error::{Error, ErrorKind};

/// What to do if it may be there the next time.
const LATER: &str = "try again later";

type Cause = Box<dyn StdError + Send + Sync>;
type Function = dyn Fn() -> BoxFuture<'static, Result<SecretString, Cause>> + Send + Sync;

/// Where a client secret, or a ready-made assertion, comes from.
///
/// It is read at every token request, of which there are few, so that a secret that is rotated is taken up
/// by itself. If the server refuses the client, the secret is read once more, and tried once more if it has
/// changed.
///
/// # Examples
///
/// ```
/// use oauth_core::{ClientCredentials, SecretSource};
///
/// let token_url = "https://id.example.com/oauth/token";
/// // A fixed value:
/// let builder = ClientCredentials::builder(token_url, "my-client").client_secret("shh");
/// // A file that the platform rewrites:
/// let builder = ClientCredentials::builder(token_url, "my-client")
///     .client_secret(SecretSource::file("/run/secrets/my-client"));
/// // Anything else:
/// let builder = ClientCredentials::builder(token_url, "my-client")
///     .client_secret(SecretSource::function("vault:kv/my-client", || async {
///         Ok::<_, std::io::Error>(String::from("shh").into())
///     }));
/// ```
#[derive(Clone)]
pub struct SecretSource(Kind);

#[derive(Clone)]
enum Kind {
    Value(SecretString),
    Environment(Arc<str>),
    File(Arc<Path>),
    Function(Arc<str>, Arc<Function>),
}

impl SecretSource {
    /// A value that never changes.
    pub fn value(secret: impl Into<SecretString>) -> Self {
        Self(Kind::Value(secret.into()))
    }

    /// An environment variable of this process.
    pub fn environment(variable: impl Into<String>) -> Self {
        Self(Kind::Environment(variable.into().into()))
    }

    /// A file, which must be text. Line ends at its end are not part of the secret. It is small and near, and
    /// so read without leaving the thread.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into().into()))
    }

    /// A function of yours. `name` says in errors where the secret comes from, and is part of the
    /// [`TokenKey`](crate::TokenKey): functions that give secrets of different clients need different names.
    ///
    /// The texts of its errors must not hold a secret. If one is an [`Error`], its kind is kept, so that what passes
    /// ([`is_retryable`](Error::is_retryable)) is tried again; any other counts as
    /// [`ErrorKind::Configuration`], which is not.
    pub fn function<F, Fut, E>(name: impl Into<String>, function: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<SecretString, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let function = move || -> BoxFuture<'static, _> {
            let secret = function();
            Box::pin(async { secret.await.map_err(Into::into) })
        };
        Self(Kind::Function(name.into().into(), Arc::new(function)))
    }

    /// The secret as it is now.
    pub(crate) async fn read(&self) -> Result<SecretString, Error> {
        let secret = match &self.0 {
            Kind::Value(secret) => Ok(secret.clone()),
            Kind::Environment(variable) => std::env::var(&**variable)
                .map(Into::into)
                // The standard error quotes a value that is not Unicode.
                .map_err(|_| "the variable is not set, or no text".into()),
            Kind::File(path) => read_file(path).map_err(Into::into),
            Kind::Function(_, function) => function().await,
        };
        let secret = secret.map_err(|cause| self.unreadable(cause))?;
        self.check(&secret)?;
        Ok(secret)
    }

    fn unreadable(&self, cause: Cause) -> Error {
        let told = cause.downcast_ref::<Error>();
        let (kind, remedy) = match told.map(|error| (error.kind(), error.is_retryable())) {
            // What makes it retryable is the answer to another request, which this error has not.
            Some((ErrorKind::Refused, true)) => (ErrorKind::ServerUnavailable, LATER),
            Some((kind, true)) => (kind, LATER),
            Some((kind, false)) => (kind, self.remedy()),
            None => (ErrorKind::Configuration, self.remedy()),
        };
        let message = format!("{} cannot be read ({remedy})", self.name());
        let mut error = Error::builder(kind, message);
        if let Some(wait) = told.and_then(Error::retry_after) {
            error = error.retry_after(wait);
        }
        error.source(cause).build()
    }

    /// An empty secret is a slip, and not to be sent; so is one of white space, which is what is left of a file whose
    /// text was never filled in.
    pub(crate) fn check(&self, secret: &SecretString) -> Result<(), Error> {
        let secret = secret.expose_secret();
        if !secret.trim().is_empty() {
            return Ok(());
        }
        let what = if secret.is_empty() {
            "empty"
        } else {
            "nothing but white space"
        };
        let message = format!("{} is {what}; {}", self.name(), self.remedy());
        Err(Error::configuration(message))
    }

    /// The secret, if it is known before anything is read.
    pub(crate) fn fixed(&self) -> Option<&SecretString> {
        match &self.0 {
            Kind::Value(secret) => Some(secret),
            _ => None,
        }
    }

    /// What tells two sources apart, for the key of the tokens.
    pub(crate) fn identity(&self) -> [Zeroizing<String>; 2] {
        let (kind, what) = match &self.0 {
            Kind::Value(secret) => ("value", secret.expose_secret().to_owned()),
            Kind::Environment(variable) => ("environment", variable.to_string()),
            Kind::File(path) => ("file", path.display().to_string()),
            Kind::Function(name, _) => ("function", name.to_string()),
        };
        [kind.to_owned(), what].map(Zeroizing::new)
    }

    fn name(&self) -> String {
        match &self.0 {
            Kind::Value(_) => "the secret".to_owned(),
            Kind::Environment(variable) => {
                format!("the secret in the environment variable {variable}")
            }
            Kind::File(path) => format!("the secret in the file {}", path.display()),
            Kind::Function(name, _) => format!("the secret from {name}"),
        }
    }

    /// What to do if there is none.
    fn remedy(&self) -> &'static str {
        match &self.0 {
            Kind::Value(_) => "give the one that the client is registered with",
            Kind::Environment(_) => "set the variable to the secret",
            Kind::File(_) => "write the secret there, where this process may read it",
            Kind::Function(..) => "mend the function that was given to SecretSource::function",
        }
    }
}

fn read_file(path: &Path) -> std::io::Result<SecretString> {
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

impl From<SecretString> for SecretSource {
    fn from(secret: SecretString) -> Self {
        Self::value(secret)
    }
}

impl From<String> for SecretSource {
    fn from(secret: String) -> Self {
        Self::value(secret)
    }
}

impl From<&str> for SecretSource {
    fn from(secret: &str) -> Self {
        Self::value(secret)
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretSource({})", self.name())
    }
}
