//! What the admin API does with requests.

use std::time::{Duration, UNIX_EPOCH};

use oauth_core::Clock;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::program::admin::Admin;
use crate::program::admin::call::{Call, Refusal};
use crate::program::admin::routes::OPENAPI;
use crate::program::fault_form::{Faults, PlannedFault};
use crate::program::request_form::{api_request, token_request};
use crate::program::script::{MatchForm, ScriptedForm};
use crate::server::Response;

type Handled = Result<Response, Refusal>;

const LONGEST_WAIT: u64 = 60_000;

/// How long the end of the program may go unseen by who waits for requests.
const SLICE: u64 = 100;

/// What no clock gets to: a thousand years.
const FARTHEST: f64 = 1000.0 * 365.0 * 86_400.0;

pub(super) fn health(_: &Admin, _: &Call<'_>) -> Handled {
    Ok(Response::json(200, &json!({ "status": "ok" })))
}

pub(super) fn urls(admin: &Admin, _: &Call<'_>) -> Handled {
    Ok(Response::json(200, &admin.urls()))
}

pub(super) fn openapi(_: &Admin, _: &Call<'_>) -> Handled {
    let mut response = Response::new(200).header("Content-Type", "application/json");
    response.body = OPENAPI.into();
    Ok(response)
}

pub(super) fn script(admin: &Admin, call: &Call<'_>) -> Handled {
    let one_or_more = match call.body()? {
        Value::Array(forms) => forms,
        one => vec![one],
    };
    let forms = one_or_more.into_iter().enumerate().map(|(index, form)| {
        let read = serde_json::from_value::<ScriptedForm>(form);
        read.map_err(|cause| Refusal::bad(format!("reply {}: {cause}", index + 1)))
    });
    let forms = forms.collect::<Result<_, _>>()?;
    let scripted = admin.script(forms).map_err(Refusal::bad)?;
    Ok(Response::json(200, &json!({ "scripted": scripted })))
}

pub(super) fn reset_replies(admin: &Admin, _: &Call<'_>) -> Handled {
    admin.server.reset_replies();
    Ok(Response::new(204))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsForm {
    at: Origin,
    #[serde(default)]
    seed: u64,
    faults: Vec<PlannedFault>,
}

pub(super) fn set_faults(admin: &Admin, call: &Call<'_>) -> Handled {
    let form: FaultsForm = call.body()?;
    let (server, gates) = (&admin.server, &admin.gates);
    match form.at {
        Origin::Token => {
            let requests = MatchForm::token_requests;
            let faults = Faults::check(form.seed, form.faults, gates, requests);
            let faults = faults.map_err(Refusal::bad)?;
            server.forget_token_faults();
            server.set_token_faults(faults.plan(server));
        }
        Origin::Api => {
            let requests = MatchForm::api_requests;
            let faults = Faults::check(form.seed, form.faults, gates, requests);
            let faults = faults.map_err(Refusal::bad)?;
            server.forget_api_faults();
            server.set_api_faults(faults.plan(server));
        }
    }
    Ok(Response::new(204))
}

pub(super) fn clear_faults(admin: &Admin, _: &Call<'_>) -> Handled {
    admin.server.clear_faults();
    Ok(Response::new(204))
}

pub(super) fn requests(admin: &Admin, call: &Call<'_>) -> Handled {
    let bodies = match call.only_query("bodies")?.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Refusal::bad("\"bodies\" is true or false")),
    };
    let server = &admin.server;
    let token: Vec<Value> = server.token_requests().iter().map(token_request).collect();
    let other: Vec<Value> = server.other_requests().iter().map(token_request).collect();
    let seen = server.api_requests();
    let api: Vec<Value> = seen
        .iter()
        .map(|request| api_request(request, bodies))
        .collect();
    let requests = json!({ "token": token, "api": api, "other": other });
    Ok(Response::json(200, &requests))
}

pub(super) fn clear_requests(admin: &Admin, _: &Call<'_>) -> Handled {
    admin.server.clear_log();
    Ok(Response::new(204))
}

pub(super) fn counts(admin: &Admin, _: &Call<'_>) -> Handled {
    let server = &admin.server;
    let counts = json!({
        "token_requests": server.token_request_count(),
        "api_requests": server.api_request_count(),
        "other_requests": server.other_request_count(),
        "max_concurrent_token_requests": server.max_concurrent_token_requests(),
        "max_concurrent_api_requests": server.max_concurrent_api_requests(),
        "issued_tokens": server.issued(),
    });
    Ok(Response::json(200, &counts))
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    Token,
    Api,
}

/// The parts of the log.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Log {
    Token,
    Api,
    Other,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AwaitForm {
    at: Log,
    count: usize,
    #[serde(default = "ten_seconds")]
    within_millis: u64,
}

fn ten_seconds() -> u64 {
    10_000
}

