// An API that takes live tokens only, and a few aids for the tests.
//
// - `/` says how the token that came was asked for. `?pause=MS` lets the answer wait.
// - `/seen` says, without a token, what the test that asks has done here.
// - `/assertion?client=NAME&aud=AUD` is a client assertion (RFC 7523 §3), with `kid` if that is given.

import * as crypto from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { EmbeddedJWK, SignJWT, calculateJwkThumbprint, jwtVerify } from 'jose';

import { certificateOf } from './provider.mjs';

/** Why a request is refused: the challenge's parameters (RFC 6750 §3, RFC 9449 §7.1). */
class Refusal extends Error {
  constructor(scheme, error, reason) {
    super(reason);
    Object.assign(this, { scheme, error });
  }
}

export class Api {
  #proofs = new Set();
  /** By the test and the thumbprint of its key, which may be in use by another test: the last two are good. */
  #nonces = new Map();

  constructor({ origin, issuer, provider, publicKey, journal, keys }) {
    Object.assign(this, { origin, issuer, provider, publicKey, journal, keys });
  }

  handler() {
    return async (request, response) => {
      try {
        await this.#answer(request, response);
      } catch (error) {
        if (!(error instanceof Refusal)) {
          console.error(error);
          response.writeHead(500).end();
          return;
        }
        this.journal.of(request).api_errors.push(`${error.scheme} ${error.error}: ${error.message}`);
        const challenge = error.error ? `${error.scheme} error="${error.error}"` : error.scheme;
        send(response, 401, { refused: error.message }, { 'WWW-Authenticate': challenge });
      }
    };
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.origin);
    request.resume();
    switch (url.pathname) {
      case '/seen': return send(response, 200, this.journal.of(request));
      case '/assertion': return send(response, 200, { assertion: await this.#assertion(url.searchParams) });
      case '/': break;
      default: return send(response, 404, {});
    }
    const token = await this.#authorize(request, response, url);
    this.journal.of(request).api_accepted += 1;
    await pause(Number(url.searchParams.get('pause') ?? 0));
    return send(response, 200, token);
  }

  async #authorize(request, response, url) {
    const [scheme = '', value = ''] = (request.headers.authorization ?? '').split(' ');
    if (!['Bearer', 'DPoP'].includes(scheme)) throw new Refusal('Bearer', '', 'no token');
    const { format, token } = await this.#find(value);
    const refuse = (reason) => { throw new Refusal(scheme, 'invalid_token', reason); };
    if (!token) refuse('unknown, expired or revoked');
    const { jkt } = token.cnf;
    if (Boolean(jkt) !== (scheme === 'DPoP')) refuse('the wrong scheme for this token');
    if (jkt) await this.#checkProof(request, response, url, value, jkt);
    const x5t = token.cnf['x5t#S256'];
    if (x5t && x5t !== sha256(certificateOf(request)?.raw ?? '')) refuse('bound to another certificate');
    return {
      ...this.journal.grant(token.jti),
      scheme,
      format,
      bound_to: jkt ? 'key' : x5t ? 'certificate' : null,
      audience: token.aud ?? null,
      scope: token.scope ?? null,
    };
  }

  async #find(value) {
    if (value.split('.').length !== 3) {
      const token = await this.provider.ClientCredentials.find(value);
      const cnf = token && { jkt: token.jkt, 'x5t#S256': token['x5t#S256'] };
      return { format: 'opaque', token: token && { jti: token.jti, aud: token.aud, scope: token.scope, cnf } };
    }
    try {
      const { payload } = await jwtVerify(value, this.publicKey, {
        issuer: this.issuer, typ: 'at+jwt',
      });
      return { format: 'jwt', token: { cnf: {}, ...payload } };
    } catch {
      return { format: 'jwt' };
    }
  }

  /** RFC 9449 §7 and §9. Each answer brings a new nonce, and the one before the last is no longer good. */
  async #checkProof(request, response, url, value, jkt) {
    const refuse = (error, reason) => { throw new Refusal('DPoP', error, reason); };
    const bad = (reason) => refuse('invalid_dpop_proof', reason);
    const owner = `${request.headers['user-agent']} ${jkt}`;
    const nonces = this.#nonces.get(owner) ?? [];
    const fresh = crypto.randomUUID();
    this.#nonces.set(owner, [fresh, ...nonces].slice(0, 2));
    response.setHeader('DPoP-Nonce', fresh);
    let proof;
    try {
      proof = await jwtVerify(request.headers.dpop ?? '', EmbeddedJWK, { typ: 'dpop+jwt' });
    } catch (error) {
      bad(error.message);
    }
    const { payload, protectedHeader } = proof;
    if (await calculateJwkThumbprint(protectedHeader.jwk) !== jkt) bad('the key of another token');
    if (payload.ath !== sha256(value)) bad('ath');
    if (payload.htm !== request.method) bad('htm');
    if (payload.htu !== this.origin + url.pathname) bad(`htu ${payload.htu}`);
    if (Math.abs(payload.iat - Date.now() / 1000) > 60) bad('iat');
    if (!payload.jti || this.#proofs.has(payload.jti)) bad('jti');
    this.#proofs.add(payload.jti);
    if (!nonces.includes(payload.nonce)) refuse('use_dpop_nonce', 'an old nonce, or none');
  }

  #assertion(parameters) {
    const { alg, privateKey } = this.keys[parameters.get('client')];
    const client = parameters.get('client');
    const kid = parameters.get('kid') ?? undefined;
    return new SignJWT({})
      .setProtectedHeader({ alg, kid })
      .setIssuer(client)
      .setSubject(client)
      .setAudience(parameters.get('aud'))
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(privateKey);
  }
}

function sha256(bytes) {
  return crypto.createHash('sha256').update(bytes).digest('base64url');
}

function send(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
