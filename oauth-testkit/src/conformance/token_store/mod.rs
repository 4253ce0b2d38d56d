//! The contract of [`TokenStore`], rule by rule.
//!
//! Each rule takes a function that makes a [`StoreUnderTest`], and panics if the store breaks the rule.
//! [`token_store_conformance!`](crate::token_store_conformance) makes a test of each.

mod changes;
mod leases;
mod races;
mod tokens;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use oauth_core::{
    AccessToken, AccessTokenBuilder, BoxFuture, Clock, Lease, StoredToken, SystemClock, TokenKey,
    TokenStore,
};

use super::drive::{PATIENCE, left_out, run};
pub use changes::*;
pub use leases::*;
pub use races::*;
pub use tokens::*;

/// An empty store, how its time passes, and what it claims.
pub struct StoreUnderTest {
    open: Box<dyn Fn() -> Arc<dyn TokenStore>>,
    clock: Arc<dyn Clock>,
    pass: Option<Box<dyn Fn(Duration)>>,
    block_on: Box<BlockOn>,
    capabilities: Capabilities,
}

type BlockOn = dyn Fn(BoxFuture<'_, ()>) + Send + Sync;

/// What stores may do differently. What is claimed is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Capabilities {
    keeps_tokens: bool,
    drops_expired: bool,
    leases: bool,
    shared: bool,
    tells_changes: bool,
}

impl Capabilities {
    /// What every store for a fleet does: tokens are kept until they expire and no longer, leases exclude each other,
    /// and all handles are on the same tokens.
    pub const fn new() -> Self {
        Self {
            keeps_tokens: true,
            drops_expired: true,
            leases: true,
            shared: true,
            tells_changes: false,
        }
    }

    /// It may forget tokens, at once even.
    pub const fn forgets(mut self) -> Self {
        self.keeps_tokens = false;
        self
    }

    /// It gives back a token that has expired, too.
    pub const fn gives_expired(mut self) -> Self {
        self.drops_expired = false;
        self
    }

    /// It gives everybody a lease.
    pub const fn no_leases(mut self) -> Self {
        self.leases = false;
        self
    }

    /// Each handle has tokens and leases of its own.
    pub const fn not_shared(mut self) -> Self {
        self.shared = false;
        self
    }

    /// It also tells those who [wait](oauth_core::TokenStore::changed).
    pub const fn tells_changes(mut self) -> Self {
        self.tells_changes = true;
        self
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::new()
    }
}

impl StoreUnderTest {
    /// A store on the clock of the machine. Each call of `open` gives a handle on the same tokens, as another process
    /// would have it.
    pub fn new<S: TokenStore + 'static>(open: impl Fn() -> S + 'static) -> Self {
        Self {
            open: Box::new(move || Arc::new(open())),
            clock: Arc::new(SystemClock::new()),
            pass: None,
            block_on: Box::new(|work| {
                let done = run(PATIENCE, work);
                assert_eq!(done, Some(()), "a call does not end");
            }),
            capabilities: Capabilities::new(),
        }
    }

    /// The store judges by this clock, on which `pass` lets time pass.
    #[must_use]
    pub fn on(mut self, clock: impl Clock + 'static, pass: impl Fn(Duration) + 'static) -> Self {
        self.clock = Arc::new(clock);
        self.pass = Some(Box::new(pass));
        self
    }

    /// Calls are run by this, on several threads at the same time, for a store that needs a runtime.
    #[must_use]
    pub fn block_on(
        mut self,
        block_on: impl Fn(BoxFuture<'_, ()>) + Send + Sync + 'static,
    ) -> Self {
        self.block_on = Box::new(block_on);
        self
    }

    /// What the store claims.
    #[must_use]
    pub fn capable_of(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    fn handle(&self) -> Handle<'_> {
        Handle {
            store: (self.open)(),
            under_test: self,
        }
    }

    /// Long enough for what happens within it; waited for in real time if it must be.
    fn span(&self) -> Duration {
        Duration::from_secs(if self.pass.is_some() { 60 } else { 2 })
    }

    fn pass(&self, duration: Duration) {
        match &self.pass {
            Some(pass) => pass(duration),
            None => {
                let passed = run(PATIENCE, SystemClock::new().sleep(duration));
                assert_eq!(passed, Some(()), "time stands still");
            }
        }
    }

    /// A token requested so long ago that lives for an hour from now.
    fn token(&self, secret: &str, age: Duration) -> StoredToken {
        self.token_until(secret, age, Duration::from_secs(3600))
    }

    fn token_until(&self, secret: &str, age: Duration, left: Duration) -> StoredToken {
        let token = AccessToken::builder(secret).expires_in(age + left);
        let now = self.clock.wall();
        StoredToken::new(built(token), now - age, now + left)
    }

    fn drive<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        drive(&self.block_on, future)
    }
}

fn drive<T: Send>(block_on: &BlockOn, future: impl Future<Output = T> + Send) -> T {
    let mut output = None;
    block_on(Box::pin(async { output = Some(future.await) }));
    output.expect("`block_on` runs the future to its end")
}

