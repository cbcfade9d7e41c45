// Clients of service discovery as programs really have them, for the tests of bridged services. Same form as in
// real-servers.mjs.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { onPath } from './machine.mjs';

/** Apache Curator's service discovery, and what it needs beside ZooKeeper's own jars. */
const CURATOR_JARS = [
  ...['curator-x-discovery', 'curator-recipes', 'curator-framework', 'curator-client', 'guava'],
  ...['jackson-annotations', 'jackson-core', 'jackson-databind'],
];

/** The tests of services with real clients need them, and will say so. Nothing else does. */
export const DISCOVERY_CLIENTS = [
  {
    name: 'curator',
    find: (env) => (env.CURATOR_HOME ? jarsIn(resolve(env.CURATOR_HOME)) : undefined),
    findUnpacked: (folder) => jarsIn(join(folder, 'usr/share/java')),
    suite: 'bookworm',
    packages: [
      ...[
        'libcurator-discovery-java',
        'libcurator-recipes-java',
        'libcurator-framework-java',
        'libcurator-client-java',
        'libguava-java',
      ],
      ...['libjackson2-annotations-java', 'libjackson2-core-java', 'libjackson2-databind-java'],
    ],
    optional: true,
    advice: `set CURATOR_HOME to a folder with ${CURATOR_JARS.map((name) => `${name}.jar`).join(', ')}`,
  },
  {
    name: 'dig',
    find: (env) => (env.DIG_BIN ? resolve(env.DIG_BIN) : onPath('dig')),
    findUnpacked: (folder) => existing(join(folder, 'usr/bin/dig')),
    suite: 'bookworm',
    packages: [
      ...['bind9-dnsutils', 'bind9-libs', 'libbsd0', 'libcom-err2', 'libedit2', 'libfstrm0'],
      ...['libgssapi-krb5-2', 'libicu72', 'libidn2-0', 'libjemalloc2', 'libjson-c5', 'libk5crypto3'],
      ...['libkeyutils1', 'libkrb5-3', 'libkrb5support0', 'liblmdb0', 'liblzma5', 'libmaxminddb0', 'libmd0'],
      ...['libnghttp2-14', 'libprotobuf-c1', 'libssl3', 'libunistring2', 'libuv1', 'libxml2', 'zlib1g'],
    ],
    optional: true,
    advice: 'install dig (bind9-dnsutils), or set DIG_BIN to it',
  },
];

function jarsIn(folder) {
  const jars = CURATOR_JARS.map((name) => join(folder, `${name}.jar`));
  return jars.every((jar) => existsSync(jar)) ? jars : undefined;
}

function existing(file) {
  return existsSync(file) ? file : undefined;
}
