//! Callers who leave, runtimes that stop, tokens that are rejected, all at once.
//!
//! Each scenario fails if somebody waits for ever, if a token is handed out in a call that began after its
//! rejection had returned, if generations go back, or if the hit path waits.

use oauth_core::ErrorKind;
use shuttle::rand::{Rng, thread_rng};

use super::explore::{exhaust, explore};
use super::model::{DUE, Driving, LIFETIME, Model, PATIENCE, Server, aside, join, repeat, wait};

#[test]
fn p04_starters_cause_one_request_whoever_drives_it() {
    explore(|| {
        let model = Model::new(Driving::any(), Server::new());
        let callers = [model.patient(), model.patient(), model.patient()];
        let opener = aside(&model, |model| model.server.answer());
        for caller in callers {
            assert_eq!(wait(caller).unwrap().generation(), 1);
        }
        join([opener]);
        assert_eq!(model.server.calls(), 1);
    });
}

#[test]
fn p04_starters_share_the_attempts_of_a_flight_that_fails() {
    explore(|| {
        let model = Model::new(Driving::any(), Server::new().failing(3));
        model.server.answer();
        let callers = [model.patient(), model.patient()];
        let clock = repeat(&model, |model| model.clock.skip_pause());
        for caller in callers {
            assert_eq!(wait(caller).unwrap_err().kind(), ErrorKind::Transport);
        }
        clock.stop();
        assert_eq!(model.server.calls(), 3, "the attempts of one flight");
    });
}

#[test]
fn p04_a_late_joiner_gets_the_token_of_the_flight_that_lands() {
    explore(|| {
        let model = Model::new(Driving::any(), Server::new());
        let first = model.patient();
        model.server.answer();
        let late = aside(&model, |model| {
            assert_eq!(model.ask_and_wait().unwrap().generation(), 1);
        });
        assert_eq!(wait(first).unwrap().generation(), 1);
        join([late]);
        assert_eq!(model.server.calls(), 1);
    });
}

#[test]
fn p05_who_leaves_strands_nobody() {
    explore(|| {
        let model = Model::new(Driving::any(), Server::new());
        let leaders = [model.impatient(), model.impatient()];
        let callers = [model.patient(), model.patient()];
        let opener = aside(&model, |model| model.server.answer());
        for caller in callers {
            wait(caller).unwrap();
        }
        // Whoever is stuck keeps its place until here.
        drop(leaders.map(wait));
        join([opener]);
        assert!(model.hit().is_some());
        assert!(!model.cache.status().in_flight());
    });
}

#[test]
fn p05_who_leaves_between_two_attempts_strands_nobody() {
    explore(|| {
        let model = Model::new(Driving::any(), Server::new().failing(1));
        model.server.answer();
        let leader = model.impatient();
        let callers = [model.patient(), model.patient()];
        let clock = repeat(&model, |model| model.clock.skip_pause());
        for caller in callers {
            // A flight that nobody waits for makes one attempt.
            if let Err(error) = wait(caller) {
                assert_eq!(error.kind(), ErrorKind::Transport);
            }
        }
        clock.stop();
        drop(wait(leader));
    });
}

#[test]
fn p05_when_all_have_left_the_next_caller_is_served() {
    explore(|| {
        let model = Model::new(Driving::any(), Server::new());
        let leaders = [model.impatient(), model.impatient()];
        let opener = aside(&model, |model| model.server.answer());
        let places = leaders.map(wait);
        wait(model.patient()).unwrap();
        drop(places);
        join([opener]);
    });
}

#[test]
fn p05_the_deadline_of_a_flight_reaches_all_who_wait() {
    explore(|| {
        let model = Model::new(Driving::any(), Server::new());
        let leaders = [model.impatient(), model.impatient()];
        let callers = [model.patient(), model.patient()];
        let clock = repeat(&model, |model| model.clock.advance(PATIENCE));
        for caller in callers {
            assert_eq!(wait(caller).unwrap_err().kind(), ErrorKind::Timeout);
        }
        drop(leaders.map(wait));
        clock.stop();
    });
}

#[test]
fn p05_a_shutdown_strands_nobody() {
    explore(|| {
        let model = Model::new(Driving::Faithful, Server::new());
        let first = model.patient();
        let leader = model.impatient();
        let shutdown = aside(&model, |model| model.spawner.shut_down());
        let opener = aside(&model, |model| model.server.answer());
        let second = model.patient();
        wait(first).unwrap();
        wait(second).unwrap();
        join([shutdown, opener]);
        drop(wait(leader));
        // What was shut down stays so, and the cache goes on.
        model.clock.advance(LIFETIME);
        assert!(model.hit().is_none());
        assert_eq!(wait(model.patient()).unwrap().generation(), 2);
    });
}

