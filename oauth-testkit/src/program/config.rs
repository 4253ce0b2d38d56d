//! The setup of the program's server, as its JSON file says it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::program::client_form::ClientForm;
use crate::program::script::ScriptedForm;
use crate::server::{
    AssertionAudience, AssertionRules, ClientAuthMethod, DpopNonce, DpopRules, FakeTokenServer,
    FakeTokenServerBuilder, JwtAlgorithm,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    pub(super) clients: Vec<ClientForm>,
    pub(super) accept_auth: Vec<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) resources: Option<Vec<String>>,
    pub(super) token_lifetime_seconds: Option<u64>,
    pub(super) token_port: Option<u16>,
    pub(super) api_port: Option<u16>,
    pub(super) admin_port: Option<u16>,
    pub(super) host: Option<String>,
    pub(super) issuer_path: Option<String>,
    doubled_slash: bool,
    pub(super) tls: bool,
    pub(super) certificate_bound_tokens: bool,
    pub(super) jwt_access_tokens: bool,
    pub(super) same_token_while_live: bool,
    keep_refresh_tokens: bool,
    assertions: Option<AssertionForm>,
    trusted_issuers: Vec<IssuerForm>,
    pub(super) dpop: Option<DpopForm>,
    pub(super) clock_stands: bool,
    pub(super) replies: Vec<ScriptedForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerForm {
    issuer: String,
    key: Value,
    key_algorithm: String,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AssertionForm {
    audience: AudienceForm,
    audience_as_text: bool,
    require_kid: bool,
    max_lifetime_seconds: u64,
    reusable: bool,
}

impl Default for AssertionForm {
    fn default() -> Self {
        Self {
            audience: AudienceForm::Either,
            audience_as_text: false,
            require_kid: false,
            max_lifetime_seconds: 300,
            reusable: false,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AudienceForm {
    Either,
    TokenEndpoint,
    Issuer,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DpopForm {
    unknown: bool,
    pub(super) required: bool,
    token_nonce: NonceForm,
    api_nonce: NonceForm,
    max_age_seconds: u64,
}

impl Default for DpopForm {
    fn default() -> Self {
        Self {
            unknown: false,
            required: false,
            token_nonce: NonceForm::Off,
            api_nonce: NonceForm::Off,
            max_age_seconds: 60,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NonceForm {
    Off,
    Required,
    OneTime,
}

impl Config {
    /// # Errors
    ///
    /// If the file cannot be read, or is not a setup.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|cause| format!("{name}: {cause}"))?;
        serde_json::from_str(&text).map_err(|cause| format!("{name}: {cause}"))
    }

    /// The library's setup of the same.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn builder(&self) -> Result<FakeTokenServerBuilder, String> {
        let mut builder = FakeTokenServer::builder()
            .token_port(self.token_port.unwrap_or_default())
            .api_port(self.api_port.unwrap_or_default());
        for client in &self.clients {
            builder = client.register(builder)?;
        }
        for name in &self.accept_auth {
            builder = builder.accept_auth(method(name)?);
        }
        if let Some(scopes) = &self.scopes {
            builder = builder.scopes(scopes);
        }
        if let Some(resources) = &self.resources {
            builder = builder.resources(resources);
        }
        if let Some(seconds) = self.token_lifetime_seconds {
            builder = builder.token_lifetime(Duration::from_secs(seconds));
        }
        if let Some(host) = &self.host {
            builder = builder.host(host);
        }
        if let Some(path) = &self.issuer_path {
            builder = builder.issuer_path(path);
        }
        for issuer in &self.trusted_issuers {
            let key = key_text(&issuer.key)?;
            builder = builder.trust_issuer(&issuer.issuer, algorithm(&issuer.key_algorithm)?, key);
        }
        if let Some(rules) = &self.assertions {
            builder = builder.assertion_rules(rules.rules());
        }
        if let Some(rules) = &self.dpop {
            builder = builder.dpop(rules.rules());
        }
        let switches: [(bool, Switch); 6] = [
            (self.tls, FakeTokenServerBuilder::tls),
            (
                self.certificate_bound_tokens,
                FakeTokenServerBuilder::certificate_bound_tokens,
            ),
            (
                self.jwt_access_tokens,
                FakeTokenServerBuilder::jwt_access_tokens,
            ),
            (
                self.same_token_while_live,
                FakeTokenServerBuilder::same_token_while_live,
            ),
            (
                self.keep_refresh_tokens,
                FakeTokenServerBuilder::keep_refresh_tokens,
            ),
            (self.doubled_slash, FakeTokenServerBuilder::doubled_slash),
        ];
        let switched_on = switches.into_iter().filter(|(on, _)| *on);
        Ok(switched_on.fold(builder, |builder, (_, switch)| switch(builder)))
    }
}

impl AssertionForm {
    fn rules(&self) -> AssertionRules {
        let mut rules = AssertionRules::new()
            .audience(match self.audience {
                AudienceForm::Either => AssertionAudience::Either,
                AudienceForm::TokenEndpoint => AssertionAudience::TokenEndpoint,
                AudienceForm::Issuer => AssertionAudience::Issuer,
            })
            .max_lifetime(Duration::from_secs(self.max_lifetime_seconds));
        if self.audience_as_text {
            rules = rules.audience_as_text();
        }
        if self.require_kid {
            rules = rules.require_kid();
        }
        if self.reusable {
            rules = rules.reusable();
        }
        rules
    }
}

impl DpopForm {
    fn rules(&self) -> DpopRules {
        let rules = if self.unknown {
            DpopRules::unknown()
        } else {
            DpopRules::new()
        };
        let rules = rules
            .nonce_at_token_endpoint(self.token_nonce.into())
            .nonce_at_api(self.api_nonce.into())
            .max_age(Duration::from_secs(self.max_age_seconds));
        if self.required {
            rules.required()
        } else {
            rules
        }
    }
}

impl From<NonceForm> for DpopNonce {
    fn from(form: NonceForm) -> Self {
        match form {
            NonceForm::Off => Self::Off,
            NonceForm::Required => Self::Required,
            NonceForm::OneTime => Self::OneTime,
        }
    }
}

type Switch = fn(FakeTokenServerBuilder) -> FakeTokenServerBuilder;

const METHODS: [ClientAuthMethod; 8] = [
    ClientAuthMethod::Basic,
    ClientAuthMethod::BasicRaw,
    ClientAuthMethod::Post,
    ClientAuthMethod::None,
    ClientAuthMethod::SecretJwt,
    ClientAuthMethod::PrivateKeyJwt,
    ClientAuthMethod::TlsClientAuth,
    ClientAuthMethod::SelfSignedTlsClientAuth,
];

/// The registered name, or ours where there is none.
pub(super) fn method_name(method: ClientAuthMethod) -> &'static str {
    method
        .registered_name()
        .unwrap_or("client_secret_basic_raw")
}

fn method(name: &str) -> Result<ClientAuthMethod, String> {
    let mut known = METHODS.into_iter();
    let found = known.find(|method| method_name(*method) == name);
    found.ok_or_else(|| {
        let names = METHODS.map(method_name).join(", ");
        format!("there is no client authentication method {name:?}, only {names}")
    })
}

pub(super) fn algorithm(name: &str) -> Result<JwtAlgorithm, String> {
    let mut known = JwtAlgorithm::ALL.into_iter();
    let found = known.find(|algorithm| algorithm.name() == name);
    found.ok_or_else(|| {
        let names = JwtAlgorithm::ALL.map(JwtAlgorithm::name).join(", ");
        format!("there is no algorithm {name:?}, only {names}")
    })
}

pub(super) fn key_text(key: &Value) -> Result<String, String> {
    match key {
        Value::String(pem) => Ok(pem.clone()),
        Value::Object(_) => Ok(key.to_string()),
        _ => Err("a key is PEM as a text, or a JWK or JWK Set as an object".to_owned()),
    }
}
