//! Rounds in which everything that is compared is measured once.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::{JoinSet, yield_now};

use crate::cores::keep_to_core;
use crate::quartiles::Quartiles;
use crate::start::Start;
use crate::stopwatch::{Stopwatch, thread_cpu};

/// Something to be timed: does its work as often as it is told. The loop is inside, so that nothing is between the
/// work and the clock.
#[derive(Clone)]
pub struct Contender {
    name: &'static str,
    work: Work,
}

type Work = Arc<dyn Fn(u64) + Send + Sync>;

impl Contender {
    /// `work` does its work so many times.
    pub fn new(name: &'static str, work: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self {
            name,
            work: Arc::new(work),
        }
    }

    /// How it is called in the report.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl std::fmt::Debug for Contender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Contender").field(&self.name).finish()
    }
}

/// Who does the work at the same time.
#[derive(Debug, Clone, Copy)]
pub enum Crew<'r> {
    /// So many threads.
    Threads(usize),
    /// So many tasks on a runtime of so many workers; each lets others run after 32 pieces of work.
    Tasks {
        /// The tasks.
        tasks: usize,
        /// The worker threads of the runtime.
        workers: usize,
        /// Where they run.
        runtime: &'r Runtime,
    },
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    /// How many rounds there are, unless they take very long.
    pub rounds: usize,
    /// How often each contender does its work in a round, on each thread.
    pub iterations: u64,
}

impl Rounds {
    /// Times all contenders once in each round, in an order drawn anew for each.
    pub fn run(self, crew: Crew<'_>, contenders: &[Contender]) -> Timings {
        let mut timings = Timings(vec![Vec::with_capacity(self.rounds); contenders.len()]);
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        let watch = Stopwatch::start();
        for round in 0..self.rounds {
            if round >= ENOUGH && watch.elapsed() > PATIENCE {
                break;
            }
            fastrand::shuffle(&mut order);
            for &index in &order {
                let work = &contenders[index].work;
                timings.0[index].push(match crew {
                    Crew::Threads(threads) => {
                        let tries = (0..TRIES).map(|_| together(threads, self.iterations, work));
                        first_undisturbed(tries)
                    }
                    Crew::Tasks {
                        tasks,
                        workers,
                        runtime,
                    } => {
                        let each = (self.iterations * workers as u64).div_ceil(tasks as u64);
                        Sample {
                            nanos: runtime.block_on(in_tasks(tasks, each, work)) * workers as f64,
                            undisturbed: true,
                        }
                    }
                });
            }
        }
        timings
    }
}

/// What rounds have shown, for each contender and round.
#[derive(Debug, Clone)]
pub struct Timings(Vec<Vec<Sample>>);

#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Nanoseconds a piece of work.
    nanos: f64,
    /// All threads had a core each, from the beginning to the end. Of other samples nothing can be said: the threads may
    /// not have met at all.
    undisturbed: bool,
}

impl Timings {
    /// Nanoseconds a piece of work took one contender.
    #[must_use]
    pub fn of(&self, contender: usize) -> Quartiles {
        let samples = self.0[contender].iter();
        good(samples.map(|sample| (sample.nanos, sample.undisturbed)))
    }

    /// How many times as long one took as another, in each round.
    #[must_use]
    pub fn ratio(&self, contender: usize, reference: usize) -> Quartiles {
        let pairs = self.0[contender].iter().zip(&self.0[reference]);
        good(pairs.map(|(ours, theirs)| {
            (
                ours.nanos / theirs.nanos,
                ours.undisturbed && theirs.undisturbed,
            )
        }))
    }
}

/// Of the undisturbed ones; if they are too few, of all, which says so.
fn good(samples: impl Iterator<Item = (f64, bool)> + Clone) -> Quartiles {
    let undisturbed: Vec<f64> = samples
        .clone()
        .filter_map(|(value, undisturbed)| undisturbed.then_some(value))
        .collect();
    if undisturbed.len() >= 5 {
        Quartiles::of(undisturbed)
    } else {
        Quartiles::of(samples.map(|(value, _)| value).collect()).disturbed()
    }
}

