//! What the program writes of each request: two lines of JSON, when it arrives and when its answer is ready.

use std::fmt;
use std::io::{self, Write};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use oauth_core::{Clock, SystemClock};
use serde_json::{Map, Value, json};

use crate::fault::Fault;
use crate::program::fault_form::fault_names;
use crate::server::witness::{Outcome, Sighting, Witness};
use crate::sync::lock;

pub(super) struct RequestLog<W> {
    to: Mutex<State<W>>,
}

struct State<W> {
    writer: W,
    numbers: u64,
}

impl RequestLog<io::Stderr> {
    pub(super) fn to_stderr() -> Self {
        Self {
            to: Mutex::new(State {
                writer: io::stderr(),
                numbers: 0,
            }),
        }
    }
}

impl<W: Write + Send> Witness for RequestLog<W> {
    fn arrived(&self, request: &Sighting) -> u64 {
        let mut state = lock(&self.to);
        state.numbers += 1;
        let number = state.numbers;
        let mut line = match request {
            Sighting::AtTokenOrigin(request) => {
                let params = request.params().iter();
                let params: Vec<_> = params.map(|(name, value)| [name, value]).collect();
                let clients = request.client_auths().iter();
                let clients: Vec<_> = clients.map(|auth| &auth.client_id).collect();
                json!({
                    "origin": "token",
                    "method": request.method(),
                    "target": request.path_and_query(),
                    "params": params,
                    "clients": clients,
                })
            }
            Sighting::AtApi(seen) => json!({
                "origin": "api",
                "method": seen.method,
                "target": seen.path_and_query,
            }),
        };
        state.write("arrived", number, &mut line);
        number
    }

    fn answered(&self, number: u64, outcome: Outcome, faults: &[Fault]) {
        let mut line = match outcome {
            Outcome::Status(status) => json!({ "status": status }),
            Outcome::Raw => json!({ "ends": "raw bytes" }),
            Outcome::Reset => json!({ "ends": "reset" }),
            Outcome::Closed => json!({ "ends": "closed" }),
        };
        // A status that the client never gets to see would be half the truth.
        if !faults.is_empty() {
            line["faults"] = fault_names(faults);
        }
        lock(&self.to).write("answered", number, &mut line);
    }
}

impl<W: Write> State<W> {
    fn write(&mut self, event: &str, number: u64, members: &mut Value) {
        let now = SystemClock::new().wall();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut line = Map::new();
        line.insert("time".to_owned(), since.as_secs_f64().into());
        line.insert("event".to_owned(), event.into());
        line.insert("request".to_owned(), number.into());
        if let Value::Object(members) = members {
            line.append(members);
        }
        // Nobody listens any more: that is no reason to stop.
        let _ = writeln!(self.writer, "{}", Value::from(line));
    }
}

impl<W> fmt::Debug for RequestLog<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestLog")
    }
}
