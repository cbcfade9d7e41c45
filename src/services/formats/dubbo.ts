import { VALUE_BYTES_MAX } from '../catalog-limits.js';
import { originOfText, originText } from '../origin.js';
import type { Origin } from '../origin.js';
import { isPort } from '../service-record.js';
import type { Fitted, ServiceRecord } from '../service-record.js';
import { broken } from './format.js';
import type { CatalogInstance, InstancePlace, Parsed, ServiceFormat } from './format.js';

const PROVIDERS = 'providers';
/** A parameter that Dubbo's own don't know, and carry along. */
const MARK = 'bridged';
/** The tag by which Dubbo's consumers find providers in Consul, and the name of the metadata that holds the URL. */
const TAG = 'dubbo';
const URL_META = 'url';

/**
 * Dubbo's registration by interface: `<interface>/providers/<URL>`, both encoded, and all in the node's name. On the
 * catalog's side as its own registry for Consul lays it out: the interface is the service, its URL is metadata, its
 * parameters are tags.
 */
export const dubboFormat: ServiceFormat = {
  isAllInName: true,
  placeOf: (key) => {
    const [service, folder, id, ...more] = key.split('/');
    if (service === undefined || service === '' || folder !== PROVIDERS || id === undefined) return undefined;
    return more.length > 0 ? undefined : { service: unescaped(service) ?? service, id };
  },
  keyOf: ({ service, id }) => `${escaped(service)}/${PROVIDERS}/${id}`,
  parse,
  encode: () => new Uint8Array(),
  fit,
  copyId: (origin, record) => escaped(withMark(record.meta[URL_META] ?? '', origin)),
  originOf: (id) => originOfText(markOf(unescaped(id) ?? '') ?? ''),
};

function parse({ id }: InstancePlace): Parsed {
  const url = unescaped(id);
  const record = url === undefined ? undefined : recordOf(withoutMark(url));
  if (record === undefined) return broken('its name is not the URL of a provider');
  const bytes = Buffer.byteLength(record.meta[URL_META] ?? '');
  // Nobody could call it by a part of its URL.
  if (bytes > VALUE_BYTES_MAX) {
    return broken(
      `its URL of ${bytes} bytes is longer than the ${VALUE_BYTES_MAX} that Consul's metadata takes`,
    );
  }
  return { kind: 'up', record, losses: [] };
}

/** Only providers have a URL that consumers can use. */
function fit({ record }: CatalogInstance): Fitted | undefined {
  const url = record.tags.includes(TAG) ? record.meta[URL_META] : undefined;
  const fitted = url === undefined ? undefined : recordOf(url);
  if (fitted === undefined) return undefined;
  const others = Object.keys(record.meta).filter((name) => name !== URL_META);
  return { record: fitted, losses: others.map((field) => ({ field, why: 'only the URL is kept' })) };
}

function recordOf(url: string): ServiceRecord | undefined {
  const parts = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/?]+):(\d+)(?:\/[^?]*)?(?:\?(.*))?$/is.exec(url);
  const [, address, digits, query = ''] = parts ?? [];
  const port = Number(digits);
  if (address === undefined || !isPort(port)) return undefined;
  const parameters = query.split('&').filter((parameter) => parameter !== '');
  return {
    address: address.replace(/^\[(.*)\]$/, '$1'),
    port,
    tags: [...parameters.map((parameter) => unescaped(parameter) ?? parameter), TAG],
    meta: { [URL_META]: url },
    weight: undefined,
    carried: {},
  };
}

function withMark(url: string, origin: Origin): string {
  const mark = `${MARK}=${escaped(originText(origin))}`;
  return url + (url.includes('?') ? '&' : '?') + mark;
}

const MARKED = new RegExp(`[?&]${MARK}=([^&]*)$`);

function markOf(url: string): string | undefined {
  const text = MARKED.exec(url)?.[1];
  return text === undefined ? undefined : unescaped(text);
}

function withoutMark(url: string): string {
  return url.replace(MARKED, '');
}

/** As Java's URLEncoder does it. */
function escaped(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
