//! A copy for each thread of the token that it uses at every request, so that threads do not share its counts.
//!
//! A count that many cores change is what grows most expensive with their number: each request changes that of the
//! token and that of its header, twice.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use http::HeaderValue;

use crate::token::{AccessToken, Parts};

/// So many times in a row a thread uses the same token before a copy pays: one that serves many tenants by turns makes
/// none.
const WORTH_IT: u32 = 16;

/// What a thread has.
struct Copy {
    /// What it is a copy of. It keeps the memory from being used for another token, but not the secret alive.
    of: Weak<Parts>,
    /// None: there is no copy yet.
    token: Option<AccessToken>,
    /// The address of the other token that was used last, and how often in a row.
    other: (usize, u32),
}

thread_local! {
    static COPY: RefCell<Copy> = const {
        RefCell::new(Copy {
            of: Weak::new(),
            token: None,
            other: (0, 0),
        })
    };
}

impl AccessToken {
    /// The value of the `Authorization` header, to keep: a clone of [`header`](Self::header).
    ///
    /// Threads that clone the header of one token all change its reference count, which gets more expensive with their
    /// number. So a thread that asks for the same one 16 times in a row makes itself a copy, and then gets clones of that:
    /// the copy that an [`Authorizer`](crate::Authorizer) uses too, and with the same end. Where no copy may
    /// outlive the token, clone [`header`](Self::header).
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        take(self, |token| token.header().clone())
    }
}

/// A clone of `token`, or of this thread's copy of it.
pub(crate) fn for_this_thread(token: &AccessToken) -> AccessToken {
    take(token, AccessToken::clone).with_generation(token.generation())
}

/// Takes a part of `token`, or of this thread's copy of it.
fn take<T>(token: &AccessToken, part: impl Fn(&AccessToken) -> T) -> T {
    let of_copy = |copy: &RefCell<Copy>| match copy.try_borrow_mut() {
        Ok(mut copy) => part(copy.of(token)),
        Err(_) => part(token),
    };
    COPY.try_with(of_copy).unwrap_or_else(|_| part(token))
}

impl Copy {
    /// The copy of the token, or else the token.
    #[inline]
    fn of<'a>(&'a mut self, token: &'a AccessToken) -> &'a AccessToken {
        if std::ptr::eq(self.of.as_ptr(), Arc::as_ptr(token.parts())) {
            self.other.1 = 0;
            return self.token.as_ref().unwrap_or(token);
        }
        self.of_another(token)
    }

    /// That of a token of which there is no copy yet.
    #[inline(never)]
    fn of_another<'a>(&'a mut self, token: &'a AccessToken) -> &'a AccessToken {
        if self.of.strong_count() == 0 {
            // Nobody has that token any more.
            self.token = None;
            self.of = Weak::new();
        }
        let address = Arc::as_ptr(token.parts()).addr();
        self.other = match self.other {
            (last, times) if last == address => (last, times + 1),
            _ => (address, 1),
        };
        if self.other.1 < WORTH_IT {
            return token;
        }
        self.of = Arc::downgrade(token.parts());
        self.token.insert(token.detached())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(secret: &str) -> AccessToken {
        AccessToken::builder(secret).build().unwrap()
    }

    fn is_shared(token: &AccessToken, given: &AccessToken) -> bool {
        Arc::ptr_eq(token.parts(), given.parts())
    }

    #[test]
    fn p02_a_thread_that_uses_a_token_again_and_again_gets_a_copy_of_its_own() {
        let one = token("t1").with_generation(7);
        for _ in 1..WORTH_IT {
            assert!(is_shared(&one, &for_this_thread(&one)));
        }
        let own = for_this_thread(&one);
        assert!(!is_shared(&one, &own));
        assert!(
            is_shared(&own, &for_this_thread(&one)),
            "one copy, not many"
        );
        assert_eq!((own.header(), own.generation()), (one.header(), 7));
        let place = |header: &HeaderValue| header.as_bytes().as_ptr();
        assert_eq!(place(&one.to_header()), place(own.header()));
        assert_eq!(one.to_header(), one.header());
        assert!(one.to_header().is_sensitive());
        assert!(own.header().is_sensitive());
        let elsewhere = std::thread::scope(|scope| {
            let elsewhere = scope.spawn(|| is_shared(&one, &for_this_thread(&one)));
            elsewhere.join().unwrap()
        });
        assert!(elsewhere, "another thread begins anew");
    }

    #[test]
    fn p13_a_copy_is_never_given_for_another_token() {
        let one = token("t1");
        for _ in 0..WORTH_IT {
            for_this_thread(&one);
        }
        drop(one);
        for number in 0..100 {
            // Its memory may be where that of the first one was.
            let other = token(&format!("u{number}"));
            for _ in 0..2 * WORTH_IT {
                assert_eq!(for_this_thread(&other).secret(), other.secret());
            }
        }
    }

    #[test]
    fn p09_the_copy_of_a_token_that_is_gone_goes_with_the_next_use_of_another() {
        let one = token("t1");
        for _ in 1..WORTH_IT {
            for_this_thread(&one);
        }
        let copy = Arc::downgrade(for_this_thread(&one).parts());
        drop(one);
        assert_eq!(copy.strong_count(), 1);
        for_this_thread(&token("t2"));
        assert_eq!(copy.strong_count(), 0);
    }

    #[test]
    fn tokens_used_by_turns_are_not_copied() {
        let (one, two) = (token("t1"), token("t2"));
        for _ in 0..10 * WORTH_IT {
            assert!(is_shared(&one, &for_this_thread(&one)));
            assert!(is_shared(&two, &for_this_thread(&two)));
        }
    }
}