/// On a busy machine rounds take long: with so many, no more are begun after so long.
const ENOUGH: usize = 20;
const PATIENCE: Duration = Duration::from_secs(15);

/// What a thread does once only is not counted.
const WARM_UP: u64 = 16;

/// How often a disturbed sample is taken anew.
const TRIES: u64 = 5;

fn first_undisturbed(mut tries: impl Iterator<Item = Sample>) -> Sample {
    let mut sample = Sample {
        nanos: f64::NAN,
        undisturbed: false,
    };
    while !sample.undisturbed
        && let Some(next) = tries.next()
    {
        sample = next;
    }
    sample
}

fn together(threads: usize, iterations: u64, work: &Work) -> Sample {
    let start = Start::of(threads);
    let one = |thread: usize| {
        if threads > 1 {
            keep_to_core(thread);
        }
        work(WARM_UP);
        let all_run = start.wait(thread);
        let cpu = thread_cpu();
        let watch = Stopwatch::start();
        work(iterations);
        let took = watch.elapsed();
        let had = thread_cpu()
            .zip(cpu)
            .map(|(after, before)| after.saturating_sub(before));
        Sample {
            nanos: took.as_nanos() as f64 / iterations as f64,
            undisturbed: all_run && had.is_none_or(|had| had.mul_f64(1.1) > took),
        }
    };
    let samples: Vec<Sample> = thread::scope(|scope| {
        let one = &one;
        let running: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || one(thread)))
            .collect();
        running
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    });
    Sample {
        nanos: samples.iter().map(|sample| sample.nanos).sum::<f64>() / threads as f64,
        undisturbed: samples.iter().all(|sample| sample.undisturbed),
    }
}

/// Between two chances for other tasks.
const CHUNK: u64 = 32;

/// The time by the clock on the wall that a piece of work takes all of them together.
async fn in_tasks(tasks: usize, each: u64, work: &Work) -> f64 {
    let mut set = JoinSet::new();
    let watch = Stopwatch::start();
    for _ in 0..tasks {
        let work = Arc::clone(work);
        set.spawn(async move {
            let mut left = each;
            while left > 0 {
                let chunk = left.min(CHUNK);
                work(chunk);
                left -= chunk;
                yield_now().await;
            }
        });
    }
    while set.join_next().await.is_some() {}
    watch.nanos() / (each * tasks as u64) as f64
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn each_contender_works_as_often_as_it_is_told_and_the_slower_one_takes_longer() {
        let done = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&done);
        let contenders = [
            Contender::new("little", move |times| {
                counted.fetch_add(times, Ordering::Relaxed);
            }),
            Contender::new("much", |times| {
                for number in 0..times * 100 {
                    black_box(number);
                }
            }),
        ];
        let rounds = Rounds {
            rounds: 5,
            iterations: 1000,
        };
        let runtime = Runtime::new().unwrap();
        let tasks = Crew::Tasks {
            tasks: 4,
            workers: 2,
            runtime: &runtime,
        };
        // A disturbed sample is taken anew.
        for (crew, a_round, most) in [
            (Crew::Threads(1), 1000 + WARM_UP, 5 * TRIES),
            (Crew::Threads(2), 2 * (1000 + WARM_UP), 5 * TRIES),
            (tasks, 2 * 1000, 5),
        ] {
            done.store(0, Ordering::Relaxed);
            let timings = rounds.run(crew, &contenders);
            let done = done.load(Ordering::Relaxed);
            assert_eq!(done % a_round, 0);
            assert!((5..=most).contains(&(done / a_round)), "{done}");
            assert!(timings.ratio(1, 0).median > 1.0, "{timings:?}");
            assert!(timings.of(0).median < timings.of(1).median, "{timings:?}");
        }
    }
}
