import { describe, expect, it } from 'vitest';
import { explainTlsFailure } from '../../../src/ports/tls-failure.js';

const failure = (code: string) => Object.assign(new Error(`the text of ${code}`), { code });

describe('a TLS connection that did not come about', () => {
  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'consul.tls.ca'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'consul.tls.ca'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'consul.tls.ca'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'consul.tls.ca'],
    ['CERT_SIGNATURE_FAILURE', 'consul.tls.ca'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'consul.tls.serverName'],
    ['CERT_HAS_EXPIRED', 'Renew it'],
    ['CERT_NOT_YET_VALID', 'clock'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'consul.tls.cert'],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', 'consul.tls.cert'],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'consul.tls.cert'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'consul.tls.cert'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'consul.tls.cert'],
  ])('for %s names %s', (code, advice) => {
    const cause = failure(code);
    const explained = explainTlsFailure(cause, 'consul.tls');
    expect(explained?.advice).toContain(advice);
    expect(explained?.message).toBe(`${explained?.what}. ${explained?.advice}`);
    expect(explained?.cause).toBe(cause);
  });

  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'EPROTO',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  ])('for %s has nothing to say of certificates', (code) => {
    expect(explainTlsFailure(failure(code), 'consul.tls')).toBeUndefined();
  });

  it('may be anything that can be thrown', () => {
    expect(explainTlsFailure('a text', 'consul.tls')).toBeUndefined();
    expect(explainTlsFailure(undefined, 'consul.tls')).toBeUndefined();
  });
});
