//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use oauth_core::JwsAlgorithm;

use crate::failure::Failure;

/// What to do: `oauth-call token …`, or `oauth-call … API_URL…`.
pub(crate) enum Arguments {
    Token(Token),
    Call(Call),
}

impl Arguments {
    /// Ends the program if it is used wrongly, or help is wanted.
    pub(crate) fn read() -> Self {
        let mut words: Vec<OsString> = std::env::args_os().collect();
        // Before its options or after them.
        for place in [1, words.len().saturating_sub(1)] {
            if place > 0 && words.get(place).is_some_and(|word| word == "token") {
                words.remove(place);
                return Self::Token(Token::parse_from(words));
            }
        }
        Self::Call(Call::parse())
    }
}

/// Gets a token with the client credentials grant and prints what was granted, without the token.
#[derive(Debug, Parser)]
#[command(name = "oauth-call token", version)]
pub(crate) struct Token {
    #[command(flatten)]
    pub(crate) client: Client,
    /// Print the token too.
    #[arg(long)]
    pub(crate) show_token: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Like curl with OAuth: gets a token with the client credentials grant and calls APIs with it.
///
/// Secrets are read from the environment or from files, never from the command line, and are not shown.
/// Exit code: 0 if every answer was 2xx, 1 if some were not, 2 for wrong use, 3 if there is no token.
#[derive(Debug, Parser)]
#[command(
    name = "oauth-call",
    version,
    after_help = "`oauth-call token …` prints what is granted; see `oauth-call token --help`."
)]
pub(crate) struct Call {
    #[command(flatten)]
    pub(crate) client: Client,
    /// The method; GET, or POST if there is a body.
    #[arg(long, short = 'X', value_name = "M")]
    pub(crate) method: Option<Method>,
    /// A header, as `name: value`; again for more.
    #[arg(long, short = 'H', value_name = "H")]
    pub(crate) header: Vec<String>,
    /// The body; `@FILE` reads it from a file.
    #[arg(long, short = 'd', value_name = "D")]
    pub(crate) data: Option<String>,
    /// How many calls to make in all. Without it: one for each API_URL, or with --duration as many as there is time for.
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// How many calls are under way at a time.
    #[arg(long, short = 'c', value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) concurrency: u64,
    /// For how many seconds to call; with --requests, whatever comes first ends it.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) duration: Option<u64>,
    /// Print one JSON object in place of the answers or the summary.
    #[arg(long)]
    pub(crate) json: bool,
    /// The APIs, called in turn.
    #[arg(value_name = "API_URL", required = true)]
    pub(crate) urls: Vec<String>,
}

