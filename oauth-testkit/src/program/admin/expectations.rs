//! What the admin API does with expectations and outages.

use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;

use crate::program::admin::Admin;
use crate::program::admin::call::{Call, Refusal};
use crate::program::admin::handlers::{Log, Origin};
use crate::program::script::MatchForm;
use crate::server::{Outage, Response};
use crate::sync::lock;

type Handled = Result<Response, Refusal>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectationForm {
    at: Log,
    #[serde(default)]
    when: MatchForm,
    times: Option<usize>,
    at_least: Option<usize>,
    at_most: Option<usize>,
}

impl ExpectationForm {
    /// How many, both included.
    fn bounds(&self) -> Result<(usize, Option<usize>), Refusal> {
        match (self.times, self.at_least, self.at_most) {
            (Some(times), None, None) => Ok((times, Some(times))),
            (Some(_), ..) => Err(Refusal::bad(
                "\"times\" stands without \"at_least\" and \"at_most\"",
            )),
            (None, None, None) => Ok((1, None)),
            (None, least, most) => Ok((least.unwrap_or_default(), most)),
        }
    }
}

pub(super) fn expect(admin: &Admin, call: &Call<'_>) -> Handled {
    let form: ExpectationForm = call.body()?;
    let (least, most) = form.bounds()?;
    match form.at {
        Log::Token => {
            let requests = form.when.token_requests().map_err(Refusal::bad)?;
            admin.server.expect(requests).bounds(least, most);
        }
        Log::Api => {
            let requests = form.when.api_requests().map_err(Refusal::bad)?;
            admin.server.expect(requests).bounds(least, most);
        }
        Log::Other => {
            let requests = form.when.other_requests().map_err(Refusal::bad)?;
            admin.server.expect_other(requests).bounds(least, most);
        }
    }
    Ok(Response::new(204))
}

pub(super) fn verify(admin: &Admin, _: &Call<'_>) -> Handled {
    let unmet = admin.server.unmet_expectations();
    let verdict = json!({ "met": unmet.is_empty(), "unmet": unmet });
    Ok(Response::json(200, &verdict))
}

pub(super) fn forget(admin: &Admin, _: &Call<'_>) -> Handled {
    admin.server.forget_expectations();
    Ok(Response::new(204))
}

/// The outages under way, at most one of each origin.
#[derive(Debug, Default)]
pub(super) struct Outages {
    token: Mutex<Option<Outage>>,
    api: Mutex<Option<Outage>>,
}

impl Outages {
    pub(super) fn end_all(&self) {
        for outage in [&self.token, &self.api] {
            lock(outage).take();
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutageForm {
    at: Origin,
    down: bool,
}

pub(super) fn outage(admin: &Admin, call: &Call<'_>) -> Handled {
    let form: OutageForm = call.body()?;
    let outage = match form.at {
        Origin::Token => &admin.outages.token,
        Origin::Api => &admin.outages.api,
    };
    let mut outage = lock(outage);
    match (form.down, form.at) {
        (false, _) => *outage = None,
        (true, _) if outage.is_some() => {}
        (true, Origin::Token) => *outage = Some(admin.server.refuse_token_connections()),
        (true, Origin::Api) => *outage = Some(admin.server.refuse_api_connections()),
    }
    Ok(Response::new(204))
}
