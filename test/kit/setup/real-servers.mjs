// Finds the real servers, and other programs, that the tests and the demo run: named by the environment, installed on
// the machine, or else unpacked from Debian packages into the checkout's cache.
import {
  existsSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { UNPACKING, unpackDebianPackages } from './debian-packages.mjs';
import { DISCOVERY_CLIENTS } from './discovery-clients.mjs';
import { DEPLOYMENT_TOOLS } from './deployment-tools.mjs';
import { SERVERS, SetupError, onPath, say, seconds } from './machine.mjs';
import { SHELLS } from './shells.mjs';

/** Read by test/kit/servers/found-servers.ts. Its paths are absolute, or relative to its own folder. */
const FOUND = join(SERVERS, 'found.json');

const ZOOKEEPER_34_JARS = ['zookeeper', 'slf4j-api', 'slf4j-simple'];
/** Spelled out, since the jar's manifest names them by absolute paths. Its admin server, which needs Jetty, stays off. */
const ZOOKEEPER_38_JARS = [
  ...ZOOKEEPER_34_JARS,
  'zookeeper-jute',
  'metrics-core',
  'snappy-java',
  'commons-cli', // its command line
  ...['common', 'buffer', 'transport', 'resolver', 'codec', 'handler'].map((part) => `netty-${part}`), // TLS
  ...['unix-common', 'epoll'].map((part) => `netty-transport-native-${part}`),
];

/**
 * The browser without a window, and every library that it needs beyond the C and C++ ones: machines differ in what they
 * have of them. Some 110 MB to download, and 300 MB unpacked.
 */
const CHROMIUM_PACKAGES = [
  ...['chromium-headless-shell', 'chromium-common', 'fonts-dejavu-core'],
  ...[
    'libasound2',
    'libasyncns0',
    'libatk1.0-0',
    'libatspi2.0-0',
    'libblkid1',
    'libbrotli1',
    'libbsd0',
    'libcap2',
  ],
  ...['libdav1d6', 'libdbus-1-3', 'libdouble-conversion3', 'libdrm2', 'libexpat1', 'libffi8', 'libflac12'],
  ...[
    'libfontconfig1',
    'libfreetype6',
    'libgbm1',
    'libgcrypt20',
    'libglib2.0-0',
    'libgpg-error0',
    'libgraphite2-3',
  ],
  ...[
    'libharfbuzz-subset0',
    'libharfbuzz0b',
    'libjpeg62-turbo',
    'liblz4-1',
    'liblzma5',
    'libmd0',
    'libminizip1',
  ],
  ...[
    'libmount1',
    'libmp3lame0',
    'libmpg123-0',
    'libnspr4',
    'libnss3',
    'libogg0',
    'libopenh264-7',
    'libopus0',
  ],
  ...['libpcre2-8-0', 'libpng16-16', 'libpulse0', 'libselinux1', 'libsndfile1', 'libsystemd0', 'libudev1'],
  ...['libvorbis0a', 'libvorbisenc2', 'libwayland-server0', 'libx11-6', 'libx11-xcb1', 'libxau6', 'libxcb1'],
  ...['libxcomposite1', 'libxdamage1', 'libxdmcp6', 'libxext6', 'libxfixes3', 'libxi6', 'libxkbcommon0'],
  ...['libxnvctrl0', 'libxrandr2', 'libxrender1', 'libzstd1', 'zlib1g'],
];

/**
 * What is needed, where it is looked for, and the packages that carry it. Suites are named, and not the machine's own,
 * so that every machine tests against the same versions: ZooKeeper 3.8.0 and 3.4.13, Consul 1.8.7.
 */
const NEEDS = [
  {
    name: 'java',
    find: (env) => (env.JAVA_HOME ? resolve(env.JAVA_HOME, 'bin', 'java') : onPath('java')),
    findUnpacked: (folder) => findJavaBelow(join(folder, 'usr/lib/jvm')),
    suite: 'bookworm',
    packages: ['openjdk-17-jre-headless'],
    advice: 'install a Java runtime (11 or later), or set JAVA_HOME',
  },
  {
    name: 'zookeeper-3.8',
    find: (env) =>
      env.ZOOKEEPER_HOME
        ? jarsOfHome(resolve(env.ZOOKEEPER_HOME))
        : (jarsOfInstalledScript() ?? jarsIn('/usr/share/java', ZOOKEEPER_38_JARS)),
    findUnpacked: (folder) => jarsIn(join(folder, 'usr/share/java'), ZOOKEEPER_38_JARS),
    suite: 'bookworm',
    packages: [
      ...['libzookeeper-java', 'libslf4j-java', 'libdropwizard-metrics-java', 'libsnappy-java'],
      ...['libcommons-cli-java', 'libnetty-java'],
    ],
    advice: 'unpack Apache ZooKeeper (3.6 or later) and set ZOOKEEPER_HOME to its folder',
  },
  {
    name: 'zookeeper-3.4',
    find: (env) => (env.ZOOKEEPER_34_HOME ? jarsOfHome(resolve(env.ZOOKEEPER_34_HOME)) : undefined),
    findUnpacked: (folder) => jarsIn(join(folder, 'usr/share/java'), ZOOKEEPER_34_JARS),
    suite: 'bullseye',
    packages: ['libzookeeper-java', 'libslf4j-java'],
    optional: true, // A few tests of old servers need it, and will say so. The demo does not.
    advice: 'unpack Apache ZooKeeper 3.4.13 or 3.4.14 and set ZOOKEEPER_34_HOME to its folder',
  },
  {
    name: 'consul',
    find: (env) => (env.CONSUL_BIN ? resolve(env.CONSUL_BIN) : onPath('consul')),
    findUnpacked: (folder) => existing(join(folder, 'usr/bin/consul')),
    suite: 'bullseye',
    packages: ['consul'],
    advice: 'install Consul on PATH, or set CONSUL_BIN to its binary',
  },
  {
    name: 'libfaketime',
    find: (env) => (env.LIBFAKETIME ? resolve(env.LIBFAKETIME) : undefined),
    findUnpacked: (folder) => findFakeTimeBelow(join(folder, 'usr/lib')),
    suite: 'bookworm',
    packages: ['libfaketime'],
    optional: true, // For tests of servers whose clocks are wrong.
    advice: 'install libfaketime, and set LIBFAKETIME to libfaketimeMT.so.1',
  },
  ...DEPLOYMENT_TOOLS,
  ...SHELLS,
  ...DISCOVERY_CLIENTS,
  {
    name: 'chromium',
    find: (env) => (env.CHROMIUM_BIN ? resolve(env.CHROMIUM_BIN) : onPath('chromium')),
    findUnpacked: (folder) => existing(join(folder, 'usr/lib/chromium/chromium-headless-shell')),
    suite: 'bookworm',
    packages: CHROMIUM_PACKAGES,
    optional: true, // For tests of the status page in a browser, and its screenshots.
    advice: 'install Chromium on PATH, or set CHROMIUM_BIN to its binary',
  },
];

/** Writes down where everything is, if everything is there already. */
export function realServersAreFound() {
  return writeFoundIf((place) => place !== undefined);
}

/** @throws SetupError that tells of everything that is missing and can't be unpacked */
export function provideRealServers() {
  removeInterruptedWork();
  const failures = NEEDS.filter((need) => findNeed(need) === undefined).flatMap(unpackNeed);
  if (!writeFoundIf((place, need) => place !== undefined || need.optional))
    throw new SetupError(failures.join('\n'));
  for (const failure of failures) say(`going on without ${failure}`);
}

function writeFoundIf(isGoodEnough) {
  const found = NEEDS.map((need) => ({ need, place: findNeed(need) }));
  if (!found.every(({ need, place }) => isGoodEnough(place, need))) return false;
  writeFound(Object.fromEntries(found.map(({ need, place }) => [need.name, place])));
  return true;
}

/** @returns the failure as text, if there was one */
function unpackNeed(need) {
  const startedMs = Date.now();
  say(`unpacking ${need.name} from Debian's ${need.suite} packages ...`);
  const folder = join(SERVERS, need.name);
  try {
    unpackDebianPackages(need.suite, need.packages, folder);
    if (need.findUnpacked(folder) === undefined) {
      throw new SetupError(`the packages ${need.packages.join(', ')} lack what they should hold`);
    }
    say(`${need.name} unpacked (${seconds(startedMs)})`);
    return [];
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return [`${need.name}: ${error.message}\n  What to do: ${need.advice}.`];
  }
}

function findNeed(need) {
  const place = need.find(process.env);
  if (place === undefined) return need.findUnpacked(join(SERVERS, need.name));
  for (const file of [place].flat()) {
    if (!existsSync(file))
      throw new SetupError(`${need.name}: ${file} does not exist.\n  What to do: ${need.advice}.`);
  }
  return place;
}

function removeInterruptedWork() {
  for (const name of namesIn(SERVERS).filter((name) => name.startsWith(UNPACKING))) {
    rmSync(join(SERVERS, name), { recursive: true, force: true });
  }
}

/** In one step, since test runs may be reading the file. */
function writeFound(places) {
  const portable = (path) => (isAbsolute(path) && path.startsWith(SERVERS) ? relative(SERVERS, path) : path);
  const found = Object.fromEntries(
    Object.entries(places).map(([name, place]) => [
      name,
      Array.isArray(place) ? place.map(portable) : place && portable(place),
    ]),
  );
  const text = `${JSON.stringify(found, undefined, 2)}\n`;
  if (existsSync(FOUND) && readFileSync(FOUND, 'utf8') === text) return;
  const draft = `${FOUND}.${String(process.pid)}`;
  writeFileSync(draft, text);
  renameSync(draft, FOUND);
}

function findJavaBelow(folder) {
  const [runtime] = namesIn(folder).filter((name) => /^java-\d+-openjdk/.test(name));
  return runtime && existing(join(folder, runtime, 'bin/java'));
}

/** Below the name of the machine's architecture. */
function findFakeTimeBelow(folder) {
  const libraries = namesIn(folder).map((name) => join(folder, name, 'faketime', 'libfaketimeMT.so.1'));
  return libraries.find((library) => existsSync(library));
}

function jarsIn(folder, names) {
  const jars = names.map((name) => join(folder, `${name}.jar`));
  return jars.every((jar) => existsSync(jar)) ? jars : undefined;
}

/** The jars of an unpacked release of Apache ZooKeeper: 3.4 keeps its own beside `lib`, later ones inside. */
function jarsOfHome(home) {
  const jars = [home, join(home, 'lib')].flatMap((folder) =>
    namesIn(folder)
      .filter((name) => name.endsWith('.jar'))
      .map((name) => join(folder, name)),
  );
  const hasServer = jars.some((jar) => /\/zookeeper-\d[\d.]*\.jar$/.test(jar));
  if (!hasServer)
    throw new SetupError(`${home} is not the folder of a ZooKeeper release: it has no zookeeper-*.jar`);
  return jars;
}

function jarsOfInstalledScript() {
  const script = onPath('zkServer.sh');
  if (script === undefined) return undefined;
  const home = dirname(dirname(realpathSync(script)));
  return existsSync(join(home, 'lib')) ? jarsOfHome(home) : undefined;
}

function existing(file) {
  return existsSync(file) ? file : undefined;
}

function namesIn(folder) {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}
