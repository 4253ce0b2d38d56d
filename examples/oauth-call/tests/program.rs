//! The program, run for real, with both libraries, against a server that verifies and misbehaves.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use oauth_testkit::{ClientAuthMethod, FakeTokenServer, Gate, JwtAlgorithm, Reply};
use serde_json::Value;

const BACKENDS: [&str; 2] = ["reqwest", "isahc"];

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oauth-call"));
    command
        .args(arguments)
        .env("TEST_SECRET", FakeTokenServer::CLIENT_SECRET)
        .env("WRONG_SECRET", "wr0ng")
        .env("RUST_LOG", "trace")
        .stdin(Stdio::null());
    command
}

/// With what any call to the server needs.
fn command(server: &FakeTokenServer, backend: &str, arguments: &[&str]) -> Command {
    let token_url = server.token_url();
    let mut all = Vec::new();
    let mut rest = arguments;
    if rest.first() == Some(&"token") {
        all.push("token");
        rest = &rest[1..];
    }
    all.extend(["--backend", backend, "--token-url", &token_url]);
    all.extend(["--client-id", FakeTokenServer::CLIENT_ID]);
    if !rest.iter().any(|argument| argument.starts_with("--secret")) {
        all.extend(["--secret-env", "TEST_SECRET"]);
    }
    all.extend(rest);
    program(&all)
}

