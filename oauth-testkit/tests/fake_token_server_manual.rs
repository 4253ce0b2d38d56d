//! The manual of the program, held against the program: each curl line, and the file.
#![cfg(feature = "program")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use program::Program;
use support::Client;

const MANUAL: &str = include_str!("../FAKE-TOKEN-SERVER.md");

/// The fenced blocks of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let mut rest = MANUAL.split(fence.as_str());
    rest.next();
    rest.map(|block| block.split("```").next().unwrap())
        .collect()
}

/// A curl line, split as a shell does it, with the URLs in the place of their names.
fn arguments(line: &str, program: &Program) -> Vec<String> {
    let line = line
        .replace("$ADMIN", &program.url("admin_url"))
        .replace("$TOKEN", &program.url("token_url"))
        .replace("$API", &program.url("api_url"));
    let mut arguments = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            arguments.push(part.to_owned());
        } else {
            arguments.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    arguments
}

/// What a curl line prints: by curl, or by its own reading on a machine without it.
fn run(arguments: &[String]) -> String {
    match Command::new("curl").args(arguments).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "curl {arguments:?}: {said}");
            String::from_utf8(output.stdout).unwrap()
        }
        Err(_) => run_by_hand(arguments),
    }
}

fn run_by_hand(arguments: &[String]) -> String {
    use base64::Engine;
    let (mut method, mut head, mut body) = ("GET", String::new(), String::new());
    let (mut url, mut shows_body, mut shows_status) = ("", true, false);
    let mut given = arguments.iter().map(String::as_str);
    while let Some(argument) = given.next() {
        let mut value = || given.next().unwrap();
        match argument {
            "-s" => {}
            "-X" => method = value(),
            "-o" => shows_body = value() != "/dev/null",
            "-w" => shows_status = value() == "%{http_code}",
            "-H" => head += &format!("{}\r\n", value()),
            "-u" => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(value());
                head += &format!("Authorization: Basic {encoded}\r\n");
            }
            "-d" | "--json" => {
                let kind = match argument {
                    "-d" => "application/x-www-form-urlencoded",
                    _ => "application/json",
                };
                head += &format!("Content-Type: {kind}\r\n");
                (method, body) = ("POST", value().to_owned());
            }
            other => {
                assert!(other.starts_with("http://"), "what is {other}?");
                url = other;
            }
        }
    }
    let (origin_end, _) = url.match_indices('/').nth(2).unwrap_or((url.len(), ""));
    let request = program::request(method, &url[origin_end..], &head, &body);
    let response = Client::to(url).exchange(request);
    let mut printed = String::new();
    if shows_body {
        printed += &String::from_utf8(response.body).unwrap();
    }
    if shows_status {
        printed += &response.status.to_string();
    }
    printed
}

/// `…` in what is expected stands for anything.
fn agrees(expected: &str, printed: &str) -> bool {
    let mut pieces = expected.split('…');
    let Some(mut rest) = printed.strip_prefix(pieces.next().unwrap()) else {
        return false;
    };
    let mut last = "";
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else {
            return false;
        };
        (last, rest) = (piece, after);
    }
    rest.is_empty() || (last.is_empty() && expected.contains('…'))
}

fn play(run: impl Fn(&[String]) -> String) {
    let program = Program::start(&["--clock", "standing"]);
    let mut played = 0;
    for block in blocks("console") {
        for example in block.split("$ curl ").skip(1) {
            let (line, expected) = example.split_once('\n').unwrap();
            let printed = run(&arguments(line, &program));
            let expected = expected.trim_end();
            assert!(
                agrees(expected, &printed),
                "curl {line}\nprints  {printed}\nand not {expected}"
            );
            played += 1;
        }
    }
    assert!(played > 20, "{played} curl lines were found");
    assert_eq!(program.end().0.code(), Some(0), "the last one stops it");
}

#[test]
fn each_curl_line_prints_what_the_manual_says() {
    play(run);
}

#[test]
fn each_curl_line_means_the_same_by_hand() {
    play(run_by_hand);
}

#[test]
fn the_file_of_the_manual_is_one() {
    let file = format!("{}/manual.json", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&file, blocks("json")[0]).unwrap();
    let program = Program::start(&["--config", &file]);
    assert!(program.url("issuer").starts_with("https://localhost:"));
    assert!(program.url("issuer").ends_with("/tenant"));
}

/// Node.js is there for the interop tests too.
#[test]
fn the_tests_in_another_language_pass() {
    let file = format!("{}/service.test.mjs", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&file, blocks("javascript")[0]).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_fake-token-server"));
    let mut places = vec![program.parent().unwrap().to_owned()];
    places.extend(env::split_paths(&env::var_os("PATH").unwrap()));
    let output = Command::new("node")
        .args(["--test", &file])
        .env("PATH", env::join_paths(places).unwrap())
        .output()
        .expect("Node.js is needed: cargo xtask test installs it");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("pass 2"), "{said}");
}

#[test]
fn agreement_is_of_the_whole_but_for_what_is_left_open() {
    assert!(agrees("a…c", "abc") && agrees("a…", "abc") && agrees("…c…", "abcd"));
    assert!(agrees("", "") && !agrees("", "a") && !agrees("a…c", "abcd") && !agrees("b", "a"));
}
