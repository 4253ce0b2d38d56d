//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::program::client_form::ClientForm;
use crate::program::config::Config;

/// A fake OAuth 2.0 token server that misbehaves on request, for programs in any language.
///
/// It serves on loopback: a strict token endpoint, a protected API beside it, and an admin API that scripts what they
/// answer and tells what they have seen. It prints where they are, and runs until it is told to stop: by SIGTERM,
/// Ctrl-C, or POST /stop at the admin API. One line of JSON for each request and each answer, without secrets, goes to
/// standard error.
#[derive(Debug, Parser)]
#[command(name = "fake-token-server", version)]
pub(super) struct Options {
    /// Reads the setup from a JSON file. What is also given here takes its place.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Registers a client; again for more. A secret on a command line is seen by the whole machine: real ones belong
    /// in a file. [default: test-client:test-secret]
    #[arg(long = "client", value_name = "ID:SECRET", value_parser = client)]
    clients: Vec<ClientForm>,

    /// Registers a client without a secret; again for more.
    #[arg(long = "public-client", value_name = "ID")]
    public_clients: Vec<String>,

    /// Accepts this client authentication method, by its name in RFC 7591, and no other; again for more.
    /// [default: client_secret_basic and client_secret_post]
    #[arg(long = "accept-auth", value_name = "METHOD")]
    accept_auth: Vec<String>,

    /// Registers a scope, and refuses those that are not registered; again for more. [default: any scope]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,

    /// Registers a resource (RFC 8707) or audience, and refuses those that are not; again for more.
    #[arg(long = "resource", value_name = "URI")]
    resources: Vec<String>,

    /// How long a token lives. [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    token_lifetime: Option<u64>,

    /// The port of the token endpoint. [default: any that is free]
    #[arg(long, value_name = "PORT")]
    token_port: Option<u16>,

    /// The port of the protected API. [default: any that is free]
    #[arg(long, value_name = "PORT")]
    api_port: Option<u16>,

    /// The port of the admin API. [default: any that is free]
    #[arg(long, value_name = "PORT")]
    admin_port: Option<u16>,

    /// The host name in the URLs, which has to lead to 127.0.0.1. [default: 127.0.0.1]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,

    /// The path of the issuer identifier, with a slash before it.
    #[arg(long, value_name = "PATH")]
    issuer_path: Option<String>,

    /// Speaks TLS, but not at the admin API, where /ca.pem is the certificate of the authority.
    #[arg(long)]
    tls: bool,

    /// Issues access tokens that are signed JWTs (RFC 9068).
    #[arg(long)]
    jwt_access_tokens: bool,

    /// Binds tokens to the certificate that the client shows (RFC 8705 §3). Implies --tls.
    #[arg(long)]
    certificate_bound_tokens: bool,

    /// Gives a client the token it has, as long as that lives.
    #[arg(long)]
    same_token_while_live: bool,

    /// Refuses token requests without a DPoP proof (RFC 9449).
    #[arg(long)]
    require_dpop: bool,

    /// Whether time passes by itself. The admin API moves the clock in either case. [default: running]
    #[arg(long, value_name = "HOW")]
    clock: Option<ClockKind>,

    /// Prints the URLs as one line of JSON.
    #[arg(long)]
    pub(super) json: bool,

    /// Logs no requests.
    #[arg(long)]
    pub(super) quiet: bool,

    /// Stops also when standard input ends, so that it does not outlive the program that started it.
    #[arg(long)]
    pub(super) until_stdin_ends: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ClockKind {
    /// Time passes.
    Running,
    /// Time passes only when the admin API says so.
    Standing,
}

impl Options {
    /// The setup: that of the file, if there is one, with what was given here in its place.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not a setup.
    pub(super) fn setup(&self) -> Result<Config, String> {
        let mut config = match &self.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        if !self.clients.is_empty() || !self.public_clients.is_empty() {
            let public = self.public_clients.iter().map(|id| ClientForm::public(id));
            config.clients = self.clients.iter().cloned().chain(public).collect();
        }
        replace_list(&mut config.accept_auth, &self.accept_auth);
        replace(&mut config.scopes, list(&self.scopes));
        replace(&mut config.resources, list(&self.resources));
        replace(&mut config.token_lifetime_seconds, self.token_lifetime);
        replace(&mut config.token_port, self.token_port);
        replace(&mut config.api_port, self.api_port);
        replace(&mut config.admin_port, self.admin_port);
        replace(&mut config.host, self.host.clone());
        replace(&mut config.issuer_path, self.issuer_path.clone());
        config.tls |= self.tls;
        config.jwt_access_tokens |= self.jwt_access_tokens;
        config.certificate_bound_tokens |= self.certificate_bound_tokens;
        config.same_token_while_live |= self.same_token_while_live;
        if self.require_dpop {
            config.dpop.get_or_insert_default().required = true;
        }
        if let Some(clock) = self.clock {
            config.clock_stands = clock == ClockKind::Standing;
        }
        Ok(config)
    }
}

fn client(text: &str) -> Result<ClientForm, String> {
    match text.split_once(':') {
        Some((id, secret)) if !id.is_empty() => Ok(ClientForm::secret(id, secret)),
        _ => Err("a client is given as ID:SECRET".to_owned()),
    }
}

fn list(given: &[String]) -> Option<Vec<String>> {
    (!given.is_empty()).then(|| given.to_vec())
}

fn replace_list(old: &mut Vec<String>, given: &[String]) {
    if !given.is_empty() {
        *old = given.to_vec();
    }
}

fn replace<T>(old: &mut Option<T>, given: Option<T>) {
    if given.is_some() {
        *old = given;
    }
}
