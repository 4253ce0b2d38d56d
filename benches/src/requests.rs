//! Requests a second, over the same HTTP client with a constant header.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderValue};
use isahc::AsyncReadResponseExt as _;
use oauth_bench_kit::fixtures::ready_source;
use oauth_bench_kit::report::{Bar, Budget, Chart, Figure, Section};
use oauth_bench_kit::{Loopback, Quartiles, Rate, Stopwatch, rate};
use oauth_core::{Authorizer, async_trait};
use oauth_reqwest::OAuthMiddleware;
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use tokio::runtime::Runtime;

use crate::settings::Settings;

const HOW: &str = "Requests a second to a server on the same machine, by tasks on 2 workers, each with a token of 1 KB. \
    In each round every case is run between two runs of its raw client, which sends a constant header; the cases come \
    in an order that is drawn anew. The ratio of a round is that to the mean of its two raw runs. With 64 in \
    flight the processor is what there is too little of, and requests a second of processor time (of the whole \
    process, the server too) are what is judged: they do not depend on what else the machine has to do. One run of the same \
    program may differ from the next by a hundredth, and nothing is judged finer than that.";

/// By how much runs of the same program differ.
const RESOLUTION: f64 = 0.01;

/// Makes requests: so many tasks, so many requests; gives the rate.
type Run = Box<dyn Fn(usize, usize) -> Result<Rate>>;

struct Case {
    name: &'static str,
    beside: &'static str,
    budget: f64,
    raw: Run,
    ours: Run,
}

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("requests", "Requests a second", HOW);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let runtime = Arc::new(runtime);
    let server = Loopback::start()?;
    let cases = cases(&server.origin(), &runtime)?;
    let mut bars = Vec::new();
    for in_flight in [1, 64] {
        let calls = settings.either(if in_flight == 1 { 800 } else { 2_000 }, 64);
        let measured = rounds(
            &cases,
            in_flight,
            calls,
            settings.either(if in_flight == 1 { 41 } else { 121 }, 2),
        )?;
        for (case, samples) in cases.iter().zip(measured) {
            let what = format!("{}, {in_flight} in flight", case.name);
            let [by_time, by_cpu] = samples.figures(&what, case.beside);
            bars.push(Bar {
                label: what,
                value: by_cpu.beside.as_ref().map_or(0.0, |it| it.ratio.median),
                is_ours: true,
            });
            section.figures.push(by_time);
            // One request at a time waits for the network most of its time; what counts is many.
            section.figures.push(if in_flight == 64 {
                by_cpu.budget_to_within(Budget::RatioAtLeast(case.budget), RESOLUTION)
            } else {
                by_cpu
            });
        }
    }
    section.charts.push(Chart {
        title: "Requests a second of processor time over the raw client".to_owned(),
        unit: "ratio".to_owned(),
        logarithmic: false,
        bars,
    });
    Ok(section)
}

/// What a case was measured at, and the raw client beside it: the mean of two.
#[derive(Default)]
struct Samples(Vec<(Rate, Rate)>);

impl Samples {
    /// By time, and by processor time.
    fn figures(self, what: &str, beside: &str) -> [Figure; 2] {
        let figure = |what: String, unit, by: fn(&Rate) -> f64| {
            let over = |value: &dyn Fn(&(Rate, Rate)) -> f64| {
                Quartiles::of(self.0.iter().map(value).collect())
            };
            let ours = over(&|(ours, _)| by(ours));
            let raw = over(&|(_, raw)| by(raw));
            let ratio = over(&|(ours, raw)| by(ours) / by(raw));
            Figure::new(what, unit, ours).beside(beside, raw, ratio)
        };
        [
            figure(what.to_owned(), "/s", |rate| rate.per_second),
            figure(format!("{what}, by processor time"), "/s", |rate| {
                rate.per_cpu_second
            }),
        ]
    }
}

/// On a busy machine: with so many rounds, no more are begun after so long.
const ENOUGH: usize = 41;
const PATIENCE: Duration = Duration::from_secs(150);

