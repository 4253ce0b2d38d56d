//! A table of rules against a table of flaws.

use crate::side_by_side::failing;

/// Checks that there are flaws for each rule, and that of all rules it is the only one that an implementation with one of
/// them breaks.
pub(crate) fn each_finds_what_breaks_it<F: Sync>(
    rules: &[&str],
    flawed: &[(&str, F)],
    check: impl Fn(&str, &F) + Sync,
) {
    let mut flaws: Vec<&str> = flawed.iter().map(|(rule, _)| *rule).collect();
    flaws.dedup();
    assert_eq!(rules, flaws, "every rule has its flaw, in their order");
    let pairs: Vec<(usize, &str)> = (0..flawed.len())
        .flat_map(|flaw| rules.iter().map(move |rule| (flaw, *rule)))
        .collect();
    let found = failing(&pairs, |(flaw, rule)| check(rule, &flawed[*flaw].1));
    let mut surprises = String::new();
    for pair in &pairs {
        let (broken, rule) = (flawed[pair.0].0, pair.1);
        let kept = !found.contains(&pair);
        if kept == (rule == broken) {
            let did = if kept { "does not find" } else { "minds, too," };
            surprises += &format!("\n{rule} {did} the flaw of {broken}");
        }
    }
    assert!(surprises.is_empty(), "{surprises}");
}
