import { covers, parseMappedPath, parseMappedPrefix } from './mapped-path.js';
import { MAPPINGS_MAX } from './mapping-section.js';
import { SERVICES_MAX } from './services-section.js';
import { parseConsulAddress } from './consul-address.js';
import type { ConfigProblem, Parsed } from './problem.js';
import { problemAt } from './schema-problems.js';
import type { SettingPath } from './setting-tree.js';
import { formatPath } from './setting-tree.js';
import { SettingsLookup } from './settings-lookup.js';
import type { ReadSettings } from './settings-reader.js';

/**
 * What is wrong between settings that are right each by itself. Looks at the settings as they were read and not at
 * the validated ones, so that one run reports everything, whatever else is wrong.
 */
export function crossCheck(settings: ReadSettings): ConfigProblem[] {
  const report = (path: SettingPath, message: string) => problemAt(path, settings, message);
  const look = new SettingsLookup(settings);
  return [
    ...exclusiveSecrets(look, report),
    ...incompleteTls(look, report),
    ...unusedTls(look, report),
    ...digestWithoutUser(look, report),
    ...creatorWithoutIdentity(look, report),
    ...nothingToDo(look, report),
    ...doubledNames(look, report),
    ...ephemeralWithoutCopies(look, report),
    ...overlaps(look, 'zookeeper', parseMappedPath, report),
    ...overlaps(look, 'consul', parseMappedPrefix, report),
  ];
}

type Report = (path: SettingPath, message: string) => ConfigProblem;

function exclusiveSecrets(look: SettingsLookup, report: Report): ConfigProblem[] {
  const pairs = [
    [
      ['zookeeper', 'auth', 'credentials'],
      ['zookeeper', 'auth', 'credentialsFile'],
    ],
    [
      ['consul', 'token'],
      ['consul', 'tokenFile'],
    ],
  ] as const;
  return pairs
    .filter(([inline, file]) => look.has(inline) && look.has(file))
    .map(([inline, file]) =>
      report(file, `is set as well as ${formatPath(inline)}; allowed: one of the two`),
    );
}

const STORES = ['zookeeper', 'consul'] as const;

function incompleteTls(look: SettingsLookup, report: Report): ConfigProblem[] {
  return STORES.flatMap((store) => {
    const cert = [store, 'tls', 'cert'];
    const key = [store, 'tls', 'key'];
    if (look.has(cert) === look.has(key)) return [];
    const [there, missing] = look.has(cert) ? [cert, key] : [key, cert];
    return [report(there, `is set without ${formatPath(missing)}; a certificate and its key go together`)];
  });
}

function unusedTls(look: SettingsLookup, report: Report): ConfigProblem[] {
  const address = parseConsulAddress(look.text(['consul', 'address']) ?? '');
  if (!look.has(['consul', 'tls']) || !address.ok || address.value.scheme !== 'http') return [];
  return [report(['consul', 'tls'], 'is set, but consul.address begins with http://; allowed with https://')];
}

function digestWithoutUser(look: SettingsLookup, report: Report): ConfigProblem[] {
  const credentials = look.text(['zookeeper', 'auth', 'credentials']);
  if (!look.usesDigest || credentials === undefined || credentials === '' || credentials.includes(':'))
    return [];
  return [report(['zookeeper', 'auth', 'credentials'], 'has no ":"; allowed for digest: user:password')];
}

/** ZooKeeper refuses a node with such an ACL (InvalidACL) from a session without any identity. */
function creatorWithoutIdentity(look: SettingsLookup, report: Report): ConfigProblem[] {
  const hasIdentity = look.has(['zookeeper', 'auth']) || look.has(['zookeeper', 'tls', 'cert']);
  if (look.value(['zookeeper', 'acl']) !== 'creator-all' || hasIdentity) return [];
  return [
    report(['zookeeper', 'acl'], 'creator-all needs an identity: set zookeeper.auth or zookeeper.tls.cert'),
  ];
}

function nothingToDo(look: SettingsLookup, report: Report): ConfigProblem[] {
  const path = ['mappings'];
  const isList = look.has(path) ? Array.isArray(look.value(path)) : look.isGroup;
  if (!isList || look.synced.length > 0 || look.has(['services'])) return [];
  const found = look.has(path) ? 'got an empty list' : 'is missing';
  return [report(path, `${found}; allowed: a list of 1 to ${MAPPINGS_MAX} mappings`)];
}

function ephemeralWithoutCopies(look: SettingsLookup, report: Report): ConfigProblem[] {
  return look.itemsOf('services', SERVICES_MAX).flatMap((item) => {
    const path = [...item, 'ephemeral'];
    const isOneWay = look.text([...item, 'direction']) === 'zookeeper-to-consul';
    if (look.value(path) !== true || !isOneWay) return [];
    return [report(path, 'is set, but with direction zookeeper-to-consul there are no copies in ZooKeeper')];
  });
}

function doubledNames(look: SettingsLookup, report: Report): ConfigProblem[] {
  const lines = new Map<string, number>();
  const problems: ConfigProblem[] = [];
  for (const item of look.synced) {
    const path = [...item, 'name'];
    const name = look.text(path);
    if (name === undefined) continue;
    const line = lines.get(name);
    if (line !== undefined) {
      problems.push(report(path, `is the name of another mapping too (line ${line}); names are used once`));
    } else {
      lines.set(name, look.place(path)?.line ?? 0);
    }
  }
  return problems;
}

/** Of two overlapping mappings, the later one is reported; an entry must not belong to two. */
function overlaps(
  look: SettingsLookup,
  store: (typeof STORES)[number],
  parse: (text: string) => Parsed<string>,
  report: Report,
): ConfigProblem[] {
  const earlier: { readonly place: string; readonly path: SettingPath }[] = [];
  const problems: ConfigProblem[] = [];
  for (const item of store === 'zookeeper' ? look.synced : look.itemsOf('mappings', MAPPINGS_MAX)) {
    const path = [...item, store];
    const text = look.text(path);
    const place = text === undefined ? undefined : parse(text);
    if (place?.ok !== true) continue;
    const other = earlier.find((it) => covers(it.place, place.value) || covers(place.value, it.place));
    if (other !== undefined) {
      const otherPlace = look.place(other.path);
      problems.push(
        report(
          path,
          `got ${look.place(path)?.shown}, which overlaps with ${formatPath(other.path)}, ` +
            `${otherPlace?.shown} (line ${otherPlace?.line}); mappings must lie apart on both sides`,
        ),
      );
    }
    earlier.push({ place: place.value, path });
  }
  return problems;
}
