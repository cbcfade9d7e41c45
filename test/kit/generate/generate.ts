/** Writes the files that are made from the configuration's schema: its JSON Schema and the reference in its documentation. */
import { writeFile } from 'node:fs/promises';
import { PROJECT_ROOT, generatedFiles } from './generated-files.js';

for (const [path, content] of await generatedFiles()) await writeFile(new URL(path, PROJECT_ROOT), content);