pub(super) fn await_requests(admin: &Admin, call: &Call<'_>) -> Handled {
    let form: AwaitForm = call.body()?;
    if form.within_millis > LONGEST_WAIT {
        let detail = format!("\"within_millis\" is more than {LONGEST_WAIT}");
        return Err(Refusal::bad(detail));
    }
    let server = &admin.server;
    let arrive = |millis| {
        let patience = Duration::from_millis(millis);
        match form.at {
            Log::Token => server.token_requests_arrive(form.count, patience),
            Log::Api => server.api_requests_arrive(form.count, patience),
            Log::Other => server.other_requests_arrive(form.count, patience),
        }
    };
    let mut left = form.within_millis;
    let mut arrived = arrive(left.min(SLICE));
    while !arrived && left > SLICE && !admin.shutdown.is_stopped() {
        left -= SLICE;
        arrived = arrive(left.min(SLICE));
    }
    let count = match form.at {
        Log::Token => server.token_request_count(),
        Log::Api => server.api_request_count(),
        Log::Other => server.other_request_count(),
    };
    let outcome = json!({ "arrived": arrived, "count": count });
    Ok(Response::json(200, &outcome))
}

pub(super) fn gates(admin: &Admin, _: &Call<'_>) -> Handled {
    let gates = admin.gates.all().into_iter();
    let gates: Vec<Value> = gates
        .map(|(name, open)| json!({ "name": name, "open": open }))
        .collect();
    Ok(Response::json(200, &json!({ "gates": gates })))
}

pub(super) fn open_gate(admin: &Admin, call: &Call<'_>) -> Handled {
    if admin.gates.open(call.name) {
        Ok(Response::new(204))
    } else {
        Err(no_gate(call.name))
    }
}

pub(super) fn forget_gate(admin: &Admin, call: &Call<'_>) -> Handled {
    if admin.gates.forget(call.name) {
        Ok(Response::new(204))
    } else {
        Err(no_gate(call.name))
    }
}

fn no_gate(name: &str) -> Refusal {
    let detail = format!("no reply and no fault has a gate {name:?}");
    Refusal::new(404, "not_found", detail)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenForm {
    token: String,
}

pub(super) fn issue_token(admin: &Admin, call: &Call<'_>) -> Handled {
    let form: TokenForm = call.body()?;
    admin.server.issue_token(form.token);
    Ok(Response::new(204))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefreshTokenForm {
    client_id: String,
    scope: Option<String>,
}

pub(super) fn issue_refresh_token(admin: &Admin, call: &Call<'_>) -> Handled {
    let form: RefreshTokenForm = call.body()?;
    let server = &admin.server;
    let token = server.issue_refresh_token(&form.client_id, form.scope.as_deref());
    Ok(Response::json(200, &json!({ "refresh_token": token })))
}

pub(super) fn revoke(admin: &Admin, call: &Call<'_>) -> Handled {
    let form: TokenForm = call.body()?;
    let revoked = admin.server.revoke(&form.token);
    Ok(Response::json(200, &json!({ "revoked": revoked })))
}

pub(super) fn revoke_all(admin: &Admin, _: &Call<'_>) -> Handled {
    admin.server.revoke_all();
    Ok(Response::new(204))
}

pub(super) fn clock(admin: &Admin, _: &Call<'_>) -> Handled {
    let wall = admin.clock.wall().duration_since(UNIX_EPOCH);
    let clock = json!({
        "runs": admin.clock.runs(),
        "elapsed_seconds": admin.clock.elapsed().as_secs_f64(),
        "unix_seconds": wall.map_or(0.0, |since| since.as_secs_f64()),
    });
    Ok(Response::json(200, &clock))
}

#[derive(Deserialize)]
enum ClockMove {
    #[serde(rename = "advance_seconds")]
    Advance(f64),
    #[serde(rename = "suspend_seconds")]
    Suspend(f64),
    #[serde(rename = "step_seconds")]
    Step(i64),
}

pub(super) fn move_clock(admin: &Admin, call: &Call<'_>) -> Handled {
    let hand = admin.clock.hand();
    match call.body()? {
        ClockMove::Advance(seconds) => hand.advance(duration(seconds)?),
        ClockMove::Suspend(seconds) => hand.suspend(duration(seconds)?),
        ClockMove::Step(seconds) => {
            duration(seconds.unsigned_abs() as f64)?;
            hand.step_wall(seconds);
        }
    }
    clock(admin, call)
}

fn duration(seconds: f64) -> Result<Duration, Refusal> {
    let duration = Duration::try_from_secs_f64(seconds).ok();
    let duration = duration.filter(|_| seconds <= FARTHEST);
    duration.ok_or_else(|| Refusal::bad("a clock is not moved back, nor beyond a thousand years"))
}

pub(super) fn renew_dpop_nonces(admin: &Admin, _: &Call<'_>) -> Handled {
    admin.server.renew_dpop_nonces();
    Ok(Response::new(204))
}

pub(super) fn reset(admin: &Admin, _: &Call<'_>) -> Handled {
    admin.server.reset_replies();
    admin.server.clear_faults();
    admin.server.reset_tls_faults();
    admin.server.forget_expectations();
    admin.outages.end_all();
    // Only now, so that what they held does not go on to the next scripted reply.
    admin.gates.reset();
    admin.server.clear_log();
    Ok(Response::new(204))
}

pub(super) fn stop(admin: &Admin, _: &Call<'_>) -> Handled {
    // Nobody hears it only when the end is under way.
    let _ = admin.stop.send(());
    let response = Response::json(202, &json!({ "stopping": true }));
    Ok(response.header("Connection", "close"))
}