/// The client, as it is registered at the authorization server.
#[derive(Debug, Args)]
pub(crate) struct Client {
    /// The library that speaks HTTP.
    #[arg(long, value_enum, default_value_t = Backend::Reqwest)]
    pub(crate) backend: Backend,
    /// The token endpoint.
    #[arg(long, value_name = "URL", required_unless_present = "issuer")]
    pub(crate) token_url: Option<String>,
    /// The issuer, whose metadata names the endpoints.
    #[arg(long, value_name = "URL", conflicts_with = "token_url")]
    pub(crate) issuer: Option<String>,
    /// The client's id.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// How the client authenticates. Without it: by the key if there is one, or the secret, or the client certificate.
    #[arg(long, value_enum)]
    pub(crate) auth: Option<Auth>,
    /// The environment variable with the secret.
    #[arg(long, value_name = "VAR", conflicts_with = "secret_file")]
    pub(crate) secret_env: Option<String>,
    /// The file with the secret, or with the assertion (`--auth assertion-file`).
    #[arg(long, value_name = "F")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The private key, in PEM or as a JWK.
    #[arg(long, value_name = "F")]
    pub(crate) key: Option<PathBuf>,
    /// The algorithm of the key: RS256, PS256, ES256, EdDSA, …; or with `--auth secret-jwt` that of the assertion:
    /// HS256 (the default), HS384, HS512.
    #[arg(long, value_name = "A", value_parser = algorithm)]
    pub(crate) alg: Option<JwsAlgorithm>,
    /// The id of the key.
    #[arg(long, value_name = "K", requires = "key")]
    pub(crate) kid: Option<String>,
    /// The client certificate, in PEM.
    #[arg(long, value_name = "F", requires = "cert_key")]
    pub(crate) cert: Option<PathBuf>,
    /// The private key of the client certificate, in PEM.
    #[arg(long, value_name = "F", requires = "cert")]
    pub(crate) cert_key: Option<PathBuf>,
    /// The certificate authorities to trust in place of those of the system, in PEM.
    #[arg(long, value_name = "F")]
    pub(crate) ca: Option<PathBuf>,
    /// For whom signed assertions are meant.
    #[arg(long, value_enum, default_value_t = Audience::Endpoint)]
    pub(crate) audience_of_assertion: Audience,
    /// A scope to ask for; again for more.
    #[arg(long, value_name = "S")]
    pub(crate) scope: Vec<String>,
    /// An API that the token is for (RFC 8707); again for more.
    #[arg(long, value_name = "R")]
    pub(crate) resource: Vec<String>,
    /// A further parameter of the token request; again for more.
    #[arg(long, value_name = "K=V")]
    pub(crate) param: Vec<String>,
    /// Bind the token to a new key (RFC 9449).
    #[arg(long)]
    pub(crate) dpop: bool,
    /// Where to keep the token for others: `redis://…`, `rediss://…` or `file:PATH`.
    #[arg(long, value_name = "PLACE")]
    pub(crate) store: Option<String>,
    /// The environment variable with the key that encrypts what is stored.
    #[arg(long, value_name = "VAR", requires = "store")]
    pub(crate) store_key_env: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Reqwest,
    Isahc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Auth {
    /// HTTP Basic, encoded as RFC 6749 says.
    Basic,
    /// HTTP Basic, for servers that do not decode.
    BasicRaw,
    /// The secret in the body.
    Post,
    /// The client id alone.
    None,
    /// An assertion under the secret.
    SecretJwt,
    /// An assertion under a private key.
    PrivateKeyJwt,
    /// An assertion that somebody else puts into a file.
    AssertionFile,
    /// The client certificate.
    Mtls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Audience {
    Endpoint,
    Issuer,
}

impl Call {
    /// Errors do not quote what may be a secret.
    pub(crate) fn headers(&self) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        for text in &self.header {
            let (name, value) = text.split_once(':').ok_or_else(|| {
                Failure::usage("a --header has the form `name: value`; one has not")
            })?;
            let name: HeaderName = name.trim().parse().map_err(|_| {
                Failure::usage(
                    "a --header has a name that is none: before the colon go letters, digits and hyphens, no spaces",
                )
            })?;
            // isahc panics at what is not ASCII.
            let value = Some(value.trim()).filter(|value| value.is_ascii());
            let value: Option<HeaderValue> = value.and_then(|value| value.parse().ok());
            let value = value.ok_or_else(|| {
                Failure::usage(format!(
                    "the value of --header {name} holds a character that is not ASCII, or a control character: \
                     encode it as the API wants it"
                ))
            })?;
            if name == AUTHORIZATION || name.as_str() == "dpop" {
                return Err(Failure::usage(format!(
                    "--header {name} is what this program is for; secrets do not belong on a command line"
                )));
            }
            headers.append(name, value);
        }
        Ok(headers)
    }
}

impl Client {
    /// Errors do not quote what may be a secret.
    pub(crate) fn parameters(&self) -> Result<Vec<(&str, &str)>, Failure> {
        let pairs = self.param.iter().map(|text| text.split_once('='));
        pairs
            .collect::<Option<_>>()
            .ok_or_else(|| Failure::usage("a --param has the form `name=value`; one has not"))
    }
}

fn algorithm(name: &str) -> Result<JwsAlgorithm, String> {
    JwsAlgorithm::from_name(name).ok_or_else(|| {
        "nothing signs so; there are RS, PS and ES with 256, 384 and 512, EdDSA, and for secrets HS with 256, 384 \
         and 512"
            .to_owned()
    })
}
