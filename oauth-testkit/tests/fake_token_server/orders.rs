//! What the tests have the program do and ask it for.

use serde_json::{Value, json};

use crate::program::{Program, request};
use crate::support::{Client, Response, good};

pub(crate) fn script(program: &Program, to: &str, reply: Value) {
    program.order("POST", "/replies", json!({ "to": to, "reply": reply }));
}

pub(crate) fn call_api(program: &Program, token: &str) -> Response {
    let head = format!("Authorization: Bearer {token}\r\n");
    Client::to(&program.url("api_url")).exchange(request("GET", "/things", &head, ""))
}

pub(crate) fn open_token_request(program: &Program) -> Client {
    let mut client = Client::to(&program.url("token_url"));
    client.send(good());
    client
}
