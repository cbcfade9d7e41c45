// Where this machine gets its Debian packages from, as its own apt configuration says.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const APT = '/etc/apt';

/**
 * The Debian archives in apt's sources, the likeliest first, each as `{uris, signing}`. `signing` holds those lines of
 * the source that say how its signatures are checked, word for word, so that they are checked in the same way here.
 */
export function debianArchives() {
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(readText('/etc/os-release'))?.[1];
  const releases = [codename, 'oldoldstable', 'oldstable', 'stable', 'testing', 'unstable', 'sid'];
  const isArchive = ({ suites, components }) =>
    components.includes('main') && suites.some((suite) => releases.includes(suite));
  // Vendors' own archives may carry the same package names, and call their suites after Debian's.
  const rank = ({ uris }) => (uris.some((uri) => /\bdebian\b/.test(uri)) ? 0 : 1);
  return aptSources()
    .filter(isArchive)
    .sort((a, b) => rank(a) - rank(b));
}

/** Every source of binary packages that is switched on, as `{uris, suites, components, signing}`. */
export function aptSources() {
  const names = listFiles(join(APT, 'sources.list.d'));
  const oneLine = names.filter((name) => name.endsWith('.list'));
  const deb822 = names.filter((name) => name.endsWith('.sources'));
  return [
    ...parseOneLineStyle(readText(join(APT, 'sources.list'))),
    ...oneLine.flatMap((name) => parseOneLineStyle(readSource(name))),
    ...deb822.flatMap((name) => parseDeb822(readSource(name))),
  ];
}

/** `deb [signed-by=/a.gpg] URI SUITE COMPONENT...` (sources.list(5), one-line style). */
export function parseOneLineStyle(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line.trim());
    if (match === null) return [];
    const [, options = '', uri, suite, components] = match;
    const signing = options
      .split(/\s+/)
      .map((option) => /^(signed-by|trusted)=(.+)$/i.exec(option))
      .filter((option) => option !== null)
      .map(([, name, value]) => `${name}: ${value}`);
    return [{ uris: [uri], suites: [suite], components: components.trim().split(/\s+/), signing }];
  });
}

/** Stanzas of `Field: value`, continued by indented lines (sources.list(5), deb822 style). */
export function parseDeb822(text) {
  const withoutComments = text.replaceAll(/^#.*\n?/gm, '');
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = stanza.split(/\n(?=\S)/).map((field) => field.trimEnd());
    const valueOf = (name) => {
      const field = fields.find((text) => text.toLowerCase().startsWith(`${name}:`));
      return field?.slice(name.length + 1).trim() ?? '';
    };
    if (!valueOf('types').split(/\s+/).includes('deb') || valueOf('enabled') === 'no') return [];
    return [
      {
        uris: valueOf('uris').split(/\s+/),
        suites: valueOf('suites').split(/\s+/),
        components: valueOf('components').split(/\s+/),
        signing: fields.filter((field) => /^(signed-by|trusted):/i.test(field)),
      },
    ];
  });
}

function readSource(name) {
  return readText(join(APT, 'sources.list.d', name));
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // No such file on this machine, or not ours to read: no sources from there.
  }
}

function listFiles(folder) {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
