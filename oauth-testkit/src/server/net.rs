//! Listening, connections and their threads.

use std::io::{self, Read, Write};
use std::net::{Shutdown as Direction, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;

use crate::on_the_way::OnTheWay;
use crate::runtime::start_thread;
use crate::server::delivery::{Delivery, Ending};
use crate::server::faults::Strikes;
use crate::server::http1::{Framing, ReadError, Request, RequestReader, Response, encode};
use crate::server::log::InFlight;
use crate::server::port::{Connection, Port, listen};
use crate::server::wire::{Transport, Wire};
use crate::shutdown::Shutdown;

/// What listens behind an [`HttpServer`]. It may block: every connection has its own thread.
pub(crate) trait Endpoint: Send + Sync {
    /// What strikes a request that has just arrived, if anything ever does. The request is told, and what was scripted
    /// for it.
    fn receive(&self, _request: &mut Request, _opens_connection: bool) -> Strikes {
        Strikes::default()
    }

    fn answer(&self, request: &Request) -> Answer;

    /// A connection has been closed from this side.
    fn closed(&self) {}
}

/// What goes back on the wire, or does not.
pub(crate) enum Answer {
    Respond {
        response: Response,
        on_the_way: Box<OnTheWay>,
        in_flight: InFlight,
    },
    Raw(Bytes),
    Reset,
    Close,
}

/// Serves one endpoint at a loopback port of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct HttpServer {
    port: Arc<Port>,
    accepting: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Serves at a port of its own, without TLS.
    pub(crate) fn start(
        name: &'static str,
        endpoint: Arc<dyn Endpoint>,
        shutdown: Arc<Shutdown>,
    ) -> io::Result<Self> {
        Self::serve(name, listen(0)?, Transport::Plain, endpoint, shutdown)
    }

    pub(crate) fn serve(
        name: &'static str,
        listener: TcpListener,
        transport: Transport,
        endpoint: Arc<dyn Endpoint>,
        shutdown: Arc<Shutdown>,
    ) -> io::Result<Self> {
        let port = Arc::new(Port::new(listener, shutdown)?);
        let acceptor = Acceptor {
            name,
            port: Arc::clone(&port),
            transport,
            endpoint,
        };
        Ok(Self {
            accepting: Some(start_thread(name, move || acceptor.run())?),
            port,
        })
    }

    /// Accepts no more, and returns once the requests that have arrived are answered, as far as they are going to
    /// be. Dropping the server interrupts their answers instead.
    #[cfg(feature = "program")]
    pub(crate) fn finish(&mut self) {
        self.stop_accepting();
        self.port.hang_up(Direction::Read);
        self.port.join();
    }

    fn stop_accepting(&mut self) {
        self.port.shutdown().stop();
        self.port.wake();
        if let Some(thread) = self.accepting.take() {
            drop(thread.join());
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    pub(crate) fn port(&self) -> &Arc<Port> {
        &self.port
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.stop_accepting();
        self.port.hang_up(Direction::Both);
        self.port.join();
    }
}

struct Acceptor {
    name: &'static str,
    port: Arc<Port>,
    transport: Transport,
    endpoint: Arc<dyn Endpoint>,
}

impl Acceptor {
    fn run(self) {
        while let Ok(stream) = self.port.accept() {
            self.serve(stream);
        }
    }

    fn serve(&self, stream: TcpStream) {
        let Ok(stream) = Wire::new(stream, &self.transport) else {
            return;
        };
        let stream = Arc::new(stream);
        let weak = Arc::downgrade(&stream);
        let (endpoint, port) = (Arc::clone(&self.endpoint), Arc::clone(&self.port));
        let started = start_thread(self.name, move || {
            drop(stream.tcp().set_nodelay(true));
            if stream.handshake().is_ok() {
                serve_connection(&stream, &*endpoint, &port);
            }
            drop(stream);
            endpoint.closed();
        });
        if let Ok(thread) = started {
            self.port.add(Connection {
                stream: weak,
                thread,
            });
        }
    }
}

fn serve_connection(stream: &Wire, endpoint: &dyn Endpoint, port: &Arc<Port>) {
    let mut requests = RequestReader::new(stream);
    let mut opens_connection = true;
    loop {
        let mut request = match requests.next() {
            Ok(Some(request)) => request,
            Ok(None) | Err(ReadError::Io) => return,
            Err(ReadError::Bad(status, reason)) => return refuse(stream, status, reason),
        };
        request.client_certificates = stream.client_certificates();
        let strikes = endpoint.receive(&mut request, opens_connection);
        if strikes.races() {
            return;
        }
        let answer = endpoint.answer(&request);
        let ending = match strikes.before_response(port) {
            Some(ending) => ending,
            None => give(answer, &request, &strikes, stream, port.shutdown()),
        };
        match ending {
            Ending::KeptAlive => opens_connection = false,
            Ending::Closed => return,
            Ending::ClosedLate(delay) => return drop(port.shutdown().pause(delay)),
            Ending::Reset => return stream.reset_on_close(),
        }
    }
}

fn give(
    answer: Answer,
    request: &Request,
    strikes: &Strikes,
    mut stream: impl Write,
    shutdown: &Arc<Shutdown>,
) -> Ending {
    if let Some(garbage) = strikes.garbage() {
        // Whoever has read it is no longer served.
        drop(answer);
        drop(stream.write_all(&garbage));
        return Ending::Closed;
    }
    let (response, on_the_way, in_flight) = match answer {
        Answer::Respond {
            response,
            on_the_way,
            in_flight,
        } => (response, on_the_way, in_flight),
        Answer::Raw(bytes) => {
            let mut delivery = Delivery::default();
            strikes.add_to(&mut delivery, 0);
            return delivery.carry_out(stream, &bytes, Ending::Closed, None, shutdown);
        }
        Answer::Reset => return Ending::Reset,
        Answer::Close => return Ending::Closed,
    };
    let (framing, usually) = match strikes.slow_close() {
        Some(delay) => (Framing::ToTheEnd, Ending::ClosedLate(delay)),
        None if request.keep_alive && !on_the_way.closes() => {
            (Framing::KeepAlive, Ending::KeptAlive)
        }
        None => (Framing::Close, Ending::Closed),
    };
    let (mut bytes, body) = encode(&response, &request.method, framing);
    let head_length = bytes.len();
    let mut delivery = on_the_way.delivery(head_length);
    strikes.add_to(&mut delivery, head_length);
    bytes.extend_from_slice(&body);
    delivery.carry_out(stream, &bytes, usually, Some(in_flight), shutdown)
}

/// Answers what was not a request. What is left of it is read, for closing a connection with bytes
/// unread resets it and the client might never see the answer.
fn refuse(mut stream: &Wire, status: u16, reason: &'static str) {
    let mut response = Response::new(status).header("Content-Type", "text/plain");
    response.body = Bytes::from_static(reason.as_bytes());
    let (mut head, body) = encode(&response, "", Framing::Close);
    head.extend_from_slice(&body);
    if stream.write_all(&head).is_err() || stream.end_writing().is_err() {
        return;
    }
    drop(
        stream
            .tcp()
            .set_read_timeout(Some(Duration::from_millis(500))),
    );
    let mut rest = [0; 4096];
    while matches!(stream.read(&mut rest), Ok(read) if read > 0) {}
}
