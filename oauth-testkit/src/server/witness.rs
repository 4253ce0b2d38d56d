//! Somebody who is told of every request, when it arrives and when its answer is ready.

use std::fmt;
use std::sync::Arc;

use crate::fault::Fault;
use crate::server::faults::Strikes;
use crate::server::http1::Request;
use crate::server::net::{Answer, Endpoint};
use crate::server::requests::{Seen, TokenRequest};
use crate::server::state::ServerState;
use crate::server::token_request::{ReceivedTokenRequest, seen};

/// Is told of requests, secrets redacted, on the threads that serve them.
pub(crate) trait Witness: fmt::Debug + Send + Sync {
    /// A number for the request, to know its answer by.
    fn arrived(&self, request: &Sighting) -> u64;

    /// What the faults do to the answer is still to come.
    fn answered(&self, number: u64, outcome: Outcome, faults: &[Fault]);
}

pub(crate) enum Sighting {
    AtTokenOrigin(Box<TokenRequest>),
    AtApi(Seen),
}

/// How the answer begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Status(u16),
    Raw,
    Reset,
    Closed,
}

/// Both endpoints, watched if there is a witness.
pub(crate) fn observed(
    state: &Arc<ServerState>,
    token: Arc<dyn Endpoint>,
    api: Arc<dyn Endpoint>,
) -> (Arc<dyn Endpoint>, Arc<dyn Endpoint>) {
    let Some(witness) = &state.witness else {
        return (token, api);
    };
    let watch = |endpoint, at_api| -> Arc<dyn Endpoint> {
        Arc::new(Observed {
            state: Arc::clone(state),
            witness: Arc::clone(witness),
            endpoint,
            at_api,
        })
    };
    (watch(token, false), watch(api, true))
}

struct Observed {
    state: Arc<ServerState>,
    witness: Arc<dyn Witness>,
    endpoint: Arc<dyn Endpoint>,
    at_api: bool,
}

impl Endpoint for Observed {
    fn receive(&self, request: &mut Request, opens_connection: bool) -> Strikes {
        self.endpoint.receive(request, opens_connection)
    }

    fn answer(&self, request: &Request) -> Answer {
        let number = self.witness.arrived(&if self.at_api {
            Sighting::AtApi(seen(request))
        } else {
            let received = ReceivedTokenRequest::read(request);
            Sighting::AtTokenOrigin(Box::new(received.for_log(&self.state.clients)))
        });
        let answer = self.endpoint.answer(request);
        let outcome = match &answer {
            Answer::Respond { response, .. } => Outcome::Status(response.status),
            Answer::Raw(_) => Outcome::Raw,
            Answer::Reset => Outcome::Reset,
            Answer::Close => Outcome::Closed,
        };
        self.witness.answered(number, outcome, &request.faults);
        answer
    }

    fn closed(&self) {
        self.endpoint.closed();
    }
}
