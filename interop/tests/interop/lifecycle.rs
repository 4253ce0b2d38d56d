//! The server process leaves nothing behind.

use crate::server::Server;

#[test]
fn the_server_ends_by_itself_when_the_process_that_started_it_does() {
    let status = Server::start().abandon();
    assert!(status.success(), "{status}");
}

#[test]
fn the_server_ends_when_it_is_dropped_also_by_a_panic() {
    let outcome = std::panic::catch_unwind(|| {
        let server = Server::start();
        std::panic::panic_any(server.plain.clone());
    });
    let place = outcome.unwrap_err();
    let place = place.downcast_ref::<crate::server::Place>().unwrap();
    let address = place.issuer.strip_prefix("http://").unwrap();
    let connected = std::net::TcpStream::connect(address);
    assert!(connected.is_err(), "{connected:?}");
}
