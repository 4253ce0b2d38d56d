//! Licences as crates name them: SPDX expressions.

use std::collections::BTreeSet;

/// Whether somebody who accepts these licences may use what has this one, an SPDX expression or, as old manifests have
/// it, names between slashes.
pub(crate) fn is_met(expression: &str, accepted: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser {
        words: &words,
        accepted,
    };
    let met = parser.any();
    // What is left over was not understood.
    met == Some(true) && parser.words.is_empty()
}

/// Each function takes its part from the front of the words; `None` if it is not there.
struct Parser<'a> {
    words: &'a [&'a str],
    accepted: &'a BTreeSet<String>,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.takes("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.takes("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let met = self.any()?;
            return self.takes(")").then_some(met);
        }
        let name = self.next()?;
        if self.takes("WITH") {
            let exception = self.next()?;
            return Some(self.accepted.contains(&format!("{name} WITH {exception}")));
        }
        Some(self.accepted.contains(name))
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.words = &self.words[1..];
        }
        is_next
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_met_by_what_is_accepted() {
        let accepted = ["MIT", "ISC", "Apache-2.0"].map(String::from).into();
        for met in [
            "MIT",
            "GPL-3.0 OR MIT",
            "GPL-3.0/MIT",
            "MIT AND ISC",
            "GPL-3.0 AND MIT OR ISC",
            "(GPL-3.0 OR MIT) AND ISC",
            "ISC AND (Apache-2.0 OR GPL-3.0)",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(is_met(met, &accepted), "{met}");
        }
        for unmet in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "GPL-3.0 OR MIT AND GPL-2.0",
            "(MIT OR ISC) AND GPL-3.0",
            "Apache-2.0 WITH Some-exception",
            "(MIT",
            "MIT ISC",
            "MIT OR",
        ] {
            assert!(!is_met(unmet, &accepted), "{unmet}");
        }
    }
}
