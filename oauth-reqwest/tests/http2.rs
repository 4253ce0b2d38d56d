//! What HTTP/2 makes of the header with the token: the one place where it shows on the wire that a header is sensitive.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use oauth_core::{AccessToken, Authorizer, Error, TokenSource, async_trait};
use tokio::runtime::{Builder, Runtime};

/// `authorization` in the static table of HPACK (RFC 7541 appendix A).
const AUTHORIZATION: usize = 23;

struct Fixed;

#[async_trait]
impl TokenSource for Fixed {
    async fn token(&self) -> Result<AccessToken, Error> {
        Ok(AccessToken::builder("fixed").build()?)
    }
}

fn authorizer(origin: &str) -> Authorizer {
    Authorizer::new(Fixed, [origin]).unwrap()
}

fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder().http2_prior_knowledge();
    builder.no_proxy().build().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn p09_the_token_is_sent_once_and_is_not_to_be_compressed() {
    assert_not_compressed(|url| {
        let api = oauth_reqwest::Client::new(http(), authorizer(url));
        let response = runtime().block_on(api.get(url).send());
        response.unwrap().status().as_u16()
    });
}

#[cfg(feature = "blocking")]
#[test]
fn p09_the_token_of_the_blocking_client_is_sent_once_and_is_not_to_be_compressed() {
    assert_not_compressed(|url| {
        let http = reqwest::blocking::Client::builder().http2_prior_knowledge();
        let http = http.no_proxy().build().unwrap();
        let api = oauth_reqwest::blocking::Client::new(http, authorizer(url));
        api.get(url).send().unwrap().status().as_u16()
    });
}

#[cfg(feature = "middleware")]
#[test]
fn p09_the_token_of_a_chain_is_sent_once_and_is_not_to_be_compressed() {
    assert_not_compressed(|url| {
        let api = reqwest_middleware::ClientBuilder::new(http())
            .with(oauth_reqwest::OAuthMiddleware::new(authorizer(url)))
            .build();
        let response = runtime().block_on(api.get(url).send());
        response.unwrap().status().as_u16()
    });
}

/// RFC 7541 §7.1.3: what is never indexed no intermediary may compress, so that nobody can guess it piece by piece.
#[track_caller]
fn assert_not_compressed(send: impl FnOnce(&str) -> u16 + Send) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let block = thread::scope(|scope| {
        let status = scope.spawn(|| send(&url));
        // Open until the client is done: what it writes after the answer would have the connection reset.
        let (mut stream, _) = listener.accept().unwrap();
        let block = answer_one(&mut stream);
        assert_eq!(status.join().unwrap(), 200);
        block
    });
    assert_eq!(
        representations(&block, AUTHORIZATION),
        [Representation::NeverIndexed]
    );
}

/// Answers the first request of a connection, and gives its header block.
fn answer_one(stream: &mut TcpStream) -> Vec<u8> {
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const ACK: u8 = 1;
    const END_OF_STREAM_AND_HEADERS: u8 = 5;
    const STATUS_200: u8 = 0x88;

    let mut preface = [0; 24];
    stream.read_exact(&mut preface).unwrap();
    stream
        .write_all(&[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0])
        .unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let [l2, l1, l0, kind, flags, stream_id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l2, l1, l0]) as usize];
        stream.read_exact(&mut payload).unwrap();
        match kind {
            SETTINGS if flags & ACK == 0 => {
                stream
                    .write_all(&[0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0])
                    .unwrap();
            }
            HEADERS => {
                let mut answer = vec![0, 0, 1, HEADERS, END_OF_STREAM_AND_HEADERS];
                answer.extend_from_slice(&stream_id);
                answer.push(STATUS_200);
                stream.write_all(&answer).unwrap();
                return payload;
            }
            _ => {}
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Representation {
    Indexed,
    WithIndexing,
    WithoutIndexing,
    NeverIndexed,
}

/// How the fields of this name are written in a header block (RFC 7541 §6).
fn representations(block: &[u8], name: usize) -> Vec<Representation> {
    let mut rest = block;
    let mut found = Vec::new();
    while let Some(first) = rest.first() {
        let (representation, prefix) = match first {
            0x80.. => (Representation::Indexed, 7),
            0x40.. => (Representation::WithIndexing, 6),
            0x20.. => {
                integer(&mut rest, 5);
                continue;
            }
            0x10.. => (Representation::NeverIndexed, 4),
            _ => (Representation::WithoutIndexing, 4),
        };
        let index = integer(&mut rest, prefix);
        if representation != Representation::Indexed {
            if index == 0 {
                skip_string(&mut rest);
            }
            skip_string(&mut rest);
        }
        if index == name {
            found.push(representation);
        }
    }
    found
}

/// RFC 7541 §5.1.
fn integer(rest: &mut &[u8], prefix: u32) -> usize {
    let most = (1 << prefix) - 1;
    let mut value = usize::from(next(rest)) & most;
    if value == most {
        for shift in (0..).step_by(7) {
            let byte = usize::from(next(rest));
            value += (byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
    }
    value
}

fn next(rest: &mut &[u8]) -> u8 {
    let (first, others) = rest.split_first().unwrap();
    *rest = others;
    *first
}

fn skip_string(rest: &mut &[u8]) {
    let length = integer(rest, 7);
    *rest = &rest[length..];
}
