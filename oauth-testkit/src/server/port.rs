//! Where an endpoint listens and who is connected. It can go away and come back.

use std::io;
use std::net::{Ipv4Addr, Shutdown as Direction, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::server::wire::Wire;
use crate::shutdown::{Shutdown, Stopped};
use crate::sync::lock;

/// A cold start of thousands of callers must not lose a SYN, which costs the client a second.
const BACKLOG: i32 = 1024;
/// Before something is tried again that should have worked.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    state: Mutex<State>,
    connections: Mutex<Vec<Connection>>,
    shutdown: Arc<Shutdown>,
}

#[derive(Debug)]
struct State {
    /// Absent while connections are refused.
    listener: Option<Arc<TcpListener>>,
    outages: usize,
}

#[derive(Debug)]
pub(crate) struct Connection {
    /// Weak, because only closing the last handle sends the RST of a reset.
    pub(crate) stream: Weak<Wire>,
    pub(crate) thread: JoinHandle<()>,
}

impl Port {
    pub(crate) fn new(listener: TcpListener, shutdown: Arc<Shutdown>) -> io::Result<Self> {
        Ok(Self {
            address: listener.local_addr()?,
            state: Mutex::new(State {
                listener: Some(Arc::new(listener)),
                outages: 0,
            }),
            connections: Mutex::default(),
            shutdown,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn shutdown(&self) -> &Arc<Shutdown> {
        &self.shutdown
    }

    /// The next connection. For one thread, which is also the one that closes and opens the port.
    pub(crate) fn accept(&self) -> Result<TcpStream, Stopped> {
        loop {
            let accepted = match self.wanted_listener() {
                Some(listener) => listener.accept(),
                None => {
                    self.refuse()?;
                    continue;
                }
            };
            if self.shutdown.is_stopped() {
                return Err(Stopped);
            }
            match accepted {
                Ok((stream, _)) if !self.is_unwanted() => return Ok(stream),
                Ok(_) => {}
                // Out of file descriptors, most likely: the connection waits in the backlog.
                Err(_) if !self.is_unwanted() => self.shutdown.pause(PAUSE)?,
                Err(_) => {}
            }
        }
    }

    pub(crate) fn add(&self, connection: Connection) {
        let mut connections = lock(&self.connections);
        for ended in connections.extract_if(.., |known| known.thread.is_finished()) {
            drop(ended.thread.join());
        }
        connections.push(connection);
    }

    /// Ends a blocked [`accept`](Self::accept).
    pub(crate) fn wake(&self) {
        let state = lock(&self.state);
        let Some(listener) = &state.listener else {
            return;
        };
        // On Linux this alone ends a blocked accept; elsewhere it fails and a connection does.
        if SockRef::from(&**listener)
            .shutdown(Direction::Both)
            .is_err()
        {
            drop(TcpStream::connect_timeout(
                &self.address,
                Duration::from_secs(1),
            ));
        }
    }

    /// Closes all connections; with `Direction::Read`, those that answer a request once they have.
    pub(crate) fn hang_up(&self, direction: Direction) {
        let connections = lock(&self.connections);
        let streams = connections
            .iter()
            .filter_map(|connection| connection.stream.upgrade());
        streams.for_each(|stream| drop(stream.tcp().shutdown(direction)));
    }

    /// Waits for the threads of all connections.
    pub(crate) fn join(&self) {
        let connections = std::mem::take(&mut *lock(&self.connections));
        for connection in connections {
            drop(connection.thread.join());
        }
    }

    fn is_unwanted(&self) -> bool {
        lock(&self.state).outages > 0
    }

    fn is_refusing(&self) -> bool {
        lock(&self.state).listener.is_none()
    }

    fn wanted_listener(&self) -> Option<Arc<TcpListener>> {
        let state = lock(&self.state);
        let listener = state.listener.as_ref().filter(|_| state.outages == 0);
        listener.map(Arc::clone)
    }

    /// Refuses connections until the last outage is over.
    fn refuse(&self) -> Result<(), Stopped> {
        let open = lock(&self.state).listener.take();
        drop(open);
        // Bound, it keeps the port from everybody else; not listening, it refuses.
        let keeper = loop {
            match bind(self.address) {
                Ok(socket) => break socket,
                Err(_) => self.shutdown.pause(PAUSE)?,
            }
        };
        self.shutdown.look_again();
        let mut keeper = Some(keeper);
        while let Some(socket) = keeper.take() {
            self.shutdown.wait_until(|| !self.is_unwanted())?;
            let mut state = lock(&self.state);
            // Another outage may have begun meanwhile.
            if state.outages == 0 && socket.listen(BACKLOG).is_ok() {
                state.listener = Some(Arc::new(socket.into()));
            } else {
                keeper = Some(socket);
            }
        }
        self.shutdown.look_again();
        Ok(())
    }
}

/// A loopback port that nobody is served at yet; any that is free for 0.
pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A loopback port that refuses connections while it is held: bound, it is nobody else's; not listening, it refuses.
pub(crate) fn refusing() -> io::Result<(Socket, SocketAddr)> {
    let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = socket.local_addr()?.as_socket();
    let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((socket, address))
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Connections of before linger on the port; elsewhere than on Unix this would let others have it, too.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A time in which an origin refuses connections, as if its server were down. It begins with the closing of all
/// connections, and ends when this is dropped: the origin is then back at the same port.
#[derive(Debug)]
#[must_use = "it is over once it is dropped"]
pub struct Outage {
    ports: Vec<Arc<Port>>,
}

impl Outage {
    pub(crate) fn begin<'a>(ports: impl IntoIterator<Item = &'a Arc<Port>>) -> Self {
        let ports: Vec<Arc<Port>> = ports.into_iter().map(Arc::clone).collect();
        for port in &ports {
            lock(&port.state).outages += 1;
            port.wake();
            // A server that has ended refuses, too.
            drop(port.shutdown.wait_until(|| port.is_refusing()));
            port.hang_up(Direction::Both);
        }
        Self { ports }
    }

    /// Is over when this returns, unless another one is under way: connections are accepted.
    pub fn end(self) {}
}

impl Drop for Outage {
    fn drop(&mut self) {
        for port in &self.ports {
            lock(&port.state).outages -= 1;
            port.shutdown.look_again();
            let settled = || !port.is_refusing() || port.is_unwanted();
            drop(port.shutdown.wait_until(settled));
        }
    }
}
