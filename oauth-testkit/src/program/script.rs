//! Replies with the place they are for, as JSON says it.

use serde::Deserialize;

use crate::program::gates::Gates;
use crate::program::reply_form::{CheckedReply, ReplyForm};
use crate::reply::Reply;
use crate::server::FakeTokenServer;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptedForm {
    to: Place,
    #[serde(default)]
    uses: Uses,
    reply: ReplyForm,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Token,
    Api,
    Metadata,
    Introspection,
    Revocation,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Uses {
    #[default]
    Once,
    Always,
}

/// All of it, or nothing if anything is wrong with it.
///
/// # Errors
///
/// What is wrong.
pub(super) fn script(
    forms: Vec<ScriptedForm>,
    server: &FakeTokenServer,
    gates: &Gates,
) -> Result<usize, String> {
    let checked: Vec<Scripted> = forms
        .into_iter()
        .enumerate()
        .map(|(index, form)| {
            let checked = Scripted::check(form);
            checked.map_err(|problem| format!("reply {}: {problem}", index + 1))
        })
        .collect::<Result<_, _>>()?;
    let count = checked.len();
    for scripted in checked {
        (scripted.give)(server, scripted.reply.with_gates(gates));
    }
    Ok(count)
}

struct Scripted {
    give: fn(&FakeTokenServer, Reply),
    reply: CheckedReply,
}

impl Scripted {
    fn check(form: ScriptedForm) -> Result<Self, String> {
        let give: fn(&FakeTokenServer, Reply) = match (form.to, form.uses) {
            (Place::Token, Uses::Once) => FakeTokenServer::next_token_reply,
            (Place::Token, Uses::Always) => FakeTokenServer::always_token_reply,
            (Place::Api, Uses::Once) => FakeTokenServer::next_api_reply,
            (Place::Api, Uses::Always) => FakeTokenServer::always_api_reply,
            (Place::Metadata, Uses::Once) => FakeTokenServer::next_metadata_reply,
            (Place::Metadata, Uses::Always) => FakeTokenServer::always_metadata_reply,
            (Place::Introspection, Uses::Once) => FakeTokenServer::next_introspection_reply,
            (Place::Revocation, Uses::Once) => FakeTokenServer::next_revocation_reply,
            (Place::Introspection | Place::Revocation, Uses::Always) => {
                return Err("introspection and revocation take replies to be used once".to_owned());
            }
        };
        let reply = form.reply.check()?;
        Ok(Self { give, reply })
    }
}
