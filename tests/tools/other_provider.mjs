// An OpenID provider by other hands than `provider.mjs`: whoever asks is signed in at once.
import { OAuth2Server } from 'oauth2-mock-server';

import { jwk } from './keys.mjs';

const server = new OAuth2Server();
await server.issuer.keys.add(jwk('rsa', { modulusLength: 2048 }, { alg: 'RS256', kid: 'rsa' }));
await server.start(0, 'localhost');
console.log(JSON.stringify({ url: server.issuer.url }));
process.stdin.on('end', () => process.exit()).resume();
