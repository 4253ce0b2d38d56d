//! An `https` URL where no TLS is compiled in: the first slip of many. A run over the workspace has TLS, since its examples
//! ask for it; `cargo test -p oauth-isahc` has none.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and may have threads"
)]

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use futures_executor::block_on;
use oauth_core::{ClientCredentials, ErrorKind, TokenSource};
use oauth_isahc::IsahcHttpClient;
use oauth_testkit::Messages;

#[test]
fn https_without_tls_is_an_error_of_configuration_that_names_the_feature() {
    let (address, listening) = listen();
    let source = ClientCredentials::builder(format!("https://{address}/token"), "my-client")
        .client_secret("shh")
        .http_client(IsahcHttpClient::new().unwrap())
        .build()
        .unwrap();
    let error = block_on(source.token()).unwrap_err();

    drop(TcpStream::connect(address));
    if listening.join().unwrap() > 0 {
        // There is TLS: it was spoken to somebody who does not speak it.
        assert_ne!(error.kind(), ErrorKind::Configuration, "{error:#}");
        return;
    }
    assert!(!error.is_retryable());
    let mut messages = Messages::new();
    messages.add("no TLS is compiled in", &error);
    let text = messages
        .to_string()
        .replace(&address.to_string(), "<server>");
    insta::assert_snapshot!(text, @r"
    no TLS is compiled in (configuration)
        the HTTP client cannot send this request to https://<server> (look at the cause, and at how the HTTP client is set up)
        <- no TLS is compiled into isahc; enable its feature `rustls-tls` or `native-tls` for `https`
    ");
}

/// Somebody who hangs up on all who say something, and tells how many they were when one comes who says nothing.
fn listen() -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let listening = thread::spawn(move || {
        let visitors = listener.incoming();
        visitors
            .take_while(|visitor| matches!(visitor.as_ref().unwrap().read(&mut [0]), Ok(1)))
            .count()
    });
    (address, listening)
}
