import { createPrivateKey, generateKeyPairSync } from 'node:crypto';

/**
 * A private key to sign with, as a JWK. By way of PEM: node 20 waits for itself for ever where a key that was generated
 * a moment ago is exported as a JWK and the garbage collector runs meanwhile, once in some hundred starts on a busy
 * machine.
 */
export function jwk(type, options, more) {
  const privateKeyEncoding = { type: 'pkcs8', format: 'pem' };
  const publicKeyEncoding = { type: 'spki', format: 'pem' };
  const { privateKey } = generateKeyPairSync(type, { ...options, privateKeyEncoding, publicKeyEncoding });
  return { ...createPrivateKey(privateKey).export({ format: 'jwk' }), use: 'sig', ...more };
}
