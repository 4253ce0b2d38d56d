//! Client certificates (RFC 8705), and the tokens that are bound to them.

use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_core::Instant;
use oauth_testkit::{
    CertificateSubject, ClientAuthMethod, ClientCertificate, FakeTokenServer, ManualClock,
};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    SanType, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::connection::{config, config_with_pem, connect, tls};
use crate::support::{BASIC, GRANT, Response, form, get, good};

fn ask_mtls(
    server: &FakeTokenServer,
    identity: Option<&ClientCertificate>,
    request: &str,
) -> Response {
    let url = server.mtls_token_url().unwrap();
    let mut client = connect(config(server, identity), &url, "127.0.0.1").unwrap();
    client.exchange(request)
}

#[track_caller]
fn refused(response: &Response, error: &str, description: &str) {
    assert_eq!(response.error(), error, "{response:?}");
    response.assert_description(description);
}

const TLS_GRANT: &str = "grant_type=client_credentials&client_id=service";

fn server_for(subject: CertificateSubject) -> FakeTokenServer {
    let builder = FakeTokenServer::builder().tls_client("service", subject);
    builder.start().unwrap()
}

#[test]
fn a_client_is_known_by_the_subject_of_its_certificate() {
    let server = server_for(CertificateSubject::Dn("CN=service".to_owned()));
    let identity = server.issue_client_certificate("service").unwrap();
    ask_mtls(&server, Some(&identity), &form("", TLS_GRANT)).token();
    let auth = server.token_requests()[0].client_auth().unwrap().clone();
    assert_eq!(auth.method, ClientAuthMethod::TlsClientAuth);
    assert_eq!(auth.client_id, "service");
}

#[test]
fn a_certificate_of_another_subject_is_refused() {
    let server = server_for(CertificateSubject::Dn("CN=service".to_owned()));
    let other = server.issue_client_certificate("another").unwrap();
    let response = ask_mtls(&server, Some(&other), &form("", TLS_GRANT));
    refused(
        &response,
        "invalid_client",
        "does not have the subject \"CN=service\"",
    );
}

#[test]
fn a_certificate_that_the_authority_did_not_sign_is_refused() {
    let server = server_for(CertificateSubject::Dn("CN=service".to_owned()));
    let forged = ClientCertificate::self_signed("service").unwrap();
    let response = ask_mtls(&server, Some(&forged), &form("", TLS_GRANT));
    refused(
        &response,
        "invalid_client",
        "the certificate is not trusted",
    );
}

#[test]
fn no_certificate_is_refused() {
    let server = server_for(CertificateSubject::Dn("CN=service".to_owned()));
    let response = ask_mtls(&server, None, &form("", TLS_GRANT));
    refused(&response, "invalid_client", "no client certificate");
    // At the other origin nobody asks for it.
    let identity = server.issue_client_certificate("service").unwrap();
    let mut client = connect(
        config(&server, Some(&identity)),
        &server.token_url(),
        "localhost",
    )
    .unwrap();
    let response = client.exchange(form("", TLS_GRANT));
    refused(&response, "invalid_client", "no client certificate");
}

#[test]
fn a_certificate_without_client_id_is_refused() {
    let server = server_for(CertificateSubject::Dn("CN=service".to_owned()));
    let identity = server.issue_client_certificate("service").unwrap();
    let response = ask_mtls(&server, Some(&identity), &form("", GRANT));
    refused(&response, "invalid_client", "no client authentication");
}

#[test]
fn a_certificate_is_judged_by_the_servers_clock() {
    // rcgen's certificates begin in 1975.
    let early = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
    let clock = ManualClock::starting_at(Instant::from_origin(Duration::ZERO), early);
    let server = FakeTokenServer::builder()
        .tls_client("service", CertificateSubject::Dn("CN=service".to_owned()))
        .clock(clock.clone())
        .start()
        .unwrap();
    let identity = server.issue_client_certificate("service").unwrap();
    let response = ask_mtls(&server, Some(&identity), &form("", TLS_GRANT));
    refused(&response, "invalid_client", "not valid yet");
    clock.advance(Duration::from_secs(50 * 365 * 86_400));
    ask_mtls(&server, Some(&identity), &form("", TLS_GRANT)).token();
}

