//! What the admin API does with TLS.

use serde::Deserialize;
use serde_json::json;

use crate::program::admin::Admin;
use crate::program::admin::call::{Call, Refusal};
use crate::program::script::Uses;
use crate::server::{FakeTokenServer, Response, TlsFault};

type Handled = Result<Response, Refusal>;

pub(super) fn ca(admin: &Admin, _: &Call<'_>) -> Handled {
    require_tls(admin)?;
    Ok(pem(admin.server.ca_pem()))
}

pub(super) fn ca_key(admin: &Admin, _: &Call<'_>) -> Handled {
    require_tls(admin)?;
    Ok(pem(admin.server.ca_key_pem()))
}

fn pem(text: String) -> Response {
    let mut response = Response::new(200).header("Content-Type", "application/x-pem-file");
    response.body = text.into();
    response
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateForm {
    name: String,
}

pub(super) fn issue_certificate(admin: &Admin, call: &Call<'_>) -> Handled {
    require_tls(admin)?;
    let form: CertificateForm = call.body()?;
    let issued = admin.server.issue_client_certificate(&form.name);
    let issued = issued.map_err(|cause| Refusal::bad(cause.to_string()))?;
    let certificate = json!({
        "certificate_pem": issued.certificate_pem(),
        "private_key_pem": issued.key_pem(),
    });
    Ok(Response::json(200, &certificate))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultForm {
    at: Origin,
    #[serde(default)]
    uses: Uses,
    fault: FaultKind,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Origin {
    Token,
    Api,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultKind {
    ExpiredCertificate,
    WrongHost,
    UnknownAuthority,
    CutHandshake,
    ResetHandshake,
}

pub(super) fn script_fault(admin: &Admin, call: &Call<'_>) -> Handled {
    require_tls(admin)?;
    let form: FaultForm = call.body()?;
    let fault = match form.fault {
        FaultKind::ExpiredCertificate => TlsFault::ExpiredCertificate,
        FaultKind::WrongHost => TlsFault::WrongHost,
        FaultKind::UnknownAuthority => TlsFault::UnknownAuthority,
        FaultKind::CutHandshake => TlsFault::CutHandshake,
        FaultKind::ResetHandshake => TlsFault::ResetHandshake,
    };
    let give = match (form.at, form.uses) {
        (Origin::Token, Uses::Once) => FakeTokenServer::next_token_tls_fault,
        (Origin::Token, Uses::Always) => FakeTokenServer::always_token_tls_fault,
        (Origin::Api, Uses::Once) => FakeTokenServer::next_api_tls_fault,
        (Origin::Api, Uses::Always) => FakeTokenServer::always_api_tls_fault,
    };
    give(&admin.server, fault);
    Ok(Response::new(204))
}

pub(super) fn reset_faults(admin: &Admin, _: &Call<'_>) -> Handled {
    require_tls(admin)?;
    admin.server.reset_tls_faults();
    Ok(Response::new(204))
}

fn require_tls(admin: &Admin) -> Result<(), Refusal> {
    if admin.server.ca_pem().is_empty() {
        return Err(Refusal::new(409, "no_tls", "the server does not speak TLS"));
    }
    Ok(())
}
