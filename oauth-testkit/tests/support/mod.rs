//! A client that knows nothing but bytes on a socket.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary uses its own part"
)]

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use oauth_testkit::FakeTokenServer;
use serde_json::Value;

pub const BASIC: &str = "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n";
pub const GRANT: &str = "grant_type=client_credentials";

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub fn token(&self) -> String {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    pub fn error(&self) -> String {
        self.json()["error"]
            .as_str()
            .expect("an error code")
            .to_owned()
    }

    /// That the error is described in words with these among them.
    #[track_caller]
    pub fn assert_description(&self, words: &str) {
        let told = self.json()["error_description"]
            .as_str()
            .expect("a description")
            .to_owned();
        assert!(told.contains(words), "{told:?} is not {words:?}");
    }
}

/// One connection, kept alive as long as the server does.
pub struct Client<S = TcpStream> {
    pub stream: S,
    buffer: Vec<u8>,
}

impl Client {
    /// To the origin of a URL.
    pub fn to(url: &str) -> Self {
        let authority = url
            .trim_start_matches("http://")
            .split('/')
            .next()
            .expect("an authority");
        let stream = TcpStream::connect(authority).expect("the server accepts");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        Self::over(stream)
    }
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the server reads");
    }

    pub fn exchange(&mut self, bytes: impl AsRef<[u8]>) -> Response {
        self.send(bytes);
        self.response().expect("a whole response")
    }

    /// Reads one response; an error if the connection ends within it.
    pub fn response(&mut self) -> io::Result<Response> {
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill()?;
        };
        let head: Vec<u8> = self.buffer.drain(..head_end).collect();
        let head = String::from_utf8(head).expect("an ASCII head");
        let status = head[9..12].parse().expect("a status");
        let mut response = Response {
            status,
            head,
            body: Vec::new(),
        };
        let length = response
            .header("Content-Length")
            .map_or(0, |text| text.parse().expect("a length"));
        while self.buffer.len() < length {
            self.fill()?;
        }
        response.body = self.buffer.drain(..length).collect();
        Ok(response)
    }

    /// Everything until the connection ends, and the error if it did not end well.
    pub fn rest(&mut self) -> (Vec<u8>, Option<io::ErrorKind>) {
        let mut rest = std::mem::take(&mut self.buffer);
        let error = self
            .stream
            .read_to_end(&mut rest)
            .err()
            .map(|error| error.kind());
        (rest, error)
    }

    pub fn is_closed(&mut self) -> bool {
        self.rest() == (Vec::new(), None)
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 4096];
        let read = self.stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&piece[..read]);
        Ok(())
    }
}

/// A token request; `headers` are whole lines.
pub fn form(headers: &str, body: &str) -> String {
    format!(
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    )
}

/// The token request that nothing is wrong with.
pub fn good() -> String {
    form(BASIC, GRANT)
}

pub fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
}

/// Sends one token request on a connection of its own.
pub fn ask(server: &FakeTokenServer, request: impl AsRef<[u8]>) -> Response {
    Client::to(&server.token_url()).exchange(request)
}

/// Sends one API request on a connection of its own.
pub fn call(server: &FakeTokenServer, request: impl AsRef<[u8]>) -> Response {
    Client::to(&server.api_url()).exchange(request)
}
