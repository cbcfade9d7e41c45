/** Writes the files that are made from others: see generated-files.ts. */
import { writeFile } from 'node:fs/promises';
import { PROJECT_ROOT, generatedFiles } from './generated-files.js';

for (const [path, content] of await generatedFiles()) await writeFile(new URL(path, PROJECT_ROOT), content);
