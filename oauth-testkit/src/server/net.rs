//! Listening, connections and their threads.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown as Direction, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use socket2::{Domain, SockRef, Socket, Type};

use crate::reply::Drip;
use crate::runtime::start_thread;
use crate::server::http1::{ReadError, Request, RequestReader, Response, encode};
use crate::server::log::InFlight;
use crate::server::wire::{Transport, Wire};
use crate::shutdown::{Shutdown, Stopped};
use crate::sync::lock;

/// A cold start of thousands of callers must not lose a SYN, which costs the client a second.
const BACKLOG: i32 = 1024;

/// What listens behind an [`HttpServer`]. It may block: every connection has its own thread.
pub(crate) trait Endpoint: Send + Sync {
    fn answer(&self, request: &Request) -> Answer;

    /// A connection has been closed from this side.
    fn closed(&self) {}
}

/// What goes back on the wire, or does not.
pub(crate) enum Answer {
    Respond {
        response: Response,
        drip: Option<Drip>,
        /// Send only so many bytes of the body, then close.
        cut: Option<usize>,
        /// Given back before the last bytes are written: whoever has read them is no longer served.
        in_flight: InFlight,
    },
    Raw(Bytes),
    Reset,
    Close,
}

/// Serves one endpoint at a loopback port of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
    listener: Arc<TcpListener>,
    accepting: Option<JoinHandle<()>>,
    connections: Arc<Mutex<Vec<Connection>>>,
    shutdown: Arc<Shutdown>,
}

impl HttpServer {
    /// Serves at a port of its own, without TLS.
    pub(crate) fn start(
        name: &'static str,
        endpoint: Arc<dyn Endpoint>,
        shutdown: Arc<Shutdown>,
    ) -> io::Result<Self> {
        Self::serve(name, listen()?, Transport::Plain, endpoint, shutdown)
    }

    pub(crate) fn serve(
        name: &'static str,
        listener: TcpListener,
        transport: Transport,
        endpoint: Arc<dyn Endpoint>,
        shutdown: Arc<Shutdown>,
    ) -> io::Result<Self> {
        let listener = Arc::new(listener);
        let connections = Arc::new(Mutex::new(Vec::new()));
        let acceptor = Acceptor {
            name,
            listener: Arc::clone(&listener),
            connections: Arc::clone(&connections),
            transport,
            endpoint,
            shutdown: Arc::clone(&shutdown),
        };
        Ok(Self {
            address: listener.local_addr()?,
            accepting: Some(start_thread(name, move || acceptor.run())?),
            listener,
            connections,
            shutdown,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn wake_acceptor(&self) {
        // On Linux this alone ends a blocked accept; elsewhere it fails and a connection does.
        if SockRef::from(&*self.listener)
            .shutdown(Direction::Both)
            .is_err()
        {
            drop(TcpStream::connect_timeout(
                &self.address,
                Duration::from_secs(1),
            ));
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.shutdown.stop();
        self.wake_acceptor();
        if let Some(thread) = self.accepting.take() {
            drop(thread.join());
        }
        let connections = std::mem::take(&mut *lock(&self.connections));
        for stream in connections
            .iter()
            .filter_map(|connection| connection.stream.upgrade())
        {
            drop(stream.tcp().shutdown(Direction::Both));
        }
        for connection in connections {
            drop(connection.thread.join());
        }
    }
}

/// A loopback port that nobody is served at yet.
pub(crate) fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[derive(Debug)]
struct Connection {
    /// Weak, because only closing the last handle sends the RST of a reset.
    stream: Weak<Wire>,
    thread: JoinHandle<()>,
}

struct Acceptor {
    name: &'static str,
    listener: Arc<TcpListener>,
    connections: Arc<Mutex<Vec<Connection>>>,
    transport: Transport,
    endpoint: Arc<dyn Endpoint>,
    shutdown: Arc<Shutdown>,
}

impl Acceptor {
    fn run(self) {
        loop {
            let accepted = self.listener.accept();
            if self.shutdown.is_stopped() {
                return;
            }
            match accepted {
                Ok((stream, _)) => self.serve(stream),
                // Out of file descriptors, most likely: the connection waits in the backlog.
                Err(_) => drop(self.shutdown.pause(Duration::from_millis(5))),
            }
        }
    }

    fn serve(&self, stream: TcpStream) {
        let Ok(stream) = Wire::new(stream, &self.transport) else {
            return;
        };
        let stream = Arc::new(stream);
        let weak = Arc::downgrade(&stream);
        let (endpoint, shutdown) = (Arc::clone(&self.endpoint), Arc::clone(&self.shutdown));
        let started = start_thread(self.name, move || {
            drop(stream.tcp().set_nodelay(true));
            if stream.handshake().is_ok() {
                serve_connection(&stream, &*endpoint, &shutdown);
            }
            drop(stream);
            endpoint.closed();
        });
        let mut connections = lock(&self.connections);
        for ended in connections.extract_if(.., |known| known.thread.is_finished()) {
            drop(ended.thread.join());
        }
        if let Ok(thread) = started {
            connections.push(Connection {
                stream: weak,
                thread,
            });
        }
    }
}

fn serve_connection(stream: &Wire, endpoint: &dyn Endpoint, shutdown: &Shutdown) {
    let mut requests = RequestReader::new(stream);
    loop {
        let mut request = match requests.next() {
            Ok(Some(request)) => request,
            Ok(None) | Err(ReadError::Io) => return,
            Err(ReadError::Bad(status, reason)) => return refuse(stream, status, reason),
        };
        request.client_certificates = stream.client_certificates();
        let sent = match endpoint.answer(&request) {
            Answer::Respond {
                response,
                drip,
                cut,
                in_flight,
            } => {
                let keep_alive = request.keep_alive && cut.is_none();
                let (head, mut body) = encode(&response, &request.method, keep_alive);
                body.truncate(cut.unwrap_or(usize::MAX));
                send(stream, head, &body, drip, in_flight, shutdown).map(|()| keep_alive)
            }
            Answer::Raw(bytes) => {
                let mut stream = stream;
                drop(stream.write_all(&bytes));
                return;
            }
            Answer::Reset => {
                stream.reset_on_close();
                return;
            }
            Answer::Close => return,
        };
        if !matches!(sent, Ok(true)) {
            return;
        }
    }
}

fn send(
    mut stream: &Wire,
    mut head: Vec<u8>,
    body: &[u8],
    drip: Option<Drip>,
    in_flight: InFlight,
    shutdown: &Shutdown,
) -> io::Result<()> {
    let Some(drip) = drip.filter(|_| !body.is_empty()) else {
        head.extend_from_slice(body);
        drop(in_flight);
        return stream.write_all(&head);
    };
    stream.write_all(&head)?;
    let mut in_flight = Some(in_flight);
    let mut pieces = body.chunks(drip.bytes).peekable();
    while let Some(piece) = pieces.next() {
        shutdown
            .pause(drip.pause)
            .map_err(|Stopped| io::ErrorKind::Interrupted)?;
        if pieces.peek().is_none() {
            drop(in_flight.take());
        }
        stream.write_all(piece)?;
    }
    Ok(())
}

/// Answers what was not a request. What is left of it is read, for closing a connection with bytes
/// unread resets it and the client might never see the answer.
fn refuse(mut stream: &Wire, status: u16, reason: &'static str) {
    let mut response = Response::new(status).header("Content-Type", "text/plain");
    response.body = Bytes::from_static(reason.as_bytes());
    let (mut head, body) = encode(&response, "", false);
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
