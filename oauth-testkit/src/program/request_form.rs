//! The requests of the log, as JSON says them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::program::config::method_name;
use crate::program::fault_form::fault_names;
use crate::server::{ApiRequest, SeenJwt, TokenRequest};

pub(super) fn token_request(request: &TokenRequest) -> Value {
    let params: Vec<Value> = request
        .params()
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let client_auths: Vec<Value> = request
        .client_auths()
        .iter()
        .map(|auth| json!({ "method": method_name(auth.method), "client_id": auth.client_id }))
        .collect();
    json!({
        "method": request.method(),
        "target": request.path_and_query(),
        "headers": headers(request.headers()),
        "params": params,
        "client_auths": client_auths,
        "client_assertion": request.client_assertion().map(jwt),
        "dpop_proof": request.dpop_proof().map(jwt),
        "status": request.status(),
        "faults": fault_names(request.faults()),
    })
}

pub(super) fn api_request(request: &ApiRequest, with_body: bool) -> Value {
    let mut form = json!({
        "method": request.method(),
        "target": request.path_and_query(),
        "headers": headers(request.headers()),
        "authorization_count": request.authorization_count(),
        "token_ordinal": request.token_ordinal(),
        "token_was_live": request.token_was_live(),
        "dpop_proof": request.dpop_proof().map(jwt),
        "body_bytes": request.body().len(),
        "status": request.status(),
        "faults": fault_names(request.faults()),
    });
    if with_body {
        form["body_base64"] = STANDARD.encode(request.body()).into();
    }
    form
}

fn jwt(seen: &SeenJwt) -> Value {
    json!({ "header": seen.header(), "claims": seen.claims() })
}

/// Under each name, in lower case, its values.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let names = headers.keys();
    names
        .map(|name| {
            let values = headers.get_all(name).iter();
            let values: Vec<Value> = values
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into())
                .collect();
            (name.as_str().to_owned(), values.into())
        })
        .collect()
}
