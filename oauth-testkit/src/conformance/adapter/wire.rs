//! A server of a few bytes: it answers what no proper server would, and sees what arrives in the clear.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::HeaderMap;

use super::world::Count;
use crate::server::{Answer, Endpoint, HttpServer, Received};
use crate::shutdown::Shutdown;
use crate::sync::lock;

/// Answers each request with given bytes and closes the connection, whatever the bytes say. After the last
/// answer it closes at once.
pub(super) struct Wire {
    server: HttpServer,
    line: Arc<Line>,
}

pub(super) struct Seen {
    pub(super) headers: HeaderMap,
}

#[derive(Default)]
struct Line {
    answers: Mutex<VecDeque<Bytes>>,
    seen: Mutex<Vec<Arc<Seen>>>,
    closed: Count,
}

impl Wire {
    pub(super) fn answering<B: Into<Bytes>>(answers: impl IntoIterator<Item = B>) -> Self {
        let line = Arc::new(Line::default());
        *lock(&line.answers) = answers.into_iter().map(Into::into).collect();
        let endpoint = Arc::clone(&line);
        let server = HttpServer::start("wire", endpoint, Arc::new(Shutdown::default()))
            .expect("a server can be started on loopback");
        Self { server, line }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    pub(super) fn requests(&self) -> Vec<Arc<Seen>> {
        lock(&self.line.seen).clone()
    }

    /// Blocks until so many connections have been closed from this side.
    pub(super) fn await_closed(&self, count: usize) {
        let closed = self.line.closed.wait(count);
        assert!(closed >= count, "{closed} connections were closed");
    }
}

impl Endpoint for Line {
    fn answer(&self, request: &Received) -> Answer {
        lock(&self.seen).push(Arc::new(Seen {
            headers: request.headers.clone(),
        }));
        match lock(&self.answers).pop_front() {
            Some(bytes) => Answer::Raw(bytes),
            None => Answer::Close,
        }
    }

    fn closed(&self) {
        self.closed.add();
    }
}
