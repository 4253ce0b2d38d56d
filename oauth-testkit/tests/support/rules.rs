//! A table of rules against a table of flaws.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Checks that there are flaws for each rule, and that of all rules it is the only one that an implementation with one of
/// them breaks.
pub fn each_finds_what_breaks_it<F>(
    rules: &[&str],
    flawed: &[(&str, F)],
    check: impl Fn(&str, &F),
) {
    let mut flaws: Vec<&str> = flawed.iter().map(|(rule, _)| *rule).collect();
    flaws.dedup();
    assert_eq!(rules, flaws, "every rule has its flaw, in their order");
    let mut surprises = String::new();
    for (broken, flaw) in flawed {
        for rule in rules {
            let kept = catch_unwind(AssertUnwindSafe(|| check(rule, flaw))).is_ok();
            if kept == (rule == broken) {
                let did = if kept { "does not find" } else { "minds, too," };
                surprises += &format!("\n{rule} {did} the flaw of {broken}");
            }
        }
    }
    assert!(surprises.is_empty(), "{surprises}");
}
