//! The rules for stores: each finds the store that breaks it.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::rules::each_finds_what_breaks_it;
use oauth_core::{
    AccessToken, Clock, Lease, MemoryStore, StoreError, StoredToken, TokenKey, TokenStore,
    async_trait,
};
use oauth_testkit::ManualClock;
use oauth_testkit::conformance::token_store::{Capabilities, RULES, StoreUnderTest};

#[test]
fn without_a_flaw_the_flawed_store_keeps_the_rules() {
    for (_, check) in RULES {
        check(&|| flawed(Flaw::None));
    }
}

mod a_store_that_remembers_nothing {
    use super::{Capabilities, Forgetful, StoreUnderTest};

    oauth_testkit::token_store_conformance! {
        store: || StoreUnderTest::new(|| Forgetful)
            .capable_of(Capabilities::new().forgets().no_leases())
    }
}

/// As each process has one that keeps its tokens to itself, and tells those who wait for them.
mod a_store_of_each_handle_that_tells_changes {
    use super::{Capabilities, Flaw, flawed};

    oauth_testkit::token_store_conformance! {
        store: || flawed(Flaw::KeepsAllApart)
            .capable_of(Capabilities::new().not_shared().tells_changes())
    }
}

mod a_store_that_gives_back_expired_tokens {
    use super::{Capabilities, Flaw, flawed};

    oauth_testkit::token_store_conformance! {
        store: || flawed(Flaw::GivesExpired)
            .capable_of(Capabilities::new().gives_expired().tells_changes())
    }
}

struct Forgetful;

#[async_trait]
impl TokenStore for Forgetful {
    async fn load(&self, _: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        Ok(None)
    }
    async fn save(&self, _: &TokenKey, _: &StoredToken) -> Result<(), StoreError> {
        Ok(())
    }
    async fn remove(&self, _: &TokenKey, _: &StoredToken) -> Result<(), StoreError> {
        Ok(())
    }
    async fn lease(&self, _: &TokenKey, _: Duration) -> Result<Option<Lease>, StoreError> {
        Ok(Some(Lease::new(1)))
    }
    async fn release(&self, _: &TokenKey, _: Lease) -> Result<(), StoreError> {
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    LosesScopes,
    LosesRefreshIn,
    LosesExtraFields,
    MixesUpKeys,
    KeepsTheFirst,
    KeepsTheLast,
    KnowsNoFencing,
    RemovesNothing,
    RemovesWhatever,
    FailsToRemoveNothing,
    GivesExpired,
    SavesInSteps,
    KeepsTokensApart,
    /// No flaw in a store that does not claim to be shared.
    KeepsAllApart,
    LeasesTwice,
    LeasesEverythingAtOnce,
    TakesNoLeaseBack,
    LeasesForEver,
    EndsAnyLease,
    CountsNoLeases,
    KeepsLeasesApart,
    LeasesForHalfTheTime,
    CountsFromTheLastRelease,
    RemovesLeases,
    LooksBeforeItLeases,
    LooksBeforeItSaves,
    WakesForNothing,
    RemovesNothingWhileWaitedFor,
    TellsNoSaves,
    TellsNoReleases,
    TellsTheFirstAlone,
}

struct Flawed {
    flaw: Flaw,
    clock: ManualClock,
    tokens: Arc<MemoryStore>,
    leases: Arc<MemoryStore>,
    saved: Mutex<Option<StoredToken>>,
    holds: AtomicBool,
    grants: AtomicU64,
    freed: AtomicBool,
    /// The lease in force, and the number that was given for it.
    leased: Mutex<Option<(Lease, u64)>>,
    releases: AtomicU64,
    crowd: Arc<Crowd>,
    waiters: Arc<Mutex<Waiters>>,
}

/// Those who are between a look and the write that follows it.
#[derive(Default)]
struct Crowd(Mutex<Looking>, Condvar);

#[derive(Default)]
struct Looking {
    inside: usize,
    came: usize,
}

impl Crowd {
    /// Waits a little for others; whether there were any.
    fn is_joined(&self) -> bool {
        let mut looking = self.0.lock().unwrap();
        looking.inside += 1;
        looking.came += 1;
        let came = looking.came;
        self.1.notify_all();
        let bound = Duration::from_millis(20);
        let alone = |looking: &mut Looking| looking.inside < 2 && looking.came == came;
        let (mut looking, waited) = self.1.wait_timeout_while(looking, bound, alone).unwrap();
        looking.inside -= 1;
        !waited.timed_out()
    }
}

/// Those who wait for a change, by the number of their wait.
#[derive(Default)]
struct Waiters {
    begun: u64,
    waiting: BTreeMap<u64, Option<Waker>>,
}

impl Waiters {
    fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.waiting.insert(self.begun, None);
        self.begun
    }

