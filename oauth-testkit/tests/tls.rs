//! TLS and client certificates, with rustls itself as the client.
#![cfg(feature = "tls")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_core::Instant;
use oauth_testkit::{
    CertificateSubject, ClientAuthMethod, ClientCertificate, FakeTokenServer, ManualClock, Reply,
    TlsFault,
};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    SanType, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use support::{BASIC, Client, GRANT, Response, form, get, good};

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn config(server: &FakeTokenServer, identity: Option<&ClientCertificate>) -> Arc<ClientConfig> {
    let pem = identity.map(ClientCertificate::identity_pem);
    config_with_pem(server, pem.as_deref())
}

/// With certificate and key in one text.
fn config_with_pem(server: &FakeTokenServer, identity: Option<&str>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap);
            let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain.collect(), key).unwrap()
        }
    })
}

/// Connects to 127.0.0.1 and shakes hands as if it were reached by `name`.
fn connect(config: Arc<ClientConfig>, url: &str, name: &str) -> io::Result<Client<Tls>> {
    let authority = url.strip_prefix("https://").unwrap();
    let port = authority.split('/').next().unwrap().rsplit(':').next();
    let mut tcp = TcpStream::connect(("127.0.0.1", port.unwrap().parse().unwrap()))?;
    tcp.set_read_timeout(Some(Duration::from_secs(10)))?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(config, name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut tcp)?;
    }
    Ok(Client::over(StreamOwned::new(connection, tcp)))
}

fn tls(server: &FakeTokenServer, url: &str) -> io::Result<Client<Tls>> {
    connect(config(server, None), url, "127.0.0.1")
}

fn ask_mtls(
    server: &FakeTokenServer,
    identity: Option<&ClientCertificate>,
    request: &str,
) -> Response {
    let url = server.mtls_token_url().unwrap();
    let mut client = connect(config(server, identity), &url, "127.0.0.1").unwrap();
    client.exchange(request)
}

fn refused(response: &Response, error: &str, description: &str) {
    assert_eq!(response.error(), error, "{response:?}");
    let told = response.json()["error_description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(told.contains(description), "{told}");
}

#[test]
fn both_origins_speak_tls_for_every_name_of_this_machine() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    assert!(server.token_url().starts_with("https://127.0.0.1:"));
    assert!(server.api_url().starts_with("https://127.0.0.1:"));
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut client = connect(config(&server, None), &server.token_url(), name).unwrap();
        let token = client.exchange(good()).token();
        let mut api = connect(config(&server, None), &server.api_url(), name).unwrap();
        assert_eq!(api.exchange(get("/", &token)).status, 200);
        // A second request on the same connection.
        client.exchange(good()).token();
    }
    server.assert_token_requests(6);
}

#[test]
fn both_versions_of_tls_are_spoken() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = RootCertStore::empty();
        let ca = server.ca_pem();
        roots
            .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut client = connect(Arc::new(config), &server.token_url(), "localhost").unwrap();
        client.exchange(good()).token();
        let spoken = client.stream.conn.protocol_version();
        assert_eq!(spoken, Some(version.version));
    }
}

#[test]
fn servers_of_one_process_share_the_authority() {
    let one = FakeTokenServer::builder().tls().start().unwrap();
    let other = FakeTokenServer::builder().tls().start().unwrap();
    assert_eq!(one.ca_pem(), other.ca_pem());
    let mut client = connect(config(&one, None), &other.token_url(), "localhost").unwrap();
    client.exchange(good()).token();
}

#[test]
fn a_host_name_of_the_tests_choice_is_in_the_urls_and_in_the_certificate() {
    let server = FakeTokenServer::builder()
        .tls()
        .host("id.example.test")
        .start()
        .unwrap();
    assert!(server.token_url().starts_with("https://id.example.test:"));
    assert!(
        server
            .mtls_token_url()
            .unwrap()
            .starts_with("https://id.example.test:")
    );
    let url = server.token_url();
    let mut client = connect(config(&server, None), &url, "id.example.test").unwrap();
    client.exchange(good()).token();
}

#[test]
fn without_tls_there_is_nothing_to_trust() {
    let server = FakeTokenServer::start().unwrap();
    assert_eq!(
        (server.ca_pem(), server.mtls_token_url()),
        (String::new(), None)
    );
    assert!(server.issue_client_certificate("x").is_err());
}

fn handshake_error(server: &FakeTokenServer) -> String {
    tls(server, &server.token_url()).err().unwrap().to_string()
}

