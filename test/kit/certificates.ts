import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/**
 * X.509 certificates for tests, made here so that no tool has to be on the machine, and so that they can be wrong in
 * ways that tools refuse (expired, for another name).
 */

const DAY_MS = 24 * 60 * 60 * 1000;

export interface Certificate {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

export interface CertificateOptions {
  readonly commonName: string;
  /** DNS names and IPv4 addresses. Loopback's address by default. */
  readonly names?: readonly string[];
  /** Relative to now. Valid from yesterday to tomorrow by default. */
  readonly validFromMs?: number;
  readonly validToMs?: number;
}

/** Signs certificates; its own is what `ca` settings name. */
export class CertificateAuthority {
  readonly #key: KeyObject;
  readonly #name: Buffer;
  readonly certPem: string;

  constructor(commonName: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    this.#name = distinguishedName(commonName);
    const extensions = [
      extension(OID.basicConstraints, sequence(boolean(true))),
      extension(OID.keyUsage, tlv(TAG.bitString, Buffer.of(1, KEY_CERT_SIGN))),
    ];
    this.certPem = this.#signed(this.#name, publicKey, validity(), extensions);
  }

  /** For servers and clients alike. */
  issue({ commonName, names = ['127.0.0.1'], ...times }: CertificateOptions): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const extensions = [extension(OID.subjectAltName, sequence(...names.map(generalName)))];
    const certPem = this.#signed(distinguishedName(commonName), publicKey, validity(times), extensions);
    return { certPem, keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  }

  #signed(subject: Buffer, publicKey: KeyObject, valid: Buffer, extensions: readonly Buffer[]): string {
    const algorithm = sequence(OID.ecdsaWithSha256);
    const content = sequence(
      tlv(TAG.version, integer(Buffer.of(2))),
      integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
      algorithm,
      this.#name,
      valid,
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      tlv(TAG.extensions, sequence(...extensions)),
    );
    const signature = tlv(TAG.bitString, Buffer.concat([Buffer.of(0), sign('sha256', content, this.#key)]));
    const lines =
      sequence(content, algorithm, signature)
        .toString('base64')
        .match(/.{1,64}/g) ?? [];
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
  }
}

/** Of ASN.1 in DER. */
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  utf8: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  dnsName: 0x82,
  ipAddress: 0x87,
  version: 0xa0,
  extensions: 0xa3,
} as const;

const KEY_CERT_SIGN = 0x06;

const OID = {
  commonName: oid('550403'),
  keyUsage: oid('551d0f'),
  subjectAltName: oid('551d11'),
  basicConstraints: oid('551d13'),
  ecdsaWithSha256: oid('2a8648ce3d040302'),
};

function tlv(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const header =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...header), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(TAG.sequence, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

function integer(bytes: Buffer): Buffer {
  return tlv(TAG.integer, bytes);
}

function boolean(value: boolean): Buffer {
  return tlv(TAG.boolean, Buffer.of(value ? 0xff : 0));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(tlv(TAG.set, sequence(OID.commonName, tlv(TAG.utf8, Buffer.from(commonName)))));
}

function validity({ validFromMs = -DAY_MS, validToMs = DAY_MS }: Partial<CertificateOptions> = {}): Buffer {
  return sequence(time(validFromMs), time(validToMs));
}

/** UTCTime, with two digits for the year: right until 2049. */
function time(fromNowMs: number): Buffer {
  const digits = new Date(Date.now() + fromNowMs).toISOString().replaceAll(/[-T:]|\..*/g, '');
  return tlv(TAG.utcTime, Buffer.from(`${digits.slice(2)}Z`));
}

function generalName(name: string): Buffer {
  if (isIP(name) === 0) return tlv(TAG.dnsName, Buffer.from(name));
  return tlv(TAG.ipAddress, Buffer.from(name.split('.').map(Number)));
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, boolean(true), tlv(TAG.octetString, value));
}
