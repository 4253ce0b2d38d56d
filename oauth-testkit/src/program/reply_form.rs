//! A [`Reply`] as JSON says it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::program::gates::Gates;
use crate::reply::Reply;

/// More would only prove that a machine runs out of memory.
const MOST_BYTES: usize = 256 * 1024 * 1024;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyForm {
    kind: Kind,
    status: Option<u16>,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<String>,
    body_base64: Option<String>,
    #[serde(default, deserialize_with = "even_null")]
    json: Option<Value>,
    expires_in: Option<i64>,
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default)]
    without_fields: Vec<String>,
    error: Option<String>,
    description: Option<String>,
    uri: Option<String>,
    location: Option<String>,
    bytes: Option<usize>,
    after_millis: Option<u64>,
    #[serde(default)]
    gates: Vec<String>,
    gate_after_headers: Option<String>,
    gate_in_body: Option<BodyGateForm>,
    drip: Option<DripForm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Usual,
    Token,
    SameToken,
    OauthError,
    Status,
    Html,
    Redirect,
    Oversized,
    Truncated,
    Raw,
    Reset,
    Hang,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DripForm {
    bytes: usize,
    pause_millis: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyGateForm {
    bytes: usize,
    gate: String,
}

/// A reply that is right, but for its gates, which come to be when it is scripted.
#[derive(Clone, Debug)]
pub(super) struct CheckedReply {
    reply: Reply,
    gates: Vec<String>,
    gate_in_body: Option<BodyGateForm>,
}

impl CheckedReply {
    pub(super) fn with_gates(self, gates: &Gates) -> Reply {
        let names = self.gates.iter();
        let reply = names.fold(self.reply, |reply, name| reply.gated(&gates.named(name)));
        match &self.gate_in_body {
            Some(BodyGateForm { bytes, gate }) => reply.gated_in_body(*bytes, &gates.named(gate)),
            None => reply,
        }
    }
}

impl ReplyForm {
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn check(self) -> Result<CheckedReply, String> {
        self.refuse_what_does_not_belong()?;
        let mut reply = self.content()?;
        if let Some(status) = self.status.filter(|_| self.kind != Kind::Redirect) {
            reply = reply.with_status(checked_status(status)?);
        }
        reply = self.with_members(reply);
        reply = self.with_body(reply)?;
        for (name, value) in headers(&self.headers)? {
            reply = reply.header(name, value);
        }
        if let Some(millis) = self.after_millis {
            reply = reply.after(Duration::from_millis(millis));
        }
        if let Some(drip) = self.drip {
            reply = reply.drip(drip.bytes, Duration::from_millis(drip.pause_millis));
        }
        let (gates, mut gate_in_body) = (self.gates, self.gate_in_body);
        if let Some(gate) = self.gate_after_headers {
            if gate_in_body.is_some() {
                let both = "only one of \"gate_after_headers\" and \"gate_in_body\" holds";
                return Err(both.into());
            }
            gate_in_body = Some(BodyGateForm { bytes: 0, gate });
        }
        let in_body = gate_in_body.as_ref().map(|form| &form.gate);
        if gates.iter().chain(in_body).any(|name| !is_gate_name(name)) {
            return Err("the name of a gate is made of letters, digits, '-', '.' and '_'".into());
        }
        Ok(CheckedReply {
            reply,
            gates,
            gate_in_body,
        })
    }

    fn content(&self) -> Result<Reply, String> {
        Ok(match self.kind {
            Kind::Usual => Reply::usual(),
            Kind::Token => Reply::token(),
            Kind::SameToken => Reply::same_token(),
            Kind::OauthError => Reply::oauth_error(self.required(&self.error, "error")?),
            Kind::Status => Reply::status(checked_status(self.required(&self.status, "status")?)?),
            Kind::Html => Reply::html(),
            Kind::Redirect => {
                let status = checked_status(self.status.unwrap_or(307))?;
                Reply::redirect(status, self.required(&self.location, "location")?)
            }
            Kind::Oversized => Reply::oversized(self.length()?),
            Kind::Truncated => Reply::truncated(self.length()?),
            Kind::Raw => Reply::raw(self.own_body()?.ok_or_else(|| self.lacks("body"))?),
            Kind::Reset => Reply::reset(),
            Kind::Hang => Reply::hang(),
        })
    }

    /// What the kind of reply has no use for is a mistake: nobody writes it to be ignored.
    fn refuse_what_does_not_belong(&self) -> Result<(), String> {
        use Kind::{
            Hang, Html, OauthError, Oversized, Raw, Redirect, Reset, SameToken, Status, Token,
            Truncated, Usual,
        };
        let no_response = [Raw, Reset, Hang];
        let has_body = self.body.is_some() || self.body_base64.is_some() || self.json.is_some();
        let members = !self.fields.is_empty() || !self.without_fields.is_empty();
        let has_body_gate = self.gate_after_headers.is_some() || self.gate_in_body.is_some();
        let described = self.description.is_some() || self.uri.is_some();
        let is = |kinds: &[Kind]| kinds.contains(&self.kind);
        let rules = [
            ("status", self.status.is_some(), !is(&no_response)),
            ("headers", !self.headers.is_empty(), !is(&no_response)),
            ("drip", self.drip.is_some(), !is(&no_response)),
            ("gate_in_body", has_body_gate, !is(&no_response)),
            (
                "json",
                self.json.is_some(),
                is(&[Usual, Status, Html, Redirect]),
            ),
            ("body", has_body, is(&[Usual, Status, Html, Redirect, Raw])),
            (
                "expires_in",
                self.expires_in.is_some(),
                is(&[Token, SameToken]),
            ),
            ("fields", members, is(&[Token, SameToken, OauthError])),
            ("error", self.error.is_some(), is(&[OauthError])),
            ("description", described, is(&[OauthError])),
            ("location", self.location.is_some(), is(&[Redirect])),
            ("bytes", self.bytes.is_some(), is(&[Oversized, Truncated])),
        ];
        match rules.iter().find(|(_, given, fits)| *given && !fits) {
            Some((name, ..)) => Err(format!("{name:?} is not for a reply of this kind")),
            None => Ok(()),
        }
    }

    fn with_members(&self, mut reply: Reply) -> Reply {
        if let Some(seconds) = self.expires_in {
            reply = reply.expires_in(seconds);
        }
        if let Some(text) = &self.description {
            reply = reply.description(text);
        }
        if let Some(uri) = &self.uri {
            reply = reply.uri(uri);
        }
        for (name, value) in &self.fields {
            reply = reply.field(name, value.clone());
        }
        for name in &self.without_fields {
            reply = reply.without_field(name);
        }
        reply
    }

    fn with_body(&self, reply: Reply) -> Result<Reply, String> {
        let given = [
            self.body.is_some(),
            self.body_base64.is_some(),
            self.json.is_some(),
        ];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err("only one of \"body\", \"body_base64\" and \"json\" can be sent".into());
        }
        if let Some(value) = &self.json {
            return Ok(reply.json(value.clone()));
        }
        match self.own_body()? {
            Some(body) if self.kind != Kind::Raw => Ok(reply.body(body)),
            _ => Ok(reply),
        }
    }

    fn own_body(&self) -> Result<Option<Bytes>, String> {
        match (&self.body, &self.body_base64) {
            (Some(text), _) => Ok(Some(text.clone().into())),
            (None, Some(encoded)) => match STANDARD.decode(encoded) {
                Ok(bytes) => Ok(Some(bytes.into())),
                Err(cause) => Err(format!("\"body_base64\" is not Base64: {cause}")),
            },
            (None, None) => Ok(None),
        }
    }

    fn length(&self) -> Result<usize, String> {
        let bytes = self.required(&self.bytes, "bytes")?;
        if bytes > MOST_BYTES {
            return Err(format!("\"bytes\" is more than {MOST_BYTES}"));
        }
        Ok(bytes)
    }

    fn required<T: Clone>(&self, member: &Option<T>, name: &str) -> Result<T, String> {
        member.clone().ok_or_else(|| self.lacks(name))
    }

    fn lacks(&self, name: &str) -> String {
        format!("a reply of this kind needs {name:?}")
    }
}

pub(super) fn is_gate_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    !name.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn checked_status(status: u16) -> Result<u16, String> {
    if (100..=999).contains(&status) {
        Ok(status)
    } else {
        Err(format!("{status} is not a status: it has three digits"))
    }
}

/// A value is a text, or an array of them for a header that comes more than once.
fn headers(given: &Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    let mut headers = Vec::new();
    for (name, value) in given {
        let values = match value {
            Value::Array(values) => values.iter().collect(),
            one => vec![one],
        };
        for value in values {
            let Value::String(value) = value else {
                return Err(format!(
                    "the header {name:?} is not a text, nor an array of texts"
                ));
            };
            headers.push((name.clone(), value.clone()));
        }
    }
    Ok(headers)
}

/// A member that is there with the value `null` is there.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
