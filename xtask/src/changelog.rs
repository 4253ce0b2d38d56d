//! What CHANGELOG.md says of its newest version.

/// The head of the changelog.
#[derive(Debug, PartialEq)]
pub(crate) struct Changelog {
    /// The version of the newest section that has one, and its date.
    pub(crate) newest: Option<(String, String)>,
    /// Whether something is under `[Unreleased]`.
    pub(crate) has_unreleased: bool,
}

impl Changelog {
    pub(crate) fn parse(markdown: &str) -> Self {
        let mut has_unreleased = false;
        for line in markdown.lines().skip_while(|line| !line.starts_with("## ")) {
            let Some(title) = line.strip_prefix("## ") else {
                has_unreleased |= line.trim_start().starts_with("- ");
                continue;
            };
            if let Some((version, date)) = title.split_once(" - ") {
                let version = version.trim().trim_start_matches('[').trim_end_matches(']');
                return Self {
                    newest: Some((version.to_owned(), date.trim().to_owned())),
                    has_unreleased,
                };
            }
        }
        Self {
            newest: None,
            has_unreleased,
        }
    }

    /// What keeps this version from being released.
    pub(crate) fn problems(&self, version: &str) -> Vec<String> {
        let mut problems = Vec::new();
        match &self.newest {
            Some((newest, date)) if newest == version => {
                if !is_date(date) {
                    problems.push(format!(
                        "CHANGELOG.md dates {version} `{date}`, which is no date (2026-01-31)"
                    ));
                }
            }
            Some((newest, _)) => problems.push(format!(
                "the newest version in CHANGELOG.md is {newest}, and the crates have {version}"
            )),
            None => problems.push(format!(
                "CHANGELOG.md has no section `## [{version}] - DATE`"
            )),
        }
        if self.has_unreleased {
            problems.push(
                "CHANGELOG.md has entries under [Unreleased]: move them into the release".into(),
            );
        }
        problems
    }
}

/// A day of the calendar, as `2026-01-31`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let number = |part: &str, digits| {
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u32>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=last).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASED: &str = "# Changelog\n\n- not an entry\n\n## [Unreleased]\n\n## [0.2.0] - 2026-01-31\n\n### Added\n\n- b\n\n\
                            ## [0.1.0] - 2025-12-24\n\n- a\n";

    #[test]
    fn the_newest_version_is_read() {
        let changelog = Changelog::parse(RELEASED);
        assert_eq!(
            changelog.newest,
            Some(("0.2.0".into(), "2026-01-31".into()))
        );
        assert!(!changelog.has_unreleased);
        assert!(changelog.problems("0.2.0").is_empty());
        assert_eq!(changelog.problems("0.3.0").len(), 1);
    }

    #[test]
    fn what_is_not_released_is_told() {
        let unreleased = RELEASED.replace("[Unreleased]\n", "[Unreleased]\n\n### Fixed\n\n- c\n");
        assert_eq!(Changelog::parse(&unreleased).problems("0.2.0").len(), 1);
        let never = Changelog::parse("# Changelog\n\n## [Unreleased]\n\n- a\n");
        assert_eq!(never.newest, None);
        assert_eq!(never.problems("0.1.0").len(), 2);
    }

    #[test]
    fn a_date_is_a_date() {
        let undated = RELEASED.replace("2026-01-31", "soon");
        assert_eq!(Changelog::parse(&undated).problems("0.2.0").len(), 1);
        assert!(is_date("2026-01-31") && !is_date("2026-1-31") && !is_date("31.01.2026"));
        for none in [
            "2026-99-99",
            "2026-02-29",
            "2026-04-31",
            "2026-01-00",
            "2026-00-01",
        ] {
            assert!(!is_date(none), "{none}");
        }
        assert!(is_date("2028-02-29") && is_date("2026-12-31"));
    }
}