#[test]
fn bad_certificates_are_bad_in_the_way_that_was_asked_for() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    for (fault, complaint) in [
        (TlsFault::ExpiredCertificate, "expired"),
        (TlsFault::WrongHost, "not valid for name"),
        (TlsFault::UnknownAuthority, "BadSignature"),
    ] {
        server.next_token_tls_fault(fault);
        let error = handshake_error(&server);
        assert!(error.contains(complaint), "{fault:?}: {error}");
        let mut next = tls(&server, &server.token_url()).unwrap();
        next.exchange(good()).token();
    }
}

#[test]
fn a_fault_may_stay_and_is_the_origins_own() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    server.always_api_tls_fault(TlsFault::WrongHost);
    for _ in 0..2 {
        let error = tls(&server, &server.api_url()).err().unwrap().to_string();
        assert!(error.contains("not valid for name"), "{error}");
    }
    tls(&server, &server.token_url()).unwrap();
    server.next_api_tls_fault(TlsFault::ExpiredCertificate);
    let error = tls(&server, &server.api_url()).err().unwrap().to_string();
    assert!(error.contains("expired"), "{error}");
    server.reset_tls_faults();
    tls(&server, &server.api_url()).unwrap();
    server.always_token_tls_fault(TlsFault::ExpiredCertificate);
    assert!(handshake_error(&server).contains("expired"));
    let mtls = tls(&server, &server.mtls_token_url().unwrap())
        .err()
        .unwrap();
    assert!(mtls.to_string().contains("expired"), "{mtls}");
}

#[test]
fn a_handshake_is_cut_or_reset() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    server.next_token_tls_fault(TlsFault::CutHandshake);
    let cut = tls(&server, &server.token_url()).err().unwrap();
    assert_eq!(cut.kind(), ErrorKind::UnexpectedEof);
    server.next_token_tls_fault(TlsFault::ResetHandshake);
    let reset = tls(&server, &server.token_url()).err().unwrap();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    server.assert_token_requests(0);
}

#[test]
fn a_client_that_speaks_no_tls_is_turned_away() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    let mut plain = Client::to(&server.token_url().replace("https", "http"));
    plain.send(good());
    let (answer, _) = plain.rest();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    server.assert_token_requests(0);
}

#[test]
fn faults_of_bytes_come_through_tls() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    let connect = || tls(&server, &server.token_url()).unwrap();

    server.next_token_reply(Reply::reset());
    let mut client = connect();
    client.send(good());
    assert_eq!(
        client.rest(),
        (Vec::new(), Some(ErrorKind::ConnectionReset))
    );

    server.next_token_reply(Reply::truncated(10));
    let mut client = connect();
    client.send(good());
    let (sent, error) = client.rest();
    // The end is orderly as far as TLS knows: the client has to count.
    assert!(
        sent.ends_with(b"\r\n\r\n{\"access_t") && error.is_none(),
        "{error:?}"
    );

    server.next_token_reply(Reply::raw("garbage"));
    let mut client = connect();
    client.send(good());
    assert_eq!(client.rest(), (b"garbage".to_vec(), None));

    server.next_token_reply(Reply::token().drip(7, Duration::from_millis(1)));
    connect().exchange(good()).token();

    server.next_token_reply(Reply::oversized(3_000_000));
    assert_eq!(connect().exchange(good()).body.len(), 3_000_000);

    let mut client = connect();
    client.send("nonsense\r\n\r\n");
    let (answer, error) = client.rest();
    assert!(answer.starts_with(b"HTTP/1.1 400 ") && error.is_none());
}

#[test]
fn dropping_the_server_ends_its_tls_connections() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    let mut idle = tls(&server, &server.token_url()).unwrap();
    idle.exchange(good()).token();
    let silent = Client::to(&server.token_url().replace("https", "http"));
    drop(server);
    let (rest, _) = idle.rest();
    assert!(rest.is_empty());
    drop(silent);
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

#[test]
fn a_fault_to_happen_once_happens_at_one_of_the_two_token_origins() {
    let server = FakeTokenServer::builder().tls().start().unwrap();
    let mtls = server.mtls_token_url().unwrap();
    server.next_token_tls_fault(TlsFault::CutHandshake);
    tls(&server, &mtls).err().unwrap();
    let mut next = tls(&server, &server.token_url()).unwrap();
    next.exchange(good()).token();
    drop(tls(&server, &mtls).unwrap());
}
