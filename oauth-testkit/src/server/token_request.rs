//! A token request as it was received, and whether it is one.

use std::collections::HashSet;

use http::header::CONTENT_TYPE;

use crate::server::binding::seen_proof;
use crate::server::client_auth::{Clients, Presented, Refusal};
use crate::server::credentials::form_decode;
use crate::server::http1::Request;
use crate::server::redact;
use crate::server::requests::{Seen, TokenRequest};

/// RFC 8707 §2 and RFC 8693 §2.1 let these be repeated; RFC 6749 §3.2 nothing else.
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// RFC 6749 §2.3.1 and RFC 9700 §2.4: these do not belong in a URI.
const NEVER_IN_QUERY: [&str; 3] = ["client_secret", "client_assertion", "access_token"];

pub(crate) struct ReceivedTokenRequest<'a> {
    pub(crate) request: &'a Request,
    is_form: bool,
    well_formed: bool,
    params: Vec<(String, String)>,
    pub(crate) client: Presented,
}

impl<'a> ReceivedTokenRequest<'a> {
    pub(crate) fn read(request: &'a Request) -> Self {
        let is_form = has_form_type(request);
        let parsed = if is_form {
            parse_form(&request.body)
        } else {
            Some(Vec::new())
        };
        let well_formed = parsed.is_some();
        let params = parsed.unwrap_or_default();
        let client = Presented::read(request, &params);
        Self {
            request,
            is_form,
            well_formed,
            params,
            client,
        }
    }

    pub(crate) fn is_post(&self) -> bool {
        self.request.method == "POST"
    }

    /// The value of a parameter; one without a value counts as omitted (RFC 6749 §3.2).
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let mut values = self
            .params
            .iter()
            .filter(|(known, value)| known == name && !value.is_empty());
        values.next().map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may not be missing.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.param(name)
            .ok_or_else(|| ("invalid_request", format!("no {name}")))
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let values = self.params.iter().filter(|(known, _)| known == name);
        values.map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn check_form(&self) -> Result<(), Refusal> {
        let wrong = |text: &str| Err(("invalid_request", text.to_owned()));
        if !self.is_post() {
            return wrong("the method is not POST");
        }
        if !self.is_form {
            return wrong("the content type is not application/x-www-form-urlencoded");
        }
        if !self.well_formed {
            return wrong("the body is not well-formed");
        }
        let query = self.request.query.as_deref().unwrap_or_default();
        let in_query = parse_form(query.as_bytes()).unwrap_or_default();
        if in_query
            .iter()
            .any(|(name, _)| NEVER_IN_QUERY.contains(&name.as_str()))
        {
            return wrong("there is a credential in the query");
        }
        let mut seen = HashSet::new();
        let mut names = self.params.iter().map(|(name, _)| name.as_str());
        match names.find(|name| !REPEATABLE.contains(name) && !seen.insert(*name)) {
            Some(_) => wrong("a parameter is repeated"),
            None => Ok(()),
        }
    }

    pub(crate) fn for_log(&self, clients: &Clients) -> TokenRequest {
        TokenRequest {
            seen: seen(self.request),
            client_auths: self.client.methods(clients),
            client_assertion: self.client.seen_assertion(),
            dpop_proof: seen_proof(self.request),
            params: redact::params(&self.params),
        }
    }
}

/// What the log keeps of the head of any request.
pub(crate) fn seen(request: &Request) -> Seen {
    Seen {
        method: request.method.clone(),
        path_and_query: redact::path_and_query(&request.path, request.query.as_deref()),
        headers: redact::headers(&request.headers),
        status: None,
        faults: request.faults.clone(),
    }
}

fn has_form_type(request: &Request) -> bool {
    let mut values = request.headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (values.next(), values.next()) else {
        return false;
    };
    let media_type = only
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    media_type
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn parse_form(body: &[u8]) -> Option<Vec<(String, String)>> {
    let pairs = std::str::from_utf8(body)
        .ok()?
        .split('&')
        .filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((form_decode(name)?, form_decode(value)?))
        })
        .collect()
}