impl fmt::Debug for StoreUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreUnderTest")
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

/// A store as a rule calls it: errors are failures.
struct Handle<'a> {
    store: Arc<dyn TokenStore>,
    under_test: &'a StoreUnderTest,
}

impl Handle<'_> {
    fn load(&self, key: &TokenKey) -> Option<StoredToken> {
        let loaded = self.under_test.drive(self.store.load(key));
        loaded.expect("`load` succeeds")
    }

    fn secret(&self, key: &TokenKey) -> Option<String> {
        Some(self.load(key)?.token().secret().to_owned())
    }

    fn save(&self, key: &TokenKey, token: &StoredToken) {
        let saved = self.under_test.drive(self.store.save(key, token));
        saved.expect("`save` succeeds");
    }

    fn remove(&self, key: &TokenKey, token: &StoredToken) {
        let removed = self.under_test.drive(self.store.remove(key, token));
        removed.expect("`remove` succeeds");
    }

    fn lease(&self, key: &TokenKey) -> Option<Lease> {
        let ttl = self.under_test.span();
        let leased = self.under_test.drive(self.store.lease(key, ttl));
        leased.expect("`lease` succeeds")
    }

    fn release(&self, key: &TokenKey, lease: Lease) {
        let released = self.under_test.drive(self.store.release(key, lease));
        released.expect("`release` succeeds");
    }
}

/// Makes a store under test, with nothing in it.
pub type Factory<'a> = dyn Fn() -> StoreUnderTest + 'a;

/// The name of a rule, and what panics if the stores that it is given the factory of break it.
pub type Rule = (&'static str, fn(&Factory<'_>));

/// Makes a named test of each rule for [`TokenStore`](oauth_core::TokenStore)s.
///
/// `store` is a function that makes a [`StoreUnderTest`](crate::conformance::token_store::StoreUnderTest), with nothing
/// in it.
///
/// ```
/// use oauth_core::MemoryStore;
/// use oauth_testkit::ManualClock;
/// use oauth_testkit::conformance::token_store::StoreUnderTest;
/// use std::sync::Arc;
///
/// oauth_testkit::token_store_conformance! {
///     store: || {
///         let clock = ManualClock::new();
///         let store = Arc::new(MemoryStore::new(clock.clone()));
///         let moved = clock.clone();
///         StoreUnderTest::new(move || Arc::clone(&store)).on(clock, move |time| moved.advance(time))
///     },
/// }
/// ```
#[macro_export]
macro_rules! token_store_conformance {
    (store: $store:expr $(,)?) => {
        $crate::token_store_conformance! { @each tests($store) }
    };
    (@each $then:ident($($argument:tt)*)) => {
        $crate::token_store_conformance! {
            @$then($($argument)*)
            what_is_saved_is_loaded
            p13_keys_share_nothing
            a_save_replaces_an_older_token
            a_late_save_never_replaces_a_newer_token
            p12_the_fencing_number_counts_more_than_what_clocks_say
            p07_a_removed_token_is_gone
            p07_only_the_token_given_is_removed
            removing_what_is_not_there_is_no_error
            p01_an_expired_token_is_not_given_back
            p05_a_dropped_save_leaves_a_whole_token
            every_handle_sees_the_same_tokens
            p12_a_lease_has_one_holder
            p12_a_lease_of_one_key_leaves_the_others
            p12_a_lease_given_back_is_free
            p12_a_lease_ends_by_itself
            p12_the_end_of_an_older_lease_leaves_the_present_one
            p12_fencing_numbers_grow
            p12_a_lease_holds_for_every_handle
            p12_a_lease_lasts_its_time
            p12_fencing_numbers_grow_over_a_lease_given_back
            p12_a_removal_leaves_the_lease
            p12_of_all_who_ask_at_once_one_gets_the_lease
            p12_of_all_who_save_at_once_the_latest_holder_wins
            without_a_change_who_waits_is_not_kept_busy
            who_waits_holds_up_no_call
            a_save_wakes_who_waits
            p12_a_lease_given_back_wakes_who_waits
            p05_a_dropped_wait_takes_nobodys_wake
        }
    };
    (@tests($store:expr) $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                $crate::conformance::token_store::$rule(&$store);
            }
        )*
    };
    (@list() $($rule:ident)*) => {
        &[$((stringify!($rule), $crate::conformance::token_store::$rule)),*]
    };
}

/// Every rule, in the order of the tests.
pub const RULES: &[Rule] = token_store_conformance!(@each list());

const NOW: Duration = Duration::ZERO;
const MINUTE: Duration = Duration::from_secs(60);

fn is_shared(under_test: &StoreUnderTest, rule: &str) -> bool {
    if !under_test.capabilities.shared {
        left_out(rule, "the handles share nothing");
    }
    under_test.capabilities.shared
}

fn key(tenant: &str) -> TokenKey {
    TokenKey::builder("conformance")
        .field("tenant", tenant)
        .build()
}

fn built(token: AccessTokenBuilder) -> AccessToken {
    token.build().expect("the secret is fit for a header")
}