#[test]
fn p02_a_shutdown_amid_renewals_costs_no_usable_token() {
    explore(|| {
        let (model, _) = Model::due(Driving::Faithful, Server::new());
        let shutdown = aside(&model, |model| model.spawner.shut_down());
        let callers = [0, 1].map(|_| {
            aside(&model, |model| {
                model.hit().unwrap();
                model.hit().unwrap();
            })
        });
        join(callers);
        join([shutdown]);
        model.clock.advance(LIFETIME);
        assert!(model.hit().is_none());
        if let Err(error) = model.ask_and_wait() {
            // A renewal ran out of time just before it was to be dropped.
            assert_eq!(error.kind(), ErrorKind::Timeout);
            model.clock.advance(error.retry_after().unwrap());
            model.ask_and_wait().unwrap();
        }
    });
}

#[test]
fn p07_a_rejection_races_a_renewal() {
    explore(|| {
        let (model, old) = Model::due(Driving::any(), Server::new());
        let callers = [
            // Rejects the old token, and asks for another.
            aside(&model, move |model| {
                model.reject(&old);
                let _ = model.hit();
                let _ = model.ask_and_wait();
            }),
            // Rejects whatever it gets, the new token too.
            aside(&model, |model| {
                if let Ok(token) = model.ask_and_wait() {
                    model.reject(&token);
                }
                let _ = model.hit();
                let _ = model.ask_and_wait();
            }),
            aside(&model, |model| {
                for _ in 0..3 {
                    let _ = model.hit();
                }
            }),
        ];
        let leader = model.impatient();
        join(callers);
        drop(wait(leader));
    });
}

#[test]
fn p07_a_renewal_does_not_bring_the_rejected_token_back() {
    explore(|| {
        let (model, old) = Model::due(Driving::any(), Server::new().repeating());
        let renewal = aside(&model, |model| drop(model.hit()));
        let rejection = aside(&model, move |model| {
            model.reject(&old);
            let _ = model.hit();
            let _ = model.ask_and_wait();
            let _ = model.hit();
        });
        let other = aside(&model, |model| {
            let _ = model.ask_and_wait();
            let _ = model.hit();
        });
        join([renewal, rejection, other]);
    });
}

#[test]
fn p07_late_rejections_of_one_token_cause_one_renewal() {
    explore(|| {
        let (model, old) = Model::due(Driving::Faithful, Server::new());
        let callers = [0, 1, 2].map(|_| {
            let old = old.clone();
            aside(&model, move |model| {
                model.reject(&old);
                assert_eq!(model.ask_and_wait().unwrap().generation(), 2);
            })
        });
        join(callers);
        assert_eq!(model.server.calls(), 2);
    });
}

#[test]
fn p07_a_rejection_races_the_hit_path_in_every_schedule() {
    exhaust(10_000, || {
        let (model, old) = Model::held(Driving::Refusing, Server::new());
        let rejection = aside(&model, move |model| model.reject(&old));
        let _ = model.hit();
        let _ = model.hit();
        join([rejection]);
        assert!(model.hit().is_none());
    });
}

#[test]
fn p07_two_rejections_race_in_every_schedule() {
    exhaust(10_000, || {
        let (model, old) = Model::held(Driving::Refusing, Server::new());
        let same = old.clone();
        let rejection = aside(&model, move |model| model.reject(&old));
        model.reject(&same);
        join([rejection]);
        assert!(model.hit().is_none());
        // A second rejection would have shut the gate.
        assert_eq!(model.ask_and_wait().unwrap().generation(), 2);
    });
}

#[test]
fn p02_the_hit_path_waits_for_nobody() {
    explore(|| {
        let (model, _) = Model::due(Driving::any(), Server::new());
        let tasks = [
            aside(&model, |model| {
                for _ in 0..3 {
                    if let Some(token) = model.hit()
                        && thread_rng().gen_bool(0.3)
                    {
                        model.reject(&token);
                    }
                }
            }),
            aside(&model, |model| {
                for _ in 0..3 {
                    let _ = model.hit();
                }
            }),
            aside(&model, |model| model.clock.advance(DUE)),
            aside(&model, |model| model.spawner.shut_down()),
            aside(&model, |model| drop(model.ask_and_wait())),
        ];
        let leader = model.impatient();
        join(tasks);
        drop(wait(leader));
    });
}