fn run(server: &FakeTokenServer, backend: &str, arguments: &[&str]) -> Output {
    command(server, backend, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim_end()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn start() -> FakeTokenServer {
    FakeTokenServer::start().unwrap()
}

#[test]
fn a_call_prints_the_answer_and_ends_with_0() {
    for backend in BACKENDS {
        let server = start();
        let url = server.api_url_for("/things?a=b");
        let arguments = ["-H", "x-own: kept", "-d", "abc", &url];
        let output = run(&server, backend, &arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text(&output.stdout).starts_with('{'));
        let sent = &server.api_requests()[0];
        assert_eq!(sent.method(), "POST");
        assert_eq!(sent.path_and_query(), "/things?a=b");
        assert_eq!(sent.header("x-own"), Some("kept"));
        assert_eq!(sent.body(), "abc");
        assert_eq!(sent.token_ordinal(), Some(1));
    }
}

#[test]
fn an_answer_that_is_not_2xx_is_printed_and_ends_with_1() {
    for backend in BACKENDS {
        let server = start();
        server.always_api_reply(Reply::status(404).body("no such thing"));
        let output = run(&server, backend, &[&server.api_url()]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "no such thing");
        assert!(text(&output.stderr).contains("404"));
    }
}

#[test]
fn wrong_use_ends_with_2_and_says_what_is_wrong() {
    let server = start();
    let url = &server.api_url();
    let token_url = &server.token_url();
    let client: &[&str] = &["--token-url", token_url, "--client-id", "x"];
    for (arguments, says) in [
        (vec![], "Usage"),
        (vec!["--client-id", "x", url.as_str()], "--token-url"),
        ([client, &[url]].concat(), "--secret-env"),
        (
            [client, &["--auth", "private-key-jwt", url]].concat(),
            "--key",
        ),
        (
            [client, &["--auth", "secret-jwt", "--alg", "ES256", url]].concat(),
            "HS256",
        ),
        (
            [client, &["--key", "no-such-file", "--alg", "HS512", url]].concat(),
            "--auth secret-jwt",
        ),
        (
            [client, &["--auth", "post", "--alg", "HS512", url]].concat(),
            "--alg is for",
        ),
        (
            [client, &["--auth", "secret-jwt", "--alg", "HS1", url]].concat(),
            "HS with 256",
        ),
        ([client, &["--auth", "mtls", url]].concat(), "--cert"),
        (
            [client, &["--auth", "assertion-file", url]].concat(),
            "--secret-file",
        ),
        (
            [client, &["--secret-env", "TEST_SECRET", "nonsense"]].concat(),
            "no URL",
        ),
        (
            [client, &["--secret-env", "TEST_SECRET", "-H", "x", url]].concat(),
            "name: value",
        ),
        (
            [client, &["--secret-env", "NO_SUCH_VARIABLE", url]].concat(),
            "NO_SUCH_VARIABLE",
        ),
        (
            [
                client,
                &["--secret-env", "TEST_SECRET", "--param", "scope=x", url],
            ]
            .concat(),
            "scope",
        ),
        (
            [
                client,
                &["--secret-env", "TEST_SECRET", "--store", "ftp://x", url],
            ]
            .concat(),
            "no such store",
        ),
        (
            [
                client,
                &["--secret-env", "TEST_SECRET", "--requests", "0", url],
            ]
            .concat(),
            "0",
        ),
        (
            [
                client,
                &[
                    "--secret-env",
                    "TEST_SECRET",
                    "--requests",
                    "2",
                    "--duration",
                    "1",
                    url,
                ],
            ]
            .concat(),
            "--duration",
        ),
        (
            [
                client,
                &[
                    "--secret-env",
                    "TEST_SECRET",
                    "-H",
                    "Authorization: s3cret",
                    url,
                ],
            ]
            .concat(),
            "authorization",
        ),
        (
            [
                client,
                &[
                    "--secret-env",
                    "TEST_SECRET",
                    "-H",
                    "Authorization s3cret",
                    url,
                ],
            ]
            .concat(),
            "name: value",
        ),
        (
            [
                client,
                &["--secret-env", "TEST_SECRET", "--param", "s3cret", url],
            ]
            .concat(),
            "name=value",
        ),
        (
            [
                client,
                &[
                    "--secret-env",
                    "TEST_SECRET",
                    "https://me:s3cret@127.0.0.1/",
                ],
            ]
            .concat(),
            "user information",
        ),
        (
            [
                client,
                &[
                    "--secret-env",
                    "TEST_SECRET",
                    "--auth",
                    "post",
                    "--key",
                    "k",
                    url,
                ],
            ]
            .concat(),
            "--key",
        ),
        (
            [
                client,
                &["--secret-env", "TEST_SECRET", "--auth", "none", url],
            ]
            .concat(),
            "no secret",
        ),
    ] {
        let output = program(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {output:?}");
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert!(!said.contains("s3cret"), "p09: {said}");
    }
    server.assert_token_requests(0);
}

#[test]
fn without_a_token_it_ends_with_3_and_says_what_the_server_said_and_what_to_try() {
    for backend in BACKENDS {
        let server = start();
        let output = run(
            &server,
            backend,
            &["--secret-env", "WRONG_SECRET", &server.api_url()],
        );
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains("invalid_client") && said.contains("--auth"),
            "{said}"
        );
        server.assert_api_requests(0);
    }
}

#[test]
fn the_report_as_json_has_all_its_members_and_true_counts() {
    for backend in BACKENDS {
        let server = start();
        for _ in 0..3 {
            server.next_api_reply(Reply::status(503));
        }
        let arguments = [
            "--json",
            "--requests",
            "10",
            "--scope",
            "read",
            &server.api_url(),
        ];
        let output = run(&server, backend, &arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let report = json(&output);
        let members: Vec<_> = report.as_object().unwrap().keys().cloned().collect();
        let mut expected = [
            "requests",
            "by_status",
            "errors",
            "token_requests",
            "resends",
            "latency_ms",
            "token",
        ];
        expected.sort_unstable();
        assert_eq!(members, expected);
        assert_eq!(report["requests"], 10);
        assert_eq!(report["by_status"]["200"], 7);
        assert_eq!(report["by_status"]["503"], 3);
        assert_eq!(report["errors"], serde_json::json!({}));
        assert_eq!(report["token_requests"], 1);
        assert_eq!(report["resends"], 0);
        assert_eq!(report["token"]["type"], "Bearer");
        assert_eq!(report["token"]["expires_in"], 3600);
        for quantile in ["p50", "p99", "p999", "max"] {
            assert!(report["latency_ms"][quantile].as_f64().unwrap() > 0.0);
        }
    }
}

#[test]
fn the_token_subcommand_tells_what_was_granted_and_shows_the_token_only_if_asked() {
    for backend in BACKENDS {
        let server = start();
        let secret = "t0p-s3cret-t0ken";
        server.always_token_reply(Reply::token().field("access_token", secret));
        let output = run(&server, backend, &["token"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text(&output.stdout).contains("type: Bearer"), "{output:?}");
        assert!(!text(&output.stdout).contains(secret));
        let output = run(&server, backend, &["token", "--json", "--show-token"]);
        assert_eq!(json(&output)["token"], secret);
        assert_eq!(json(&output)["expires_in"], 3600);
    }
}

#[test]
fn p09_no_output_holds_a_secret() {
    for backend in BACKENDS {
        let server = start();
        let token = "t0p-s3cret-t0ken";
        server.always_token_reply(Reply::token().field("access_token", token));
        for arguments in [
            &["--json", "--requests", "3", &server.api_url()][..],
            &["token"],
            &["--secret-env", "WRONG_SECRET", &server.api_url()],
        ] {
            let output = run(&server, backend, arguments);
            for said in [text(&output.stdout), text(&output.stderr)] {
                for secret in [token, FakeTokenServer::CLIENT_SECRET, "wr0ng"] {
                    assert!(!said.contains(secret), "{said}");
                }
            }
        }
    }
}

#[test]
fn p07_a_token_revoked_in_the_middle_is_healed_and_counted() {
    for backend in BACKENDS {
        let server = start();
        let gate = Gate::new();
        server.next_api_reply(Reply::usual().gated(&gate));
        let child = spawn(
            &server,
            backend,
            &["--json", "--requests", "5", &server.api_url()],
        );
        server.await_api_requests(1);
        server.revoke_all();
        gate.open();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let report = json(&output);
        assert_eq!(report["by_status"]["200"], 5);
        assert_eq!(report["resends"], 1);
        assert_eq!(report["token_requests"], 2);
        server.assert_api_requests(6);
    }
}

fn spawn(server: &FakeTokenServer, backend: &str, arguments: &[&str]) -> Child {
    let mut command = command(server, backend, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn a_server_that_kills_every_third_connection_is_called_a_thousand_times_and_counted_truly() {
    for backend in BACKENDS {
        let server = start();
        for ordinal in 1..=1000 {
            server.next_api_reply(if ordinal % 3 == 0 {
                Reply::reset()
            } else {
                Reply::usual().header("Connection", "close")
            });
        }
        // PATCH: nobody repeats that by itself when a connection breaks.
        let arguments = [
            "--json",
            "-X",
            "PATCH",
            "-d",
            "x",
            "-n",
            "1000",
            "-c",
            "8",
            &server.api_url(),
        ];
        let output = run(&server, backend, &arguments);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let report = json(&output);
        assert_eq!(report["requests"], 1000);
        let count = |value: &Value| value.as_u64().unwrap_or(0);
        let well = count(&report["by_status"]["200"]);
        let broken: u64 = report["errors"]
            .as_object()
            .unwrap()
            .values()
            .map(count)
            .sum();
        assert_eq!((well, broken), (667, 333), "{report}");
        assert_eq!(report["token_requests"], 1);
        let requests = server.api_requests();
        assert_eq!(requests.len(), 1000);
        assert!(requests.iter().all(|sent| sent.token_ordinal() == Some(1)));
    }
}

#[test]
fn so_many_calls_as_asked_for_are_under_way_at_a_time() {
    for backend in BACKENDS {
        let server = start();
        let gate = Gate::new();
        server.always_api_reply(Reply::usual().gated(&gate));
        let child = spawn(
            &server,
            backend,
            &["--json", "-n", "40", "-c", "16", &server.api_url()],
        );
        server.await_api_requests(16);
        gate.open();
        let report = json(&child.wait_with_output().unwrap());
        assert_eq!(report["by_status"]["200"], 40);
        assert!(server.max_concurrent_api_requests() <= 16);
        server.assert_token_requests(1);
    }
}

#[test]
fn a_duration_ends_the_run() {
    let server = start();
    let output = run(
        &server,
        "reqwest",
        &["--json", "--duration", "1", &server.api_url()],
    );
    let report = json(&output);
    assert_eq!(
        report["requests"].as_u64().unwrap(),
        server.api_request_count() as u64
    );
    assert!(report["requests"].as_u64().unwrap() > 1);
}

#[cfg(unix)]
#[test]
fn an_interrupt_prints_the_report_so_far() {
    let server = start();
    let child = spawn(
        &server,
        "reqwest",
        &["--json", "--duration", "600", &server.api_url()],
    );
    server.await_api_requests(3);
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(json(&output)["requests"].as_u64().unwrap() >= 3);
}

#[test]
fn a_store_keeps_the_token_for_the_next_run_encrypted() {
    let directory = std::env::temp_dir().join(format!("oauth-call-{}", std::process::id()));
    let place = format!("file:{}", directory.display());
    let server = start();
    for backend in BACKENDS {
        let arguments = [
            "--store",
            &place,
            "--store-key-env",
            "STORE_KEY",
            &server.api_url(),
        ];
        let output = command(&server, backend, &arguments)
            .env("STORE_KEY", "07".repeat(32))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    server.assert_token_requests(1);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn discovery_and_post_work_too() {
    for backend in BACKENDS {
        let server = start();
        let issuer = server.issuer();
        let url = server.api_url();
        let arguments = [
            "--backend",
            backend,
            "--issuer",
            &issuer,
            "--client-id",
            FakeTokenServer::CLIENT_ID,
            "--auth",
            "post",
            "--secret-env",
            "TEST_SECRET",
            &url,
        ];
        let output = program(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(server.token_requests()[0].param("client_secret").is_some());
    }
}

#[test]
fn the_readme_and_the_help_name_the_same_options() {
    let help = |arguments: &[&str]| {
        let output = program(arguments).output().unwrap();
        text(&output.stdout).to_owned()
    };
    let help = help(&["--help"]) + &help(&["token", "--help"]);
    let readme = include_str!("../README.md");
    let table = readme.split("## Options").nth(1).unwrap();
    let table = table.split("## JSON").next().unwrap();
    let options = |text: &str| -> std::collections::BTreeSet<String> {
        text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'))
            .filter(|word| word.starts_with("--") && !word.starts_with("---") && word.len() > 2)
            .map(str::to_owned)
            .filter(|word| !matches!(word.as_str(), "--help" | "--version"))
            .collect()
    };
    assert_eq!(options(&help), options(table));
}

#[test]
fn a_slow_token_endpoint_holds_up_the_first_call_and_no_other() {
    let server = start();
    server.next_token_reply(Reply::token().after(Duration::from_millis(100)));
    let arguments = ["--json", "-n", "20", "-c", "4", &server.api_url()];
    let report = json(&run(&server, "isahc", &arguments));
    assert_eq!(report["by_status"]["200"], 20);
    assert_eq!(report["token_requests"], 1);
}

/// A folder for the files of one test, gone with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("oauth-call-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_private_key_signs_and_the_token_is_bound_to_another() {
    const KEY: &str = include_str!("../../../oauth-core/tests/keys/p256-pkcs8.pem");
    let key = oauth_core::SigningKey::from_pem(oauth_core::JwsAlgorithm::Es256, KEY).unwrap();
    let jwk = oauth_core::JwsSigner::public_jwk(&key).unwrap().to_string();
    let folder = Folder::new("key");
    let file = folder.file("key.pem", KEY);
    for backend in BACKENDS {
        let server = FakeTokenServer::builder()
            .client_key(
                FakeTokenServer::CLIENT_ID,
                oauth_testkit::JwtAlgorithm::Es256,
                &jwk,
            )
            .start()
            .unwrap();
        let (token_url, url) = (server.token_url(), server.api_url());
        let arguments = [
            "--backend",
            backend,
            "--token-url",
            &token_url,
            "--client-id",
            FakeTokenServer::CLIENT_ID,
            "--auth",
            "private-key-jwt",
            "--key",
            &file,
            "--alg",
            "ES256",
            "--kid",
            "k1",
            "--dpop",
            &url,
        ];
        let output = program(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let request = &server.token_requests()[0];
        assert_eq!(request.client_assertion().unwrap().header()["kid"], "k1");
        assert!(request.dpop_proof().is_some());
        assert!(server.api_requests()[0].dpop_proof().is_some());
    }
}

#[test]
fn an_assertion_under_the_secret_is_made_with_the_algorithm_asked_for() {
    let algorithms = [
        (None, JwtAlgorithm::Hs256),
        (Some("HS384"), JwtAlgorithm::Hs384),
        (Some("HS512"), JwtAlgorithm::Hs512),
    ];
    for backend in BACKENDS {
        for (name, algorithm) in algorithms {
            let server = FakeTokenServer::builder()
                .accept_auth(ClientAuthMethod::SecretJwt)
                .secret_jwt_algorithm(FakeTokenServer::CLIENT_ID, algorithm)
                .start()
                .unwrap();
            let url = server.api_url();
            let mut arguments = vec!["--auth", "secret-jwt"];
            arguments.extend(name.iter().flat_map(|name| ["--alg", name]));
            arguments.push(&url);
            let output = run(&server, backend, &arguments);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        }
    }
}

#[test]
fn a_client_certificate_authenticates_and_the_authority_is_trusted() {
    let folder = Folder::new("certificate");
    for backend in BACKENDS {
        let server = FakeTokenServer::builder()
            .tls()
            .tls_client(
                FakeTokenServer::CLIENT_ID,
                oauth_testkit::CertificateSubject::Dn(format!("CN={}", FakeTokenServer::CLIENT_ID)),
            )
            .start()
            .unwrap();
        let certificate = server
            .issue_client_certificate(FakeTokenServer::CLIENT_ID)
            .unwrap();
        let ca = folder.file("ca.pem", &server.ca_pem());
        let cert = folder.file("cert.pem", certificate.certificate_pem());
        let key = folder.file("key.pem", certificate.key_pem());
        let (token_url, url) = (server.mtls_token_url().unwrap(), server.api_url());
        let arguments = [
            "--backend",
            backend,
            "--token-url",
            &token_url,
            "--client-id",
            FakeTokenServer::CLIENT_ID,
            "--auth",
            "mtls",
            "--cert",
            &cert,
            "--cert-key",
            &key,
            "--ca",
            &ca,
            &url,
        ];
        let output = program(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{backend}: {output:?}");
    }
}