fn rounds(cases: &[Case], in_flight: usize, calls: usize, rounds: usize) -> Result<Vec<Samples>> {
    let mut samples: Vec<Samples> = cases.iter().map(|_| Samples::default()).collect();
    let mut order: Vec<usize> = (0..cases.len()).collect();
    for case in cases {
        // Connections are opened before anything counts.
        (case.raw)(in_flight, in_flight * 2)?;
        (case.ours)(in_flight, in_flight * 2)?;
    }
    let watch = Stopwatch::start();
    for round in 0..rounds {
        if round >= ENOUGH && watch.elapsed() > PATIENCE {
            break;
        }
        fastrand::shuffle(&mut order);
        for &index in &order {
            let case = &cases[index];
            let before = (case.raw)(in_flight, calls)?;
            let ours = (case.ours)(in_flight, calls)?;
            let after = (case.raw)(in_flight, calls)?;
            let raw = Rate {
                per_second: f64::midpoint(before.per_second, after.per_second),
                per_cpu_second: f64::midpoint(before.per_cpu_second, after.per_cpu_second),
            };
            samples[index].0.push((ours, raw));
        }
    }
    Ok(samples)
}

fn cases(origin: &str, runtime: &Arc<Runtime>) -> Result<Vec<Case>> {
    let header = constant_header()?;
    let authorizer = Authorizer::new(ready_source()?, [origin])?;
    let url: Arc<str> = format!("{origin}/users/23").into();

    let http = reqwest::Client::builder().no_proxy().build()?;
    let raw = by_reqwest(runtime, &http, &url, &header);
    let api = oauth_reqwest::Client::new(http.clone(), authorizer.clone());
    let target = Arc::clone(&url);
    let ours = run(runtime, move || {
        let request = api.get(&*target);
        async move {
            request.send().await?.bytes().await?;
            Ok(())
        }
    });
    let reqwest = Case {
        name: "reqwest",
        beside: "raw reqwest",
        budget: 0.98,
        raw,
        ours,
    };

    let no_op = ClientBuilder::new(http.clone()).with(NoOp).build();
    let chain = ClientBuilder::new(http)
        .with(OAuthMiddleware::new(authorizer.clone()))
        .build();
    let (target, constant) = (Arc::clone(&url), header.clone());
    let raw = run(runtime, move || {
        let request = no_op.get(&*target).header(AUTHORIZATION, constant.clone());
        async move {
            request.send().await?.bytes().await?;
            Ok(())
        }
    });
    let target = Arc::clone(&url);
    let ours = run(runtime, move || {
        let request = chain.get(&*target);
        async move {
            request.send().await?.bytes().await?;
            Ok(())
        }
    });
    let middleware = Case {
        name: "reqwest-middleware",
        beside: "a middleware that does nothing",
        budget: 0.96,
        raw,
        ours,
    };
    Ok(vec![
        reqwest,
        middleware,
        isahc_case(runtime, &url, header, authorizer)?,
    ])
}

fn by_reqwest(
    runtime: &Arc<Runtime>,
    http: &reqwest::Client,
    url: &Arc<str>,
    header: &HeaderValue,
) -> Run {
    let (http, url, header) = (http.clone(), Arc::clone(url), header.clone());
    run(runtime, move || {
        let request = http.get(&*url).header(AUTHORIZATION, header.clone());
        async move {
            request.send().await?.bytes().await?;
            Ok(())
        }
    })
}

fn isahc_case(
    runtime: &Arc<Runtime>,
    url: &Arc<str>,
    header: HeaderValue,
    authorizer: Authorizer,
) -> Result<Case> {
    let http = isahc::HttpClient::new()?;
    let api = oauth_isahc::Client::new(http.clone(), authorizer);
    let target = Arc::clone(url);
    let raw = run(runtime, move || {
        let (http, target, header) = (http.clone(), Arc::clone(&target), header.clone());
        async move {
            let request = http::Request::get(&*target)
                .header(AUTHORIZATION, header)
                .body(())?;
            http.send_async(request).await?.bytes().await?;
            Ok(())
        }
    });
    let target = Arc::clone(url);
    let ours = run(runtime, move || {
        let (api, target) = (api.clone(), Arc::clone(&target));
        async move {
            let request = http::Request::get(&*target).body(())?;
            api.send_async(request).await?.bytes().await?;
            Ok(())
        }
    });
    Ok(Case {
        name: "isahc",
        beside: "raw isahc",
        budget: 0.98,
        raw,
        ours,
    })
}

fn run<C, F>(runtime: &Arc<Runtime>, call: C) -> Run
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let runtime = Arc::clone(runtime);
    Box::new(move |tasks, calls| runtime.block_on(rate(tasks, calls, call.clone())))
}

fn constant_header() -> Result<HeaderValue> {
    let mut header = None;
    ready_source()?.with_ready(&mut |token| header = Some(token.header().clone()));
    header.ok_or_else(|| anyhow::anyhow!("there is no token"))
}

/// What a chain costs by itself.
struct NoOp;

#[async_trait]
impl Middleware for NoOp {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        next.run(request, extensions).await
    }
}
