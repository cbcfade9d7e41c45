import { describe, expect, it } from 'vitest';
import { parseDeb822, parseOneLineStyle } from '../../kit/setup/apt-sources.mjs';

describe('the set-up reads where Debian packages come from', () => {
  it('in the one-line style, with options and comments', () => {
    const text = [
      '# deb http://off.test/debian bookworm main',
      'deb http://a.test/debian bookworm main contrib # the mirror',
      'deb-src http://a.test/debian bookworm main',
      'deb [arch=amd64 signed-by=/keys/b.gpg] https://b.test/debian bullseye main',
    ].join('\n');
    expect(parseOneLineStyle(text)).toEqual([
      { uris: ['http://a.test/debian'], suites: ['bookworm'], components: ['main', 'contrib'], signing: [] },
      {
        uris: ['https://b.test/debian'],
        suites: ['bullseye'],
        components: ['main'],
        signing: ['signed-by: /keys/b.gpg'],
      },
    ]);
  });

  it('in the deb822 style, with comments inside, folded fields and what is switched off', () => {
    const text = [
      'Types: deb deb-src',
      '# moved in May',
      'URIs: http://a.test/debian',
      ' http://b.test/debian',
      'Suites: bookworm bookworm-updates',
      'Components: main',
      'Signed-By:',
      ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
      ' .',
      ' aGVsbG8=',
      '',
      'Enabled: no',
      'Types: deb',
      'URIs: http://off.test/debian',
      'Suites: bookworm',
      'Components: main',
      '',
    ].join('\n');
    expect(parseDeb822(text)).toEqual([
      {
        uris: ['http://a.test/debian', 'http://b.test/debian'],
        suites: ['bookworm', 'bookworm-updates'],
        components: ['main'],
        signing: ['Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n aGVsbG8='],
      },
    ]);
  });
});
