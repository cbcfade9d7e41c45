/** A TLS connection that did not come about for a reason that is known: what happened, and what to do about it. */
export class TlsFailure extends Error {
  override readonly name = 'TlsFailure';

  constructor(
    /** On one line, without a full stop at the end. */
    readonly what: string,
    readonly advice: string,
    options: { cause: unknown },
  ) {
    super(`${what}. ${advice}`, options);
  }
}

/** Node's names for what is wrong with a chain of certificates (`X509_V_ERR_...` in OpenSSL's sources). */
const UNTRUSTED =
  /SELF_SIGNED|ISSUER|UNABLE_TO_VERIFY|CERT_UNTRUSTED|CERT_REJECTED|CERT_SIGNATURE|INVALID_CA/;

/**
 * @param error as a TLS socket emits it
 * @param section of the configuration, such as `consul.tls`
 * @returns undefined for whatever is no fault of certificates
 */
export function explainTlsFailure(error: unknown, section: string): TlsFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const because = (what: string, advice: string) => new TlsFailure(what, advice, { cause: error });
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const advice = `Is this the right server? If so, set ${section}.serverName to a name in its certificate`;
    return because(`the server's certificate is for another name: ${error.message}`, advice);
  }
  if (code === 'CERT_HAS_EXPIRED')
    return because("the server's certificate has expired", 'Renew it there, or correct the clock here');
  if (code === 'CERT_NOT_YET_VALID')
    return because("the server's certificate is not valid yet", 'Correct the clock, here or there');
  if (UNTRUSTED.test(code)) {
    const advice = `Is this the right server? If so, set ${section}.ca to the certificate of its authority`;
    return because(`the server's certificate is of an authority that is not trusted here (${code})`, advice);
  }
  const alert = /ALERT_(.*)$/.exec(code)?.[1];
  if (alert !== undefined && /CERT|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE/.test(alert)) {
    const told = alert.toLowerCase().replaceAll('_', ' ');
    const advice = `Set ${section}.cert and ${section}.key to one that is of an authority it trusts, and not expired`;
    return because(
      `the server does not accept this daemon's certificate, or its lack of one (${told})`,
      advice,
    );
  }
  return undefined;
}
