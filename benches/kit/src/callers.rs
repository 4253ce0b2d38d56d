//! Many callers at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use tokio::task::{JoinSet, yield_now};

use crate::stopwatch::{Stopwatch, process_cpu};

/// What callers felt.
#[derive(Debug)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.len()
    }

    /// The nanoseconds that this share of the calls did not exceed.
    #[must_use]
    pub fn at(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64
    }

    /// The nanoseconds of the longest call.
    #[must_use]
    pub fn worst(&self) -> f64 {
        self.0.max() as f64
    }

    /// How many calls took at least so long.
    #[must_use]
    pub fn stalls(&self, limit: Duration) -> u64 {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        self.0.count_between(limit, u64::MAX)
    }
}

/// Has tasks call in a loop for so long, and tells how long their calls took.
///
/// # Errors
///
/// The first error of a call.
pub async fn watch<C, F>(tasks: usize, duration: Duration, call: C) -> Result<Latencies>
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let is_over = Arc::new(AtomicBool::new(false));
    let mut set = JoinSet::new();
    for _ in 0..tasks {
        let (call, is_over) = (call.clone(), Arc::clone(&is_over));
        set.spawn(async move {
            let mut latencies = Histogram::<u64>::new(3)?;
            while !is_over.load(Ordering::Relaxed) {
                let watch = Stopwatch::start();
                call().await?;
                latencies.record(watch.nanos() as u64)?;
                yield_now().await;
            }
            Ok::<_, anyhow::Error>(latencies)
        });
    }
    pause(duration).await;
    is_over.store(true, Ordering::Relaxed);
    let mut all = Histogram::new(3)?;
    while let Some(of_one) = set.join_next().await {
        all.add(of_one??)?;
    }
    Ok(Latencies(all))
}

/// Has so many tasks call once, all at the same time, and tells how long it took until all were served.
///
/// # Errors
///
/// The first error of a call.
pub async fn at_once_by_all<C, F>(tasks: usize, call: C) -> Result<Duration>
where
    C: Fn() -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let watch = Stopwatch::start();
    let mut set = JoinSet::new();
    for _ in 0..tasks {
        set.spawn(call());
    }
    while let Some(done) = set.join_next().await {
        done??;
    }
    Ok(watch.elapsed())
}

/// How many calls there were in a second.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Of time.
    pub per_second: f64,
    /// Of processor time of the whole process, where the system tells; else of time. On a machine that others use too
    /// it tells what the calls cost, and nothing about the others.
    pub per_cpu_second: f64,
}

/// Calls a second: `calls` of them, by so many tasks at the same time.
///
/// # Errors
///
/// The first error of a call.
pub async fn rate<C, F>(tasks: usize, calls: usize, call: C) -> Result<Rate>
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let each = calls.div_ceil(tasks);
    let before = process_cpu();
    let took = at_once_by_all(tasks, || {
        let call = call.clone();
        async move {
            for _ in 0..each {
                call().await?;
            }
            Ok(())
        }
    })
    .await?;
    let cpu = process_cpu()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    let calls = (each * tasks) as f64;
    Ok(Rate {
        per_second: calls / took.as_secs_f64(),
        per_cpu_second: calls / cpu.unwrap_or(took).as_secs_f64(),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "what callers feel is measured in real time, for a set time"
)]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::Loopback;
    use tokio::runtime::Runtime;

    #[test]
    fn calls_are_counted_and_timed() {
        let runtime = Runtime::new().unwrap();
        let latencies = runtime
            .block_on(watch(4, Duration::from_millis(20), || async {
                yield_now().await;
                Ok(())
            }))
            .unwrap();
        assert!(latencies.calls() >= 4);
        assert!(latencies.at(0.5) <= latencies.worst());
        assert_eq!(latencies.stalls(Duration::from_secs(100)), 0);
        assert_eq!(latencies.stalls(Duration::ZERO), latencies.calls());
    }

    #[test]
    fn an_error_of_one_caller_is_told() {
        let runtime = Runtime::new().unwrap();
        let outcome = runtime.block_on(rate(3, 9, || async { anyhow::bail!("no") }));
        assert!(outcome.is_err());
    }

    #[test]
    fn the_server_answers_one_request_after_the_other() {
        use std::io::{Read as _, Write as _};
        let server = Loopback::start().unwrap();
        let address = server.origin().replace("http://", "");
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        for _ in 0..2 {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a").unwrap();
            stream.write_all(b"\r\n\r\n").unwrap();
            let mut answer = [0; 70];
            let length = stream.read(&mut answer).unwrap();
            assert!(answer[..length].ends_with(b"\r\n\r\nok"));
        }
    }
}
