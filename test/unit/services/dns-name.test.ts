import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromDnsName, toDnsName } from '../../../src/services/dns-name.js';

/** Names that people give to services, and the signs that make them odd. */
const names = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...Array.from('aB-./_9ü\u{1f600}')) }),
  )
  .filter((name) => name !== '');

describe('names of services as labels of DNS', () => {
  it.each([
    ['web', 'web'],
    ['web-1', 'web-1'],
    ['10-web', '10-web'],
  ])('a name that is a label stays as it is: %s', (name, label) => {
    expect(toDnsName(name)).toBe(label);
  });

  it.each([
    ['UserService', /^userservice--avfetf$/],
    ['team/web', /^team-web--[a-z2-7]+$/],
    ['web--x', /^web--x--[a-z2-7]+$/],
    ['-web', /^xweb--[a-z2-7]+$/],
    ['_', /^x--[a-z2-7]+$/],
  ])('what had to give way follows behind what is readable: %s', (name, label) => {
    expect(toDnsName(name)).toMatch(label);
    expect(fromDnsName(toDnsName(name))).toBe(name);
  });

  it('every name comes back from its label, which DNS can ask for', () => {
    fc.assert(
      fc.property(names, (name) => {
        const label = toDnsName(name);
        expect(label).toMatch(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/);
        expect(fromDnsName(label)).toBe(name);
      }),
    );
  });

  it('a label that no name has tells no name', () => {
    for (const label of ['web--x', 'Web', '-web', 'web-', 'web--', 'web--aa', 'team-web--a1']) {
      expect(fromDnsName(label), label).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('ab-q7')) }), (label) => {
        const name = fromDnsName(label);
        if (name !== undefined) expect(toDnsName(name)).toBe(label);
      }),
    );
  });

  it('a service without a name has none', () => {
    expect(() => toDnsName('')).toThrow(RangeError);
  });
});
