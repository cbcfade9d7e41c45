// What the tests of deploy/ run: Prometheus, kubectl, and two programs of systemd. Same form as in real-servers.mjs.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { onPath } from './machine.mjs';

const PROMETHEUS = ['prometheus', 'promtool'];

/** Of a machine without systemd; elsewhere they are there with it. What every Debian has is left out. */
const SYSTEMD_LIBRARIES = [
  ...['libsystemd-shared', 'libkmod2', 'libapparmor1', 'libip4tc2', 'libseccomp2', 'libaudit1', 'libcap-ng0'],
  ...['libacl1', 'libblkid1', 'libmount1', 'libpam0g', 'libselinux1', 'libcrypt1', 'libgcrypt20', 'liblz4-1'],
  ...['libssl3', 'libzstd1', 'liblzma5', 'libcap2', 'libpcre2-8-0', 'libgpg-error0'],
];

/** Tests of deploy/ need them, and will say so. Nothing else does. */
export const DEPLOYMENT_TOOLS = [
  {
    name: 'prometheus',
    find: (env) => allThere(PROMETHEUS.map((name) => fromHome(env.PROMETHEUS_HOME, name) ?? onPath(name))),
    findUnpacked: (folder) => allThere(PROMETHEUS.map((name) => join(folder, 'usr/bin', name))),
    suite: 'bookworm',
    packages: ['prometheus'],
    optional: true,
    advice:
      'unpack Prometheus (2.42 or later), and set PROMETHEUS_HOME to the folder of prometheus and promtool',
  },
  {
    // Not from PATH: kubectl before 1.21 has a kustomize that is years older than itself.
    name: 'kubectl',
    find: (env) => (env.KUBECTL ? resolve(env.KUBECTL) : undefined),
    findUnpacked: (folder) => allThere([join(folder, 'usr/bin/kubectl')])?.[0],
    suite: 'trixie',
    packages: ['kubectl'],
    optional: true,
    advice: 'install kubectl (1.21 or later), and set KUBECTL to it',
  },
  {
    // Nothing of it is started but systemd-analyze, on files, and systemd-notify.
    name: 'systemd',
    find: () => allThere([onPath('systemd-analyze'), onPath('systemd-notify')]),
    findUnpacked: (folder) => {
      const places = ['bin', 'usr/bin'].flatMap((bin) =>
        ['systemd-analyze', 'systemd-notify'].map((name) => join(folder, bin, name)),
      );
      const there = places.filter((place) => existsSync(place)).sort(byName);
      return there.length === 2 ? there : undefined;
    },
    suite: 'bookworm',
    packages: ['systemd', ...SYSTEMD_LIBRARIES],
    optional: true,
    advice: 'put systemd-analyze and systemd-notify (252 or later) on PATH',
  },
];

function fromHome(home, name) {
  return home ? resolve(home, name) : undefined;
}

function allThere(files) {
  return files.every((file) => file !== undefined && existsSync(file)) ? files : undefined;
}

function byName(one, other) {
  return one.split('/').at(-1) < other.split('/').at(-1) ? -1 : 1;
}