    /// Wakes so many.
    fn wake(&mut self, most: usize) {
        for _ in 0..most {
            match self.waiting.pop_first() {
                Some((_, Some(waker))) => waker.wake(),
                Some((_, None)) => {}
                None => return,
            }
        }
    }
}

fn flawed(flaw: Flaw) -> StoreUnderTest {
    let clock = ManualClock::new();
    let moved = clock.clone();
    let memory = |clock: &ManualClock| Arc::new(MemoryStore::new(clock.clone()));
    let (tokens, leases) = (memory(&clock), memory(&clock));
    let waiters = Arc::<Mutex<Waiters>>::default();
    let crowd = Arc::<Crowd>::default();
    let handle_clock = clock.clone();
    let open = move || Flawed {
        flaw,
        tokens: match flaw {
            Flaw::KeepsTokensApart | Flaw::KeepsAllApart => memory(&handle_clock),
            _ => Arc::clone(&tokens),
        },
        leases: match flaw {
            Flaw::KeepsLeasesApart | Flaw::KeepsAllApart => memory(&handle_clock),
            _ => Arc::clone(&leases),
        },
        clock: handle_clock.clone(),
        saved: Mutex::default(),
        holds: AtomicBool::default(),
        grants: AtomicU64::default(),
        freed: AtomicBool::default(),
        leased: Mutex::default(),
        releases: AtomicU64::default(),
        crowd: Arc::clone(&crowd),
        waiters: match flaw {
            Flaw::KeepsAllApart => Arc::default(),
            _ => Arc::clone(&waiters),
        },
    };
    StoreUnderTest::new(open)
        .on(clock, move |time| moved.advance(time))
        .capable_of(Capabilities::new().tells_changes())
}

impl Flawed {
    fn token_key(&self, key: &TokenKey) -> TokenKey {
        if self.flaw != Flaw::MixesUpKeys {
            return *key;
        }
        TokenKey::builder("short")
            .field("byte", &key.as_bytes()[0].to_string())
            .build()
    }
}

/// The token without what a store with this flaw does not write down.
fn without_what_is_lost(flaw: Flaw, stored: StoredToken) -> StoredToken {
    let token = stored.token();
    let mut bare = AccessToken::builder(token.secret()).token_type(token.token_type());
    if let Some(lifetime) = token.lifetime() {
        bare = bare.expires_in(lifetime);
    }
    if let Some(scopes) = token.scopes().filter(|_| flaw != Flaw::LosesScopes) {
        bare = bare.scopes(scopes.clone());
    }
    if let Some(time) = token.refresh_in().filter(|_| flaw != Flaw::LosesRefreshIn) {
        bare = bare.refresh_in(time);
    }
    for name in ["tenant", "limits"] {
        let value = token.extra(name).filter(|_| flaw != Flaw::LosesExtraFields);
        if let Some(value) = value {
            bare = bare.extra(name, value.clone());
        }
    }
    let (requested_at, expires_at) = (stored.requested_at(), stored.expires_at());
    StoredToken::new(bare.build().unwrap(), requested_at, expires_at).with_fencing(stored.fencing())
}

impl Flawed {
    fn tell(&self, silent: Flaw) {
        let most = match self.flaw {
            flaw if flaw == silent => 0,
            Flaw::TellsTheFirstAlone => 1,
            _ => usize::MAX,
        };
        self.waiters.lock().unwrap().wake(most);
    }

    fn lease_key(&self, key: &TokenKey) -> TokenKey {
        match self.flaw {
            Flaw::LeasesEverythingAtOnce => TokenKey::builder("one for all").build(),
            _ => *key,
        }
    }
}

