/**
 * Where an instance that stands in the tree as a copy has registered itself. The copy's name tells it, so that the name
 * alone says whose it is, and which entry of the catalog it belongs to (docs/decisions/0009-services-are-entries.md).
 */
export interface Origin {
  /** The daemon's instance, whose copy it is. */
  readonly bridge: string;
  /** The node of the catalog. */
  readonly node: string;
  /** The service's id on that node. */
  readonly id: string;
}

const MARK = 'zk-consul-sync:';

/** As a word of letters, digits and a few signs: `zk-consul-sync:default:node-1:web-1`. */
export function originText({ bridge, node, id }: Origin): string {
  return MARK + [bridge, node, id].map(quoted).join(':');
}

export function originOfText(text: string): Origin | undefined {
  if (!text.startsWith(MARK)) return undefined;
  const [bridge, node, id, ...more] = text.slice(MARK.length).split(':').map(unquoted);
  if (bridge === undefined || node === undefined || id === undefined || more.length > 0) return undefined;
  const origin = { bridge, node, id };
  return originText(origin) === text ? origin : undefined;
}

/** Sequence numbers of ZooKeeper have ten digits. This many no other node has. */
const DIGITS_MIN = 30;

/** As digits alone, three for each byte, where clients take a node's name for a number. */
export function originDigits(origin: Origin): string {
  const bytes = [...new TextEncoder().encode(originText(origin).slice(MARK.length))];
  return `9${bytes.map((byte) => String(byte).padStart(3, '0')).join('')}`.padEnd(DIGITS_MIN, '0');
}

export function originOfDigits(digits: string): Origin | undefined {
  if (!/^9\d{29,}$/.test(digits)) return undefined;
  const bytes = (digits.slice(1).match(/\d{3}/g) ?? []).map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  // Short names are filled up with zeros, and no name has a zero byte.
  const text = new TextDecoder().decode(Uint8Array.from(bytes.filter((byte) => byte > 0)));
  const origin = originOfText(MARK + text);
  return origin !== undefined && originDigits(origin) === digits ? origin : undefined;
}

function quoted(text: string): string {
  return encodeURIComponent(text);
}

function unquoted(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
