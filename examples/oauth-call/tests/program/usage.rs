//! The command line.

use std::collections::BTreeSet;

use crate::{program, start, text};

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
                &["--secret-env", "TEST_SECRET", "--duration", "0", url],
            ]
            .concat(),
            "--duration",
        ),
        (
            [
                client,
                &["--secret-env", "TEST_SECRET", "-H", "x y: z", url],
            ]
            .concat(),
            "name",
        ),
        (
            [
                client,
                &["--secret-env", "TEST_SECRET", "-H", "x: s3cret\ny", url],
            ]
            .concat(),
            "control character",
        ),
        (
            [
                client,
                &["--secret-env", "TEST_SECRET", "-H", "x: s3cret\u{e9}", url],
            ]
            .concat(),
            "not ASCII",
        ),
        (
            [client, &["token", "--secret-env", "TEST_SECRET"]].concat(),
            "`oauth-call token`",
        ),
        (
            [
                client,
                &[
                    "--auth",
                    "secret-jwt",
                    "--audience-of-assertion",
                    "issuer",
                    url,
                ],
            ]
            .concat(),
            "--issuer",
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
fn the_readme_and_the_help_name_the_same_options() {
    let help = |arguments: &[&str]| {
        let output = program(arguments).output().unwrap();
        text(&output.stdout).to_owned()
    };
    let help = help(&["--help"]) + &help(&["token", "--help"]);
    let readme = include_str!("../../README.md");
    let table = readme.split("## Options").nth(1).unwrap();
    let table = table.split("## JSON").next().unwrap();
    let options = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'))
            .filter(|word| word.starts_with("--") && !word.starts_with("---") && word.len() > 2)
            .map(str::to_owned)
            .filter(|word| !matches!(word.as_str(), "--help" | "--version"))
            .collect()
    };
    assert_eq!(options(&help), options(table));
}
