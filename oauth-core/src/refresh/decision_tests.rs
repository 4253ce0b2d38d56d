use super::*;
use proptest::prelude::*;

fn at(seconds: f64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(1_000) + Duration::from_secs_f64(seconds)
}

fn token(secret: &str, lifetime: u64) -> AccessToken {
    AccessToken::builder(secret)
        .expires_in(Duration::from_secs(lifetime))
        .build()
        .unwrap()
}

fn exact() -> Settings {
    Settings {
        jitter: false,
        ..Settings::default()
    }
}

#[test]
fn the_decision_table() {
    use Decision::*;
    let life = Life {
        refresh_due: at(10.0),
        unusable: at(20.0),
        expires: at(21.0),
    };
    let (open, shut, over) = (None, Some(at(100.0)), Some(at(0.0)));
    for (now, life, in_flight, gate, wanted) in [
        (9.9, Some(life), false, open, Use),
        (9.9, Some(life), true, shut, Use),
        (10.0, Some(life), false, open, UseAndRenew),
        (10.0, Some(life), false, over, UseAndRenew),
        (10.0, Some(life), true, open, Use),
        (10.0, Some(life), false, shut, Use),
        (19.9, Some(life), false, open, UseAndRenew),
        (20.0, Some(life), true, open, Join),
        (20.0, Some(life), true, shut, Join),
        (20.0, Some(life), false, open, Start),
        (20.0, Some(life), false, shut, Fail),
        (1.0, None, true, open, Join),
        (1.0, None, false, open, Start),
        (1.0, None, false, over, Start),
        (1.0, None, false, shut, Fail),
    ] {
        assert_eq!(
            decide(at(now), life, in_flight, gate),
            wanted,
            "{now} {in_flight} {gate:?}"
        );
    }
}

#[test]
fn the_moments_in_the_life_of_a_token() {
    let life = |lifetime| Life::of(&exact(), &token("t", lifetime), at(0.0), Draw::NONE);
    let hour = life(3600);
    assert_eq!(
        (hour.refresh_due, hour.unusable, hour.expires),
        (at(3300.0), at(3570.0), at(3600.0))
    );
    let short = life(30);
    assert_eq!(
        (short.refresh_due, short.unusable, short.expires),
        (at(20.0), at(27.0), at(30.0))
    );

    let unknown = AccessToken::builder("t").build().unwrap();
    assert_eq!(
        Life::of(&exact(), &unknown, at(0.0), Draw::NONE).expires,
        at(300.0)
    );

    let advised = |seconds| {
        let token = AccessToken::builder("t")
            .expires_in(Duration::from_secs(3600))
            .refresh_in(Duration::from_secs(seconds))
            .build();
        Life::of(&exact(), &token.unwrap(), at(0.0), Draw::NONE).refresh_due
    };
    assert_eq!(advised(60), at(60.0));
    assert_eq!(advised(0), at(3300.0), "that is no advice");
}

#[test]
fn jitter_brings_the_renewal_forward_by_at_most_a_minute_or_a_tenth() {
    let due = |lifetime, draw| {
        Life::of(&exact(), &token("t", lifetime), at(0.0), Draw::new(draw)).refresh_due
    };
    assert_eq!(due(3600, 0.0), at(3240.0));
    assert_eq!(due(3600, 0.5), at(3270.0));
    assert_eq!(due(30, 0.0), at(17.0));
}

proptest! {
    #[test]
    fn p01_no_lifetime_overflows_and_the_moments_are_in_order(
        lifetime in any::<u64>(),
        sent in any::<u64>(),
        draw in 0.0f64..1.0,
    ) {
        let sent = Instant::from_origin(Duration::from_nanos(sent));
        let life = Life::of(&Settings::default(), &token("t", lifetime), sent, Draw::new(draw));
        prop_assert!(life.refresh_due <= life.unusable);
        prop_assert!(life.unusable <= life.expires);
        if lifetime > 0 && life.expires < Instant::MAX {
            prop_assert!(sent < life.refresh_due, "no hot loop");
        }
    }
}
