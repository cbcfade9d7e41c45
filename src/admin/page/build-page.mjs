// Puts what the compiler leaves alone into the built page: its document, its style, and the two libraries that it uses,
// as their packages ship them. So the page needs neither a build nor anything from elsewhere when it runs.
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCES = join(ROOT, 'src/admin/page');
const BUILT = join(ROOT, 'dist/admin/page');
const PACKAGES = join(ROOT, 'node_modules');

for (const name of readdirSync(SOURCES).filter((name) => ['.html', '.css', '.svg'].includes(extname(name)))) {
  cpSync(join(SOURCES, name), join(BUILT, name));
}
copy('preact/dist/preact.mjs', 'vendor/preact.js');
copy('preact/LICENSE', 'vendor/preact.LICENSE');
copy('diff/libesm', 'vendor/diff');
copy('diff/LICENSE', 'vendor/diff/LICENSE');
for (const name of readdirSync(join(BUILT, 'vendor'), { recursive: true })) {
  if (name.endsWith('.d.ts') || name.endsWith('.map')) rmSync(join(BUILT, 'vendor', name));
}

function copy(from, to) {
  cpSync(join(PACKAGES, from), join(BUILT, to), { recursive: true });
}
