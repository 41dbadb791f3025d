// An OpenID provider on loopback, with one issuer a kind: `/` any, `/google`, `/{tenant}/v2.0` Entra.
// Whoever types a login is that account. `POST /control` registers clients, sets claims and the time.
// Prints `{"url": …}` once it listens, and ends when its standard input does.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

import { jwk } from './keys.mjs';

// The library's advice to developers, some of which it gives while it loads.
console.warn = console.info = () => {};
const { default: Provider } = await import('oidc-provider');

const machineTime = Date.now;
const clients = new Map();
const accounts = new Map();
/** Who stands behind a subject. */
const logins = new Map();
const providers = new Map();
let base;

const jwks = {
  keys: [jwk('rsa', { modulusLength: 2048 }, { kid: 'rsa' }), jwk('ec', { namedCurve: 'P-256' }, { kid: 'ec' })],
};

/** What a store of the library must do, in memory; clients come from `/control`. */
class Store {
  static rows = new Map();
  constructor(model, path) { Object.assign(this, { model, path }); }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, row) {
    // Of these two the library believes its own session alone.
    if (this.model === 'AuthorizationCode') {
      const { amr, acr } = claimsOf(this.path, logins.get(this.path + row.accountId)).claims;
      row = { ...row, amr, acr };
    }
    Store.rows.set(this.key(id), row);
  }
  async find(id) { return this.model === 'Client' ? clients.get(id) : Store.rows.get(this.key(id)); }
  async findBy(field, value) {
    for (const [key, row] of Store.rows) if (key.startsWith(`${this.model}:`) && row[field] === value) return row;
  }
  findByUid(uid) { return this.findBy('uid', uid); }
  findByUserCode(code) { return this.findBy('userCode', code); }
  async consume(id) { (await this.find(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { Store.rows.delete(this.key(id)); }
  async revokeByGrantId(grant) {
    // Of this kind alone: an interaction names the grant as well, and goes on after a sign-out.
    const own = ([key, row]) => key.startsWith(`${this.model}:`) && row.grantId === grant;
    for (const [key] of [...Store.rows].filter(own)) Store.rows.delete(key);
  }
}

/** What each kind of provider says of anybody, unless `/control` says otherwise; null takes a claim away. */
function claimsOf(path, login) {
  const account = accounts.get(login) ?? {};
  const [name, domain] = login.split('@');
  const claims = { sub: `sub-${login}`, email: login, email_verified: true, name };
  if (path === '/google') claims.hd = domain;
  if (path.endsWith('/v2.0')) {
    delete claims.email_verified;
    Object.assign(claims, { tid: path.split('/')[1], oid: `oid-${login}` });
  }
  Object.assign(claims, account.claims);
  for (const [name, value] of Object.entries(claims)) if (value === null) delete claims[name];
  return { claims, userinfoOnly: account.userinfo_only === true };
}

const PERSON = ['email', 'email_verified', 'name'];

function providerAt(path) {
  if (!providers.has(path)) {
    const provider = new Provider(base + path, {
      adapter: (model) => new Store(model, path),
      jwks,
      cookies: { keys: ['of this run'] },
      pkce: { required: () => true },
      conformIdTokenClaims: false,
      claims: {
        openid: ['sub', 'hd', 'tid', 'oid', 'amr', 'acr', 'xms_edov', 'groups'],
        email: ['email', 'email_verified'],
        profile: ['name'],
      },
      features: { devInteractions: { enabled: true } },
      findAccount: (_, sub) => ({
        accountId: sub,
        claims: (use) => {
          const { claims, userinfoOnly } = claimsOf(path, logins.get(path + sub));
          if (use === 'id_token' && userinfoOnly) for (const name of PERSON) delete claims[name];
          return claims;
        },
      }),
      // Seconds; an ID token outlives the clock's jumps of no test.
      ttl: { IdToken: 3600, AccessToken: 3600, Session: 86400, Grant: 86400, Interaction: 3600 },
    });
    provider.on('server_error', (_, error) => console.error(error));
    providers.set(path, provider.callback());
  }
  return providers.get(path);
}

function control({ register, claims, now }) {
  if (register) clients.set(register.client_id, register);
  if (claims) accounts.set(claims.login, claims);
  if (now !== undefined) {
    const ahead = now - machineTime();
    Date.now = () => machineTime() + ahead;
  }
}

/** The library takes what was typed for the subject, so that is put in its place. */
async function translate(request, path) {
  request.body = Object.fromEntries(new URLSearchParams(await text(request)));
  const { login } = request.body;
  if (login === undefined) return;
  request.body.login = claimsOf(path, login).claims.sub;
  logins.set(path + request.body.login, login);
}

const server = createServer(async (request, response) => {
  if (request.url === '/control') {
    control(JSON.parse(await text(request)));
    response.writeHead(204).end();
    return;
  }
  const [path] = request.url.match(/^\/google(?=\/)|^\/[0-9a-f-]{36}\/v2\.0(?=\/)/) ?? [''];
  request.originalUrl = request.url;
  request.baseUrl = path;
  request.url = request.url.slice(path.length);
  // Google's choice of an account: here one is typed.
  request.url = request.url.replace(/([?&]prompt=)select_account(?=&|$)/, '$1login');
  if (request.method === 'POST' && request.url.startsWith('/interaction/')) await translate(request, path);
  providerAt(path)(request, response);
});

server.listen(0, '127.0.0.1', () => {
  base = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ url: base }));
});
process.stdin.on('end', () => process.exit()).resume();
