// What has happened here, by whom: a client of the tests says its name in `User-Agent`.

/** Counts what a test did, and knows how each token was asked for. */
export class Journal {
  #seen = new Map();
  #grants = new Map();

  /** What is known of the test that a request comes from. */
  of(request) {
    const name = request.headers['user-agent'] ?? '';
    let seen = this.#seen.get(name);
    if (!seen) {
      seen = { tokens: 0, token_errors: [], api_accepted: 0, api_errors: [] };
      this.#seen.set(name, seen);
    }
    return seen;
  }

  /** A token was issued: the first, the second … to this test. */
  issued(request, jti, grant) {
    const seen = this.of(request);
    seen.tokens += 1;
    this.#grants.set(jti, { ...grant, number: seen.tokens, asked_by: request.headers['user-agent'] });
  }

  /** How a token was asked for. */
  grant(jti) {
    return this.#grants.get(jti);
  }
}
