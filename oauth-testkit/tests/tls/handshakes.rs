//! Handshakes that work, and those that fail as they are told.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use oauth_testkit::{FakeTokenServer, Reply, TlsFault};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::connection::{config, connect, tls};
use crate::support::{Client, get, good};

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
