//! Certificates.

use oauth_testkit::{CertificateSubject, FakeTokenServer, TlsFault};

use crate::{BACKENDS, Folder, command, json, program, run, text};

fn start() -> FakeTokenServer {
    FakeTokenServer::builder().tls().start().unwrap()
}

#[test]
fn a_client_certificate_authenticates_with_auth_mtls_and_by_itself() {
    let folder = Folder::new("certificate");
    let subject = CertificateSubject::Dn(format!("CN={}", FakeTokenServer::CLIENT_ID));
    for backend in BACKENDS {
        let server = FakeTokenServer::builder()
            .tls_client(FakeTokenServer::CLIENT_ID, subject.clone())
            .start()
            .unwrap();
        let certificate = server
            .issue_client_certificate(FakeTokenServer::CLIENT_ID)
            .unwrap();
        let ca = folder.file("ca.pem", &server.ca_pem());
        let cert = folder.file("cert.pem", certificate.certificate_pem());
        let key = folder.file("key.pem", certificate.key_pem());
        let (token_url, url) = (server.mtls_token_url().unwrap(), server.api_url());
        for auth in [&["--auth", "mtls"][..], &[]] {
            let mut arguments = vec!["--backend", backend, "--token-url", &token_url];
            arguments.extend(["--client-id", FakeTokenServer::CLIENT_ID]);
            arguments.extend(auth);
            arguments.extend(["--cert", &cert, "--cert-key", &key, "--ca", &ca, &url]);
            let output = program(&arguments).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{backend}: {output:?}");
        }
    }
}

#[test]
fn a_file_that_holds_no_certificate_is_found_out_before_anything_is_sent() {
    let folder = Folder::new("no-certificate");
    let server = start();
    let issue = || server.issue_client_certificate("x").unwrap();
    let (certificate, other) = (issue(), issue());
    let cert = folder.file("cert.pem", certificate.certificate_pem());
    let key = folder.file("key.pem", certificate.key_pem());
    let other = folder.file("other.pem", other.key_pem());
    let (empty, missing) = (folder.file("empty", ""), "/nonexistent".to_owned());
    for backend in BACKENDS {
        for (cert, key, says) in [
            (&missing, &key, &missing),
            (&cert, &missing, &missing),
            (&empty, &key, &empty),
            (&cert, &empty, &empty),
            (&cert, &other, &other),
        ] {
            let url = server.api_url();
            let output = run(&server, backend, &["--cert", cert, "--cert-key", key, &url]);
            assert_eq!(output.status.code(), Some(2), "{backend}: {output:?}");
            assert!(text(&output.stderr).contains(says), "{output:?}");
        }
        for ca in [&missing, &empty] {
            let output = run(&server, backend, &["--ca", ca, &server.api_url()]);
            assert_eq!(output.status.code(), Some(2), "{backend}: {output:?}");
            assert!(text(&output.stderr).contains(ca), "{output:?}");
        }
    }
    server.assert_token_requests(0);
}

#[test]
fn a_certificate_nobody_should_trust_is_a_connection_that_did_not_come_about() {
    let folder = Folder::new("untrusted");
    for backend in BACKENDS {
        let server = start();
        let ca = folder.file("ca.pem", &server.ca_pem());
        let arguments = ["--ca", &ca, "--json", &server.api_url()];
        for fault in [
            TlsFault::UnknownAuthority,
            TlsFault::WrongHost,
            TlsFault::ExpiredCertificate,
        ] {
            server.always_api_tls_fault(fault);
            let output = run(&server, backend, &arguments);
            assert_eq!(output.status.code(), Some(1), "{backend}: {output:?}");
            assert_eq!(
                json(&output)["errors"]["connect"],
                1,
                "{fault:?} {output:?}"
            );
        }
        server.always_token_tls_fault(TlsFault::UnknownAuthority);
        let output = run(&server, backend, &arguments);
        assert_eq!(output.status.code(), Some(3), "{backend}: {output:?}");
        assert_eq!(json(&output)["errors"]["connect"], 1, "{output:?}");
    }
}

/// Both libraries take the authorities of the system from there.
#[cfg(target_os = "linux")]
#[test]
fn an_authority_is_trusted_in_place_of_those_of_the_system() {
    let folder = Folder::new("authority");
    let server = start();
    let ca = folder.file("ca.pem", &server.ca_pem());
    let other = server.issue_client_certificate("x").unwrap();
    let other = folder.file("other.pem", other.certificate_pem());
    for backend in BACKENDS {
        for (arguments, code) in [(&[][..], 0), (&["--ca", &other], 3)] {
            let mut all = arguments.to_vec();
            let url = server.api_url();
            all.push(&url);
            let mut command = command(&server, backend, &all);
            let output = command.env("SSL_CERT_FILE", &ca).output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{backend}: {output:?}");
        }
    }
}
