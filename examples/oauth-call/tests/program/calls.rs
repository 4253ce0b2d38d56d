//! How many calls are made, and what they print.

#[cfg(unix)]
use std::process::Command;

use oauth_testkit::{ApiMatch, Gate, Reply};

use crate::{BACKENDS, json, run, spawn, start, text};

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
fn a_duration_or_a_number_of_calls_ends_the_run_whichever_comes_first() {
    for (arguments, is_enough) in [
        (&["--duration", "1"][..], None),
        (&["--duration", "1", "-n", "1000000000"], None),
        (&["--duration", "600", "-n", "3"], Some(3)),
    ] {
        let server = start();
        let mut all = vec!["--json"];
        all.extend(arguments);
        let url = server.api_url();
        all.push(&url);
        let report = json(&run(&server, "reqwest", &all));
        let requests = report["requests"].as_u64().unwrap();
        assert_eq!(requests, server.api_request_count() as u64);
        match is_enough {
            Some(number) => assert_eq!(requests, number),
            None => assert!((2..1_000_000_000).contains(&requests), "{report}"),
        }
    }
}

#[test]
fn each_url_is_called_once_and_the_answers_are_printed_in_their_order() {
    for backend in BACKENDS {
        let server = start();
        // The first is answered last.
        let gate = Gate::new();
        server
            .when(ApiMatch::path("/a"))
            .always(Reply::status(200).body("A").gated(&gate));
        server
            .when(ApiMatch::path("/b"))
            .always(Reply::status(404).body("B"));
        let urls = [server.api_url_for("/a"), server.api_url_for("/b?c=s3cret")];
        let arguments = ["-c", "2", &urls[0], &urls[1]];
        let child = spawn(&server, backend, &arguments);
        server.await_api_requests(2);
        gate.open();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(text(&output.stdout), "AB");
        let said = text(&output.stderr);
        assert_eq!(said, format!("{}: 404 Not Found", server.api_url_for("/b")));

        let report = json(&run(&server, backend, &["--json", &urls[0], &urls[1]]));
        assert_eq!(report["requests"], 2);
        let report = run(&server, backend, &["-n", "3", &urls[0], &urls[1]]);
        assert!(text(&report.stdout).starts_with("3 calls"), "{report:?}");
        let called = server.api_requests();
        let count = |path| {
            let paths = called.iter().map(|request| request.path_and_query());
            paths.filter(|seen| seen.starts_with(path)).count()
        };
        assert_eq!((count("/a"), count("/b")), (4, 3));
    }
}

#[test]
fn a_body_goes_to_a_file_as_it_came() {
    for backend in BACKENDS {
        for body in [&[0, 255, b'\n', 7][..], b"", b"a\n"] {
            let server = start();
            server.always_api_reply(Reply::status(200).body(body.to_vec()));
            let output = run(&server, backend, &[&server.api_url()]);
            assert_eq!(output.stdout, body);
        }
    }
}

#[test]
fn every_request_says_who_sends_it_unless_told_otherwise() {
    for backend in BACKENDS {
        let server = start();
        let url = server.api_url();
        run(&server, backend, &[&url]);
        run(&server, backend, &["-H", "User-Agent: own", &url]);
        let program = concat!("oauth-call/", env!("CARGO_PKG_VERSION"));
        let tokens = server.token_requests();
        assert_eq!(tokens[0].header("user-agent"), Some(program));
        let calls = server.api_requests();
        assert_eq!(calls[0].header("user-agent"), Some(program));
        assert_eq!(calls[1].header("user-agent"), Some("own"));
    }
}

#[test]
fn p10_a_redirect_is_an_answer_and_not_followed() {
    for backend in BACKENDS {
        let server = start();
        server.always_api_reply(Reply::redirect(302, server.api_url_for("/elsewhere")));
        let output = run(&server, backend, &[&server.api_url()]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains("/elsewhere"), "{output:?}");
        server.assert_api_requests(1);
    }
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
    // When the fourth is under way, three have been answered.
    server.await_api_requests(4);
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(json(&output)["requests"].as_u64().unwrap() >= 3);
}
