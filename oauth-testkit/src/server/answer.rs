//! From a scripted reply to what goes on the wire.

use serde_json::{Map, Value};

use crate::reply::{Content, Fields, Reply};
use crate::server::http1::Response;
use crate::server::net::Answer;
use crate::server::state::ServerState;

/// Waits for the time of the reply and makes the response it stands for; `judge` makes the one of the
/// endpoint itself, adorned already. An `Err` is an answer that is no response.
pub(crate) fn carry_out(
    state: &ServerState,
    reply: &Reply,
    by_header: bool,
    judge: impl FnOnce() -> Response,
) -> Result<Response, Answer> {
    state.hold(reply).map_err(|_| Answer::Close)?;
    match &reply.content {
        Content::Usual | Content::Token { .. } => Ok(judge()),
        Content::OAuthError { code, fields } => {
            Ok(reply.adorn(error_response(code, fields, by_header)))
        }
        Content::Fixed {
            status,
            headers,
            body,
        } => Ok(reply.adorn(Response {
            status: *status,
            headers: headers.clone(),
            body: body.clone(),
        })),
        Content::Raw(bytes) => Err(Answer::Raw(bytes.clone())),
        Content::Reset => Err(Answer::Reset),
        Content::Hang => {
            state.hang();
            Err(Answer::Close)
        }
    }
}

impl Reply {
    /// Gives a response the status and the headers that the reply was told to have.
    pub(crate) fn adorn(&self, mut response: Response) -> Response {
        response.status = self.status.unwrap_or(response.status);
        response.override_headers(&self.headers);
        response
    }
}

/// An error response of RFC 6749 §5.2.
pub(crate) fn error_response(code: &str, fields: &Fields, by_header: bool) -> Response {
    let mut body = Map::new();
    body.insert("error".to_owned(), code.into());
    apply(fields, &mut body);
    let status = if code == "invalid_client" { 401 } else { 400 };
    let response = Response::json(status, &Value::from(body))
        .header("Cache-Control", "no-store")
        .header("Pragma", "no-cache");
    if status == 401 && by_header {
        response.header("WWW-Authenticate", r#"Basic realm="token""#)
    } else {
        response
    }
}

pub(crate) fn apply(fields: &Fields, body: &mut Map<String, Value>) {
    for (name, value) in fields {
        match value {
            Some(value) => body.insert(name.clone(), value.clone()),
            None => body.remove(name),
        };
    }
}