#[test]
fn a_self_signed_certificate_is_known_by_itself_alone() {
    let own = ClientCertificate::self_signed("service").unwrap();
    let same_name = ClientCertificate::self_signed("service").unwrap();
    let server = FakeTokenServer::builder()
        .self_signed_tls_client("service", own.certificate_pem())
        .start()
        .unwrap();
    ask_mtls(&server, Some(&own), &form("", TLS_GRANT)).token();
    let auth = server.token_requests()[0].client_auth().unwrap().clone();
    assert_eq!(auth.method, ClientAuthMethod::SelfSignedTlsClientAuth);
    let response = ask_mtls(&server, Some(&same_name), &form("", TLS_GRANT));
    refused(&response, "invalid_client", "not the registered one");
}

#[test]
fn a_certificate_that_is_none_cannot_be_registered() {
    let builder = FakeTokenServer::builder().self_signed_tls_client("service", "no PEM");
    assert_eq!(builder.start().unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn a_secret_works_at_the_origin_for_certificates_too() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    ask_mtls(&server, None, &form(BASIC, GRANT)).token();
}

#[test]
fn the_private_key_of_a_client_does_not_show() {
    let identity = ClientCertificate::self_signed("service").unwrap();
    assert!(identity.key_pem().contains("PRIVATE KEY"));
    assert!(!format!("{identity:?}").contains("PRIVATE KEY"));
    let builder = FakeTokenServer::builder().self_signed_tls_client("x", identity.identity_pem());
    assert!(!format!("{builder:?}").contains("PRIVATE KEY"));
    let server = builder.start().unwrap();
    assert!(!format!("{server:?}").contains("PRIVATE KEY"));
}

/// A certificate that the server's authority has signed, made with its key and changed like this.
fn identity(server: &FakeTokenServer, change: impl FnOnce(&mut CertificateParams)) -> String {
    let ca_key = KeyPair::from_pem(&server.ca_key_pem()).unwrap();
    let mut ca = CertificateParams::default();
    ca.distinguished_name = DistinguishedName::new();
    ca.distinguished_name
        .push(DnType::CommonName, "fake token server test CA");
    let mut params = CertificateParams::default();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    format!("{}{}", certificate.pem(), key.serialize_pem())
}

fn ask_with_pem(server: &FakeTokenServer, identity: &str) -> Response {
    let url = server.mtls_token_url().unwrap();
    let config = config_with_pem(server, Some(identity));
    let mut client = connect(config, &url, "127.0.0.1").unwrap();
    client.exchange(form("", TLS_GRANT))
}

#[test]
fn rfc8705_2_1_2_a_client_is_known_by_each_kind_of_name() {
    let ia5 = |text: &str| text.try_into().unwrap();
    let sans = vec![
        SanType::DnsName(ia5("client.example.test")),
        SanType::URI(ia5("https://client.example.test/id")),
        SanType::Rfc822Name(ia5("client@example.test")),
        SanType::IpAddress("10.1.2.3".parse().unwrap()),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
    ];
    let text = str::to_owned;
    let right = [
        CertificateSubject::Dn(text("CN=a\\,b,O=Example")),
        CertificateSubject::SanDns(text("CLIENT.example.test")),
        CertificateSubject::SanUri(text("https://client.example.test/id")),
        CertificateSubject::SanEmail(text("client@example.test")),
        CertificateSubject::SanIp("10.1.2.3".parse().unwrap()),
        CertificateSubject::SanIp("2001:db8::1".parse().unwrap()),
    ];
    let wrong = [
        CertificateSubject::Dn(text("CN=a")),
        // The right text as another kind of name.
        CertificateSubject::SanDns(text("client@example.test")),
        CertificateSubject::SanUri(text("https://client.example.test/ID")),
        CertificateSubject::SanEmail(text("client.example.test")),
        CertificateSubject::SanIp("10.1.2.4".parse().unwrap()),
        CertificateSubject::SanIp("2001:db8::2".parse().unwrap()),
    ];
    let named = |server: &FakeTokenServer| {
        identity(server, |params| {
            params.subject_alt_names = sans.clone();
            params.distinguished_name = DistinguishedName::new();
            // RFC 4514 §2.1 writes the last first.
            params
                .distinguished_name
                .push(DnType::OrganizationName, "Example");
            params.distinguished_name.push(DnType::CommonName, "a,b");
        })
    };
    for subject in right {
        let server = server_for(subject);
        ask_with_pem(&server, &named(&server)).token();
    }
    for subject in wrong {
        let server = server_for(subject);
        let response = ask_with_pem(&server, &named(&server));
        refused(&response, "invalid_client", "does not have");
    }
    let server = server_for(CertificateSubject::SanDns(text("client.example.test")));
    let nameless = server
        .issue_client_certificate("client.example.test")
        .unwrap();
    let response = ask_with_pem(&server, &nameless.identity_pem());
    refused(&response, "invalid_client", "does not have");
}

#[test]
fn a_client_certificate_that_expired_or_is_for_servers_is_refused() {
    let server = server_for(CertificateSubject::Dn(
        "CN=rcgen self signed cert".to_owned(),
    ));
    ask_with_pem(&server, &identity(&server, |_| {})).token();
    let expired = identity(&server, |params| {
        params.not_after = date_time_ymd(2001, 1, 1)
    });
    refused(
        &ask_with_pem(&server, &expired),
        "invalid_client",
        "not trusted",
    );
    let for_servers = identity(&server, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    refused(
        &ask_with_pem(&server, &for_servers),
        "invalid_client",
        "not trusted",
    );
}

#[test]
fn rfc8705_3_a_bound_token_is_good_with_its_certificate_alone() {
    let subject = CertificateSubject::Dn("CN=service".to_owned());
    let server = FakeTokenServer::builder()
        .tls_client("service", subject)
        .client("test-client", "test-secret")
        .certificate_bound_tokens()
        .start()
        .unwrap();
    let own = server.issue_client_certificate("service").unwrap();
    let other = server.issue_client_certificate("service").unwrap();
    let bound = ask_mtls(&server, Some(&own), &form("", TLS_GRANT));
    assert_eq!(bound.json()["token_type"], "Bearer");
    let bound = bound.token();
    let call = |identity: Option<&ClientCertificate>, token: &str| {
        let config = config(&server, identity);
        let mut api = connect(config, &server.api_url(), "localhost").unwrap();
        api.exchange(get("/", token))
    };
    let refused = |response: Response, description: &str| {
        let challenge = response.header("WWW-Authenticate").unwrap().to_owned();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert!(challenge.contains(description), "{challenge}");
    };
    assert_eq!(call(Some(&own), &bound).status, 200);
    refused(
        call(None, &bound),
        "bound to a certificate, and there is none",
    );
    refused(call(Some(&other), &bound), "bound to another certificate");
    // Whoever shows none gets a token that wants none.
    let free = tls(&server, &server.token_url())
        .unwrap()
        .exchange(good())
        .token();
    assert_eq!(call(None, &free).status, 200);
    // A certificate binds the token of a client with a secret too.
    let by_secret = ask_mtls(&server, Some(&own), &good()).token();
    refused(call(None, &by_secret), "bound to a certificate");
    let body = format!("token={bound}");
    let path = "/oauth/introspect";
    let mut client = tls(&server, &server.token_url()).unwrap();
    let told = client
        .exchange(form(BASIC, &body).replace("/oauth/token", path))
        .json();
    let der = CertificateDer::from_pem_slice(own.certificate_pem().as_bytes()).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    let thumbprint = URL_SAFE_NO_PAD.encode(digest);
    assert_eq!(told["cnf"]["x5t#S256"], thumbprint);
}