#[async_trait]
impl TokenStore for Flawed {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let loaded = self.tokens.load(&self.token_key(key)).await?;
        Ok(match (self.flaw, loaded) {
            (flaw, Some(stored)) => Some(without_what_is_lost(flaw, stored)),
            (Flaw::GivesExpired, None) => {
                let saved = self.saved.lock().unwrap().clone();
                saved.filter(|token| token.expires_at() <= self.clock.wall())
            }
            (_, loaded) => loaded,
        })
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        self.tell(Flaw::TellsNoSaves);
        // Of two who looked before either wrote, the one with the lower number is the last to write.
        if self.flaw == Flaw::LooksBeforeItSaves
            && self.crowd.is_joined()
            && let Some(there) = self.tokens.load(key).await?
        {
            if there.fencing() < token.fencing() {
                return Ok(());
            }
            self.tokens.remove(key, &there).await?;
        }
        let key = &self.token_key(key);
        *self.saved.lock().unwrap() = Some(token.clone());
        let there = self.tokens.load(key).await?;
        match (self.flaw, there) {
            (Flaw::KeepsTheFirst, Some(_)) => return Ok(()),
            (Flaw::KeepsTheLast, Some(there)) if there.fencing() == token.fencing() => {
                self.tokens.remove(key, &there).await?
            }
            (Flaw::SavesInSteps, Some(there)) if token.replaces(&there) => {
                self.tokens.remove(key, &there).await?;
                let mut yielded = false;
                poll_fn(|context| {
                    context.waker().wake_by_ref();
                    if std::mem::replace(&mut yielded, true) {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
            }
            _ => {}
        }
        if self.flaw == Flaw::KnowsNoFencing {
            let (requested_at, expires_at) = (token.requested_at(), token.expires_at());
            // A later write of an older token is refused all the same.
            let bare = StoredToken::new(token.token().clone(), requested_at, expires_at);
            return self.tokens.save(key, &bare.with_fencing(7)).await;
        }
        self.tokens.save(key, token).await
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let leased = self.leased.lock().unwrap().take();
        if let (Flaw::RemovesLeases, Some((lease, _))) = (self.flaw, leased) {
            self.leases.release(key, lease).await?;
        }
        let key = &self.token_key(key);
        let there = self.tokens.load(key).await?;
        match (self.flaw, there) {
            (Flaw::RemovesNothing, _) => Ok(()),
            (Flaw::RemovesWhatever, Some(there)) => self.tokens.remove(key, &there).await,
            (Flaw::RemovesNothingWhileWaitedFor, _)
                if !self.waiters.lock().unwrap().waiting.is_empty() =>
            {
                Err(StoreError::new("somebody waits"))
            }
            (Flaw::FailsToRemoveNothing, None) => Err(StoreError::new("there is no such token")),
            _ => self.tokens.remove(key, token).await,
        }
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let key = &self.lease_key(key);
        let ttl = match self.flaw {
            Flaw::LeasesForEver => ttl * 1000,
            Flaw::LeasesForHalfTheTime => ttl / 2,
            _ => ttl,
        };
        if self.flaw == Flaw::LooksBeforeItLeases && self.crowd.is_joined() {
            return Ok(Some(Lease::new(99)));
        }
        let Some(lease) = self.leases.lease(key, ttl).await? else {
            let twice = self.flaw == Flaw::LeasesTwice
                && self.holds.load(Ordering::SeqCst)
                && self.grants.load(Ordering::SeqCst) == 1;
            let freed = self.flaw == Flaw::EndsAnyLease && self.freed.load(Ordering::SeqCst);
            return Ok((twice || freed).then(|| Lease::new(99)));
        };
        self.holds.store(true, Ordering::SeqCst);
        let grants = self.grants.fetch_add(1, Ordering::SeqCst);
        let number = match self.flaw {
            Flaw::CountsNoLeases => 1 + self.releases.load(Ordering::SeqCst),
            Flaw::CountsFromTheLastRelease => 1 + grants,
            _ => lease.fencing(),
        };
        *self.leased.lock().unwrap() = Some((lease, number));
        Ok(Some(Lease::new(number)))
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        self.tell(Flaw::TellsNoReleases);
        match self.flaw {
            Flaw::TakesNoLeaseBack => return Ok(()),
            Flaw::EndsAnyLease => self.freed.store(true, Ordering::SeqCst),
            _ => {}
        }
        self.releases.fetch_add(1, Ordering::SeqCst);
        let leased = *self.leased.lock().unwrap();
        if let (Flaw::CountsFromTheLastRelease, Some((inner, number))) = (self.flaw, leased) {
            self.grants.store(0, Ordering::SeqCst);
            let inner = if number == lease.fencing() {
                inner
            } else {
                lease
            };
            return self.leases.release(key, inner).await;
        }
        self.leases.release(&self.lease_key(key), lease).await
    }

    async fn changed(&self, _: &TokenKey) {
        if self.flaw == Flaw::WakesForNothing {
            return;
        }
        let number = self.waiters.lock().unwrap().begin();
        poll_fn(
            |context| match self.waiters.lock().unwrap().waiting.get_mut(&number) {
                Some(waker) => {
                    *waker = Some(context.waker().clone());
                    Poll::Pending
                }
                None => Poll::Ready(()),
            },
        )
        .await;
    }
}

#[test]
fn each_rule_finds_the_store_that_breaks_it() {
    let flaws = [
        ("what_is_saved_is_loaded", Flaw::LosesScopes),
        ("what_is_saved_is_loaded", Flaw::LosesRefreshIn),
        ("what_is_saved_is_loaded", Flaw::LosesExtraFields),
        ("p13_keys_share_nothing", Flaw::MixesUpKeys),
        ("a_save_replaces_an_older_token", Flaw::KeepsTheFirst),
        (
            "a_late_save_never_replaces_a_newer_token",
            Flaw::KeepsTheLast,
        ),
        (
            "p12_the_fencing_number_counts_more_than_what_clocks_say",
            Flaw::KnowsNoFencing,
        ),
        ("p07_a_removed_token_is_gone", Flaw::RemovesNothing),
        ("p07_only_the_token_given_is_removed", Flaw::RemovesWhatever),
        (
            "removing_what_is_not_there_is_no_error",
            Flaw::FailsToRemoveNothing,
        ),
        ("p01_an_expired_token_is_not_given_back", Flaw::GivesExpired),
        (
            "p05_a_dropped_save_leaves_a_whole_token",
            Flaw::SavesInSteps,
        ),
        ("every_handle_sees_the_same_tokens", Flaw::KeepsTokensApart),
        ("p12_a_lease_has_one_holder", Flaw::LeasesTwice),
        (
            "p12_a_lease_of_one_key_leaves_the_others",
            Flaw::LeasesEverythingAtOnce,
        ),
        ("p12_a_lease_given_back_is_free", Flaw::TakesNoLeaseBack),
        ("p12_a_lease_ends_by_itself", Flaw::LeasesForEver),
        (
            "p12_the_end_of_an_older_lease_leaves_the_present_one",
            Flaw::EndsAnyLease,
        ),
        ("p12_fencing_numbers_grow", Flaw::CountsNoLeases),
        ("p12_a_lease_holds_for_every_handle", Flaw::KeepsLeasesApart),
        ("p12_a_lease_lasts_its_time", Flaw::LeasesForHalfTheTime),
        (
            "p12_fencing_numbers_grow_over_a_lease_given_back",
            Flaw::CountsFromTheLastRelease,
        ),
        ("p12_a_removal_leaves_the_lease", Flaw::RemovesLeases),
        (
            "p12_of_all_who_ask_at_once_one_gets_the_lease",
            Flaw::LooksBeforeItLeases,
        ),
        (
            "p12_of_all_who_save_at_once_the_latest_holder_wins",
            Flaw::LooksBeforeItSaves,
        ),
        (
            "without_a_change_who_waits_is_not_kept_busy",
            Flaw::WakesForNothing,
        ),
        (
            "who_waits_holds_up_no_call",
            Flaw::RemovesNothingWhileWaitedFor,
        ),
        ("a_save_wakes_who_waits", Flaw::TellsNoSaves),
        (
            "p12_a_lease_given_back_wakes_who_waits",
            Flaw::TellsNoReleases,
        ),
        (
            "p05_a_dropped_wait_takes_nobodys_wake",
            Flaw::TellsTheFirstAlone,
        ),
    ];
    let names: Vec<_> = RULES.iter().map(|(name, _)| *name).collect();
    each_finds_what_breaks_it(&names, &flaws, |rule, flaw| {
        let (_, check) = RULES.iter().find(|(name, _)| *name == rule).unwrap();
        check(&|| flawed(*flaw));
    });
}
