//! Which way of asking for a token works through which library. The table in `README.md` is made of what the server
//! saw, and a test compares the two.

use std::fmt::Write as _;
use std::sync::OnceLock;

use oauth_core::{ClientAuthMethod, ClientCredentialsBuilder, TokenSource as _};

use crate::backend::{Backend, Library, wait};
use crate::server::{Place, SERVER};

/// Makes of each row a test for each library, and [`ROWS`] of all of them.
macro_rules! rows {
    ($($name:ident $title:literal;)*) => {
        $(mod $name {
            use super::*;

            /// Each cell is played once in a process, whoever asks for it first.
            pub(super) fn cell(library: Library) -> &'static str {
                static CELLS: [OnceLock<String>; 2] = [const { OnceLock::new() }; 2];
                let name = concat!("matrix/", stringify!($name));
                CELLS[library as usize].get_or_init(|| super::$name(Backend::new(library, name)))
            }

            #[test]
            fn reqwest() {
                cell(Library::Reqwest);
            }

            #[test]
            fn isahc() {
                cell(Library::Isahc);
            }
        })*

        const ROWS: &[Row] = &[$(Row { title: $title, cell: $name::cell }),*];
    };
}

/// One way of asking for a token, and how it went through a library.
struct Row {
    title: &'static str,
    cell: fn(Library) -> &'static str,
}

rows! {
    basic "`client_secret_basic`";
    basic_reserved "`client_secret_basic`, reserved characters in id and secret";
    basic_raw "`client_secret_basic`, raw";
    basic_raw_reserved "`client_secret_basic`, raw, reserved characters";
    basic_over_tls "`client_secret_basic` over TLS, issuer below a path";
    post "`client_secret_post`";
    post_reserved "`client_secret_post`, reserved characters in id and secret";
    opaque_resource "resource indicator, opaque token";
    jwt_resource "resource indicator, token that is a JWT";
}

fn basic(backend: Backend) -> String {
    let builder = backend.with_secret(&SERVER.plain, "basic");
    accepted(&backend, &SERVER.plain, builder)
}

fn basic_reserved(backend: Backend) -> String {
    let builder = backend.with_secret(&SERVER.plain, "basic-reserved");
    accepted(&backend, &SERVER.plain, builder)
}

fn basic_raw(backend: Backend) -> String {
    let builder = backend.with_secret(&SERVER.plain, "basic");
    let builder = builder.auth_method(ClientAuthMethod::ClientSecretBasicRaw);
    accepted(&backend, &SERVER.plain, builder)
}

fn basic_raw_reserved(backend: Backend) -> String {
    let builder = backend.with_secret(&SERVER.plain, "basic-reserved");
    let builder = builder.auth_method(ClientAuthMethod::ClientSecretBasicRaw);
    refused(&backend, builder)
}

fn basic_over_tls(backend: Backend) -> String {
    let builder = backend.with_secret(&SERVER.tls, "basic");
    accepted(&backend, &SERVER.tls, builder)
}

fn post(backend: Backend) -> String {
    let builder = backend.with_secret(&SERVER.plain, "post");
    let builder = builder.auth_method(ClientAuthMethod::ClientSecretPost);
    accepted(&backend, &SERVER.plain, builder)
}

fn post_reserved(backend: Backend) -> String {
    let builder = backend.with_secret(&SERVER.plain, "post-reserved");
    let builder = builder.auth_method(ClientAuthMethod::ClientSecretPost);
    accepted(&backend, &SERVER.plain, builder)
}

fn opaque_resource(backend: Backend) -> String {
    let builder = backend.with_secret(&SERVER.plain, "basic");
    let builder = builder.parameter("resource", "https://opaque.example.com/");
    accepted(&backend, &SERVER.plain, builder)
}

fn jwt_resource(backend: Backend) -> String {
    let builder = backend.with_secret(&SERVER.plain, "basic");
    let builder = builder.parameter("resource", "https://jwt.example.com/");
    accepted(&backend, &SERVER.plain, builder)
}

/// Gets a token, calls the API twice, and tells what that found out about the token.
fn accepted(backend: &Backend, place: &Place, builder: ClientCredentialsBuilder) -> String {
    let client = backend.client(place, builder.build().unwrap().cached());
    client.call().token();
    let answer = client.call();
    let token = answer.token();
    assert_eq!(token["asked_by"], backend.name, "{token}");
    assert_eq!(backend.seen().accepted(), 2);
    let say = |member: &str| token[member].as_str().map(|text| format!(", {text}"));
    let mut cell = token["client_auth"].as_str().unwrap().to_owned();
    cell.extend(["scheme", "format", "audience"].into_iter().filter_map(say));
    if let Some(thing) = token["bound_to"].as_str() {
        let _ = write!(cell, ", bound to a {thing}");
    }
    cell
}

/// Gets no token, and tells why the server gave none.
fn refused(backend: &Backend, builder: ClientCredentialsBuilder) -> String {
    let error = wait(builder.build().unwrap().token()).unwrap_err();
    let code = error.oauth_error().unwrap().code().to_string();
    assert_eq!(backend.seen().token_errors(), [code.as_str()]);
    format!("refused: {code}")
}

#[test]
fn the_table_in_the_readme_is_what_happens() {
    const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let text = std::fs::read_to_string(README).unwrap();
    let written: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    let happened = table();
    assert!(
        written == happened.lines().collect::<Vec<_>>(),
        "README.md has another table; the true one is:\n\n{happened}"
    );
}

/// One line a row; what the server saw is in the cells.
fn table() -> String {
    let mut table = String::from("| asked for | reqwest | isahc |\n| --- | --- | --- |\n");
    for Row { title, cell } in ROWS {
        let [reqwest, isahc] = Library::BOTH.map(cell);
        let _ = writeln!(table, "| {title} | {reqwest} | {isahc} |");
    }
    table
}
