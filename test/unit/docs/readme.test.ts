import { describe, expect, it } from 'vitest';
import { parse } from '../config/configuration-text.js';
import { codeIn, filesEndingIn, sectionOf, tableIn, textOf } from './markdown.js';

const README = textOf('README.md');

describe('the README', () => {
  it('has a configuration of ten lines that is valid', async () => {
    const [example = ''] = codeIn(sectionOf(README, '## Configure'), 'yaml');
    expect(example.trimEnd().split('\n')).toHaveLength(10);
    const { mappings } = await parse(example);
    expect(mappings).toMatchObject([{ name: 'config', zookeeper: '/config', consul: 'config' }]);
  });

  it('names scripts that there are', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const named = ['README.md', 'CONTRIBUTING.md', 'deploy/README.md'].flatMap((page) =>
      [...textOf(page).matchAll(/npm (?:run )?([a-z:]+)/g)].map((command) => command[1] ?? ''),
    );
    const npmOwn = new Set(['ci', 'prune', 'run']);
    expect(named).toContain('demo');
    expect(named.filter((name) => !npmOwn.has(name) && scripts[name] === undefined)).toEqual([]);
  });
});

describe('the documents', () => {
  it('name commands that there are', () => {
    const commands = tableIn(textOf('docs/commands.md')).map(
      ([first]) => /\[`(\w+)`\]/.exec(first ?? '')?.[1],
    );
    expect(commands).toContain('run');
    const called = filesEndingIn('.md').flatMap((page) =>
      [...textOf(page).matchAll(/(?:`|^|; |-- )(?:zk-consul-sync|node dist\/main\.js) ([a-z]+)\b/gm)].map(
        (call) => ({ page, command: call[1] ?? '' }),
      ),
    );
    expect(called.length).toBeGreaterThan(10);
    const recorded = [...textOf('docs/images/terminal.svg').matchAll(/>zk-consul-sync ([a-z]+) /g)];
    expect(recorded.map(([, command]) => command)).toEqual(['status', 'trash']);
    expect(called.filter(({ command }) => !commands.includes(command))).toEqual([]);
  });

  it('ask the daemon for what it answers', () => {
    const answered = new Set(
      [...textOf('docs/http-api.md').matchAll(/`(?:GET|POST) \/api\/v1\/mappings\/:name\/([a-z]+)/g)].map(
        (route) => route[1],
      ),
    );
    expect(answered).toContain('approve');
    const asked = filesEndingIn('.md').flatMap((page) =>
      [...textOf(page).matchAll(/\/api\/v1\/mappings\/config\/([a-z]+)/g)].map((request) => request[1] ?? ''),
    );
    expect(asked.filter((action) => !answered.has(action))).toEqual([]);
  });
});
