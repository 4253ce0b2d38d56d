//! Reading a token response.

use std::hint::black_box;

use allocation_counter::measure as allocations;
use anyhow::{Context as _, Result};
use http::HeaderValue;
use oauth_bench_kit::fixtures::{Canned, ONE_KILOBYTE, at_once, client_credentials};
use oauth_bench_kit::report::{Figure, Section};
use oauth_bench_kit::{Contender, Crew, Quartiles};
use oauth_core::{ClientCredentials, TokenSource};
use serde_json::Value;

use crate::settings::Settings;

const HOW: &str = "A whole token request, but for the network: the request is written, and the answer with a token of \
    1 KB is read, checked and made into a token with its header. Beside it serde_json alone reading the same body, and \
    making the header. One thread, no budget: it happens once in the life of a token.";

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("parsing", "Reading a token response", HOW);
    let token = "t".repeat(ONE_KILOBYTE);
    let usual = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
    let rich = format!(
        r#"{{"access_token":"{token}","token_type":"bearer","expires_in":"3600","refresh_in":1800.5,
            "scope":"read write","refresh_token":"unused","tenant":{{"id":23,"tags":["a","b","c"]}}}}"#
    );
    for (name, body) in [("three members", usual), ("many members", rich)] {
        let source = client_credentials(Canned::new(body.clone())).build()?;
        let counted = allocations(|| request(&source));
        let contenders = [
            Contender::new("ours", move |times| {
                for _ in 0..times {
                    request(&source);
                }
            }),
            Contender::new("serde_json", move |times| {
                for _ in 0..times {
                    black_box(by_serde_json(black_box(&body)).is_ok());
                }
            }),
        ];
        let timings = settings.micro_rounds().run(Crew::Threads(1), &contenders);
        section
            .figures
            .push(Figure::new(name, "ns", timings.of(0)).beside(
                "serde_json and the header",
                timings.of(1),
                timings.ratio(0, 1),
            ));
        section.figures.push(Figure::new(
            format!("allocations: {name}"),
            "",
            Quartiles::exactly(counted.count_total as f64),
        ));
    }
    Ok(section)
}

fn request(source: &ClientCredentials) {
    black_box(at_once(source.token()).is_some_and(|answer| answer.is_ok()));
}

fn by_serde_json(body: &str) -> Result<HeaderValue> {
    let value: Value = serde_json::from_str(body)?;
    let token = value["access_token"]
        .as_str()
        .context("there is no token")?;
    Ok(HeaderValue::from_str(&format!("Bearer {token}"))?)
}
