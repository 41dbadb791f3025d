// An OpenID provider by other hands than `provider.mjs`: whoever asks is signed in at once.
import { OAuth2Server } from 'oauth2-mock-server';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(0, 'localhost');
console.log(JSON.stringify({ url: server.issuer.url }));
process.stdin.on('end', () => process.exit()).resume();
