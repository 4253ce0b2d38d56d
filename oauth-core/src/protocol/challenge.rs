//! `WWW-Authenticate` challenges (RFC 9110 §11.6.1).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// One challenge of a response: a scheme with either a token68 or parameters.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, header::WWW_AUTHENTICATE};
/// use oauth_core::Challenge;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(WWW_AUTHENTICATE, r#"Basic realm="a, b", Bearer error="invalid_token""#.parse()?);
/// let challenges = Challenge::all(&headers);
/// assert_eq!(challenges.len(), 2);
/// assert!(challenges[1].is("bearer"));
/// assert_eq!(challenges[1].parameter("error"), Some("invalid_token"));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    token68: Option<String>,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// All challenges of a response, from every `WWW-Authenticate` line, each of which may hold several.
    /// What cannot be understood is passed over: this never fails.
    #[must_use]
    pub fn all(headers: &HeaderMap) -> Vec<Self> {
        let mut challenges = Vec::new();
        for value in headers.get_all(WWW_AUTHENTICATE) {
            read(&String::from_utf8_lossy(value.as_bytes()), &mut challenges);
        }
        challenges
    }

    /// The authentication scheme as it was written.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether the scheme is `scheme`, in whatever case (RFC 9110 §11.1).
    #[must_use]
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The token68 after the scheme, if it has one in place of parameters.
    #[must_use]
    pub fn token68(&self) -> Option<&str> {
        self.token68.as_deref()
    }

    /// The value of a parameter, unquoted. Names are case-insensitive; the first one counts.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Reads one header line. The grammar is ambiguous without looking ahead: after a comma, `name =` is a
/// further parameter of the challenge before, and a name without `=` begins a new challenge.
fn read(line: &str, challenges: &mut Vec<Challenge>) {
    let mut rest = Scanner(line);
    loop {
        rest.skip_separators();
        let name = rest.token();
        if name.is_empty() {
            if rest.skip_one() {
                continue;
            }
            return;
        }
        let after_name = rest;
        if rest.equals_sign() {
            let value = rest.value();
            if let Some(challenge) = challenges.last_mut() {
                challenge.parameters.push((name.to_owned(), value));
            }
            continue;
        }
        rest = after_name;
        challenges.push(Challenge {
            scheme: name.to_owned(),
            token68: rest.token68(),
            parameters: Vec::new(),
        });
    }
}

#[derive(Clone, Copy)]
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn skip_separators(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
    }

    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    /// Passes over one character that fits nowhere.
    fn skip_one(&mut self) -> bool {
        let mut characters = self.0.chars();
        let skipped = characters.next().is_some();
        self.0 = characters.as_str();
        skipped
    }

    fn token(&mut self) -> &'a str {
        self.take_while(is_token_character)
    }

    fn equals_sign(&mut self) -> bool {
        self.skip_spaces();
        match self.0.strip_prefix('=') {
            Some(rest) => {
                self.0 = rest;
                self.skip_spaces();
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> String {
        match self.0.strip_prefix('"') {
            Some(rest) => {
                self.0 = rest;
                self.quoted()
            }
            // Looser than a token: real servers leave URLs unquoted.
            None => self
                .take_while(|c| !matches!(c, ',' | ' ' | '\t'))
                .to_owned(),
        }
    }

    /// The rest of a quoted string (RFC 9110 §5.6.4); one that is not closed ends with the line.
    fn quoted(&mut self) -> String {
        let mut value = String::new();
        let mut characters = self.0.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => value.extend(characters.next()),
                other => value.push(other),
            }
        }
        self.0 = characters.as_str();
        value
    }

    /// A token68 right after the scheme: it stands alone up to the next comma.
    fn token68(&mut self) -> Option<String> {
        let mut ahead = *self;
        ahead.skip_spaces();
        let start = ahead.0;
        let body = ahead.take_while(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
        let padding = ahead.take_while(|c| c == '=');
        let token68 = &start[..body.len() + padding.len()];
        ahead.skip_spaces();
        if body.is_empty() || !(ahead.0.is_empty() || ahead.0.starts_with(',')) {
            return None;
        }
        *self = ahead;
        Some(token68.to_owned())
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self
            .0
            .find(|character| !wanted(character))
            .unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }
}

/// RFC 9110 §5.6.2.
fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn challenges(lines: &[&str]) -> Vec<Challenge> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(line).unwrap());
        }
        Challenge::all(&headers)
    }

    #[test]
    fn several_in_one_line_with_quoted_commas() {
        let found = challenges(&[
            r#"Newauth realm="apps, \"all\"", type=1, title="Login", Basic realm=simple, bearer"#,
        ]);
        let schemes: Vec<_> = found.iter().map(Challenge::scheme).collect();
        assert_eq!(schemes, ["Newauth", "Basic", "bearer"]);
        assert_eq!(found[0].parameter("REALM"), Some(r#"apps, "all""#));
        assert_eq!(found[0].parameter("type"), Some("1"));
        assert_eq!(found[1].parameter("realm"), Some("simple"));
        assert!(found[2].is("Bearer"));
    }

    #[test]
    fn several_header_lines() {
        let found = challenges(&["Negotiate", r#"Bearer error="invalid_token""#]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].parameter("error"), Some("invalid_token"));
    }

    #[test]
    fn token68_is_told_from_parameters() {
        let found = challenges(&["Negotiate YII=, Bearer scope=a, NTLM"]);
        assert_eq!(found[0].token68(), Some("YII="));
        assert_eq!(found[1].token68(), None);
        assert_eq!(found[1].parameter("scope"), Some("a"));
        assert_eq!(found[2].scheme(), "NTLM");
    }

    #[test]
    fn spaces_around_the_equals_sign() {
        let found = challenges(&[r#"Bearer error = "invalid_token" , scope = "a b""#]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].parameter("error"), Some("invalid_token"));
        assert_eq!(found[0].parameter("scope"), Some("a b"));
    }

    #[test]
    fn what_a_quoted_string_says_is_no_challenge() {
        let found = challenges(&[r#"Basic realm="x, Bearer error=\"invalid_token\"""#]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].parameter("error"), None);
    }

    proptest! {
        #[test]
        fn p08_no_line_panics_or_loops(line in "[ -~]{0,80}") {
            let _ = challenges(&[&line]);
        }
    }
}
