//! HTTP as it is spoken.

mod support;

use std::time::{Duration, Instant};

use oauth_testkit::{FakeTokenServer, Reply};
use support::{BASIC, Client, GRANT, ask, form, good};

#[test]
#[expect(clippy::disallowed_methods, reason = "it is about real time")]
fn a_server_is_ready_within_20_milliseconds() {
    let mut took: Vec<Duration> = (0..21)
        .map(|_| {
            let begin = Instant::now();
            let server = FakeTokenServer::start().unwrap();
            ask(&server, good()).token();
            begin.elapsed()
        })
        .collect();
    took.sort_unstable();
    // From nothing to the first token; one alone may have bad luck on a busy machine.
    assert!(took[10] < Duration::from_millis(20), "{took:?}");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::status(501));
    server.next_token_reply(Reply::status(502));
    let mut client = Client::to(&server.token_url());
    client.send(format!("{}{}", good(), good()));
    assert_eq!(client.response().unwrap().status, 501);
    assert_eq!(client.response().unwrap().status, 502);
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    let server = FakeTokenServer::start().unwrap();
    let mut client = Client::to(&server.token_url());
    client.stream.set_nodelay(true).unwrap();
    good()
        .as_bytes()
        .iter()
        .for_each(|byte| client.send([*byte]));
    client.response().unwrap().token();
}

#[test]
fn a_chunked_body_is_put_together() {
    let server = FakeTokenServer::start().unwrap();
    let mut client = Client::to(&server.token_url());
    let head = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n{BASIC}Transfer-Encoding: Chunked\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    );
    let chunks =
        "b;name=value\r\ngrant_type=\r\n12\r\nclient_credentials\r\n0\r\nTrailer: x\r\n\r\n";
    client.exchange(format!("{head}{chunks}")).token();
    client.exchange(format!("{head}{chunks}")).token();
    assert_eq!(
        client.exchange(format!("{head}5\r\nabcdefg\r\n")).status,
        400
    );
}

#[test]
fn a_client_that_expects_100_is_invited_to_go_on() {
    let server = FakeTokenServer::start().unwrap();
    let mut client = Client::to(&server.token_url());
    let request = form(&format!("{BASIC}Expect: 100-continue\r\n"), GRANT);
    let (head, body) = request.split_at(request.len() - GRANT.len());
    assert_eq!(client.exchange(head).status, 100);
    client.exchange(body).token();
}

#[test]
fn a_client_that_asks_to_close_is_closed() {
    let server = FakeTokenServer::start().unwrap();
    let mut client = Client::to(&server.token_url());
    let response = client.exchange(form(&format!("{BASIC}Connection: close\r\n"), GRANT));
    assert_eq!(response.header("Connection"), Some("close"));
    assert!(client.is_closed());
}

#[test]
fn http_1_0_is_coped_with() {
    let server = FakeTokenServer::start().unwrap();
    let old = good().replace("HTTP/1.1\r\nHost: localhost", "HTTP/1.0");
    let mut client = Client::to(&server.token_url());
    client.exchange(&old).token();
    assert!(client.is_closed());

    let kept = old.replace("HTTP/1.0", "HTTP/1.0\r\nConnection: keep-alive");
    let mut client = Client::to(&server.token_url());
    assert_eq!(
        client.exchange(&kept).header("Connection"),
        Some("keep-alive")
    );
    client.exchange(&kept).token();
}

#[test]
fn an_absolute_target_is_understood() {
    let server = FakeTokenServer::start().unwrap();
    ask(&server, good().replace("POST /", "POST http://localhost/")).token();
}

#[test]
fn a_response_to_head_has_no_body() {
    let server = FakeTokenServer::start().unwrap();
    let mut client = Client::to(&server.api_url());
    client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let (bytes, error) = client.rest();
    assert_eq!(error, None);
    assert!(bytes.starts_with(b"HTTP/1.1 401 Unauthorized\r\n") && bytes.ends_with(b"\r\n\r\n"));
}

#[test]
fn what_is_not_http_is_answered_400_and_closed() {
    let server = FakeTokenServer::start().unwrap();
    let double = form(&format!("{BASIC}Transfer-Encoding: chunked\r\n"), GRANT);
    let no_length = good().replace("Content-Length: 29", "Content-Length: +29");
    let no_host = good().replace("Host: localhost\r\n", "");
    for request in ["\u{16}\u{3}\u{1}\r\n\r\n", &double, &no_length, &no_host] {
        let mut client = Client::to(&server.token_url());
        assert_eq!(client.exchange(request).status, 400, "{request:?}");
        assert!(client.stream.shutdown(std::net::Shutdown::Write).is_ok());
        assert!(client.is_closed());
    }
    let unknown = good().replace("Content-Length: 29", "Transfer-Encoding: gzip");
    assert_eq!(ask(&server, unknown).status, 501);
    let long = good().replace("Host:", &format!("X: {}\r\nHost:", "x".repeat(300_000)));
    assert_eq!(ask(&server, long).status, 431);
    server.assert_token_requests(0);
}
