//! Tokens, and what is told of them.

use oauth_testkit::{FakeTokenServer, Gate, Reply};

use crate::{BACKENDS, Folder, command, json, run, spawn, start, text};

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
        let output = run(&server, backend, &["--json", "token"]);
        assert_eq!(json(&output)["type"], "Bearer", "the word may come last");
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

#[test]
fn a_store_keeps_the_token_for_the_next_run_encrypted() {
    let folder = Folder::new("store");
    let place = format!("file:{}", folder.0.join("tokens").display());
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
}

#[test]
fn p02_a_renewal_that_hangs_holds_up_no_call() {
    let server = start();
    server.next_token_reply(Reply::token().field("refresh_in", 1));
    server.always_token_reply(Reply::hang());
    let arguments = ["--json", "--duration", "2", "-c", "4", &server.api_url()];
    let output = run(&server, "isahc", &arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(json(&output)["token_requests"], 2);
    let calls = server.api_requests();
    assert!(calls.iter().all(|call| call.token_ordinal() == Some(1)));
}
