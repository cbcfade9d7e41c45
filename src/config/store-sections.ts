import { z } from 'zod';
import { parseConnectString } from './connect-string.js';
import { parseConsulAddress } from './consul-address.js';
import { parsed, refused } from './problem.js';
import { Secret } from './secret.js';
import { duration, parsedBy, secret, secretFile, secretSource, setting, text, token } from './setting.js';

function pemFile(description: string) {
  return setting(text().optional(), {
    description,
    allowed: 'the path of a readable PEM file',
    place: 'file',
  });
}

function tlsSection(store: string, examples: { serverName: string }) {
  return z
    .strictObject({
      ca: pemFile(`The certificate authorities that ${store} is checked against, instead of the system's.`),
      cert: pemFile(`The certificate that the daemon shows to ${store}; needs \`key\`.`),
      key: pemFile('The private key of `cert`, without a passphrase.'),
      serverName: setting(text().optional(), {
        description: `The name in the certificate of ${store}, where it differs from the address.`,
        allowed: 'a host name',
        examples: [examples.serverName],
      }),
    })
    .transform(({ ca, cert, key, serverName }) => ({ caFile: ca, certFile: cert, keyFile: key, serverName }));
}

const aclEntry = z.strictObject({
  scheme: setting(text(), {
    description: 'The authentication scheme that the entry is for.',
    allowed: 'a ZooKeeper scheme such as world, auth, digest, ip or x509',
  }),
  id: setting(
    z
      .string()
      .max(1024)
      .transform((id) => new Secret(id)),
    {
      description:
        'Who it is for, in the terms of the scheme (`anyone` for world, `user:BASE64` for digest, empty for auth).',
      allowed: 'a text',
      secret: true,
    },
  ),
  permissions: setting(
    parsedBy(text(), (letters) => {
      if (/[^crwda]/.test(letters)) return refused('a letter without meaning');
      return new Set(letters).size === letters.length ? parsed(letters) : refused('a letter stands twice');
    }),
    {
      description: 'What is granted: create, read, write, delete, administer.',
      allowed: 'letters of crwda, each once',
      pattern: '^[crwda]{1,5}$',
    },
  ),
});

const zookeeperAuth = z
  .strictObject({
    scheme: setting(text().prefault('digest'), {
      description: 'The authentication scheme.',
      allowed: 'a ZooKeeper scheme such as digest',
    }),
    credentials: secret('What the scheme asks for: `user:password` for digest.'),
    credentialsFile: secretFile('A file that holds the credentials instead.'),
  })
  .transform(({ scheme, credentials, credentialsFile }, context) => {
    const source = secretSource(credentials, credentialsFile);
    if (source !== undefined) return { scheme, credentials: source };
    context.addIssue({ code: 'custom', message: 'credentials or credentialsFile is needed' });
    return z.NEVER;
  });

export const zookeeperSection = z
  .strictObject({
    connect: setting(parsedBy(text(), parseConnectString), {
      description: 'The servers of the ensemble; with a chroot, all mapped paths lie below it.',
      allowed: 'host:port,host:port,... and optionally a /chroot behind the last one',
      examples: ['zk1:2181,zk2:2181,zk3:2181'],
    }),
    sessionTimeout: duration(
      'How long ZooKeeper keeps the session of a daemon that is silent. The server may narrow it.',
      { default: '15s', min: '1s', max: '10m' },
    ),
    auth: setting(zookeeperAuth.optional(), {
      description: 'How the daemon authenticates; without it, it does not.',
    }),
    acl: setting(
      z.union([z.enum(['open', 'creator-all']), z.array(aclEntry).min(1).max(64)]).prefault('open'),
      {
        description:
          'The ACL of znodes that the daemon creates: `open` lets everyone do everything, `creator-all` only who it authenticated as. Existing znodes keep theirs.',
        allowed: 'open, creator-all, or a list of {scheme, id, permissions}',
      },
    ),
    tls: setting(tlsSection('ZooKeeper', { serverName: 'zk.internal' }).optional(), {
      description:
        "Connect by TLS. `{}` is enough where the system's authorities know the servers' certificates.",
    }),
  })
  .transform(({ sessionTimeout, auth, tls, ...rest }) => ({
    ...rest,
    sessionTimeoutMs: sessionTimeout,
    auth,
    tls,
  }));

export const consulSection = z
  .strictObject({
    address: setting(parsedBy(text(), parseConsulAddress).prefault('127.0.0.1:8500'), {
      description:
        "Consul's HTTP API, best that of an agent nearby. Without a scheme it is `http://`, or `https://` if `consul.tls` is there.",
      allowed: 'http://host:port, https://host:port or host:port',
      defaultNote: '`CONSUL_HTTP_ADDR`, else `127.0.0.1:8500`',
      examples: ['http://127.0.0.1:8500'],
    }),
    datacenter: setting(
      z
        .string()
        .regex(/^[A-Za-z0-9_-]{1,63}$/)
        .optional(),
      {
        description: 'The datacenter whose keys are mapped.',
        allowed: 'up to 63 letters, digits, "_" and "-"',
        defaultNote: "the agent's own",
        examples: ['dc1'],
      },
    ),
    token: token('The ACL token. `CONSUL_HTTP_TOKEN` is used only if it is named here.'),
    tokenFile: secretFile('A file that holds the token instead; read again when it changes.'),
    tls: setting(tlsSection('Consul', { serverName: 'server.dc1.consul' }).optional(), {
      description:
        'How TLS is done, for an `https://` address. Not needed if the system knows the authority.',
    }),
  })
  .transform(({ address, token, tokenFile, datacenter, tls }) => ({
    address: `${address.scheme ?? (tls === undefined ? 'http' : 'https')}://${address.authority}`,
    datacenter,
    token: secretSource(token, tokenFile),
    tls,
  }));
