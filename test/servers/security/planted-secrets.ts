import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A secret that occurs nowhere by chance, and has characters that every encoding writes in another way. */
export function plantedSecret(name: string): string {
  return `${name}+/?&:ü ${randomBytes(12).toString('base64url')}`;
}

/** How a secret could be written, as it is or so that it can be had again (or tried out at leisure). */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const [, afterUser = secret] = /^[^:]*:(.*)$/s.exec(secret) ?? [];
  const digests = (['sha1', 'sha256', 'md5'] as const).flatMap((algorithm) =>
    (['hex', 'base64'] as const).map((encoding) => createHash(algorithm).update(bytes).digest(encoding)),
  );
  const forms = [
    ...[secret, afterUser],
    ...[encodeURIComponent(secret), encodeURI(secret), encodeURIComponent(afterUser)],
    ...[bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'), bytes.toString('hex')],
    ...[bytes.toString('latin1'), JSON.stringify(secret).slice(1, -1)],
    ...digests.map((digest) => digest.replace(/=+$/, '')),
  ];
  return [...new Set(forms)];
}

/** All that a program wrote, by where it wrote it. */
export class Written {
  readonly #texts = new Map<string, string>();

  add(where: string, text: string): void {
    this.#texts.set(where, (this.#texts.get(where) ?? '') + text);
  }

  /** Every file below a folder, byte by byte. */
  async addFolder(where: string, folder: string): Promise<void> {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const bytes = await readFile(path);
      this.add(`${where} ${path}`, `${bytes.toString('latin1')}\n${bytes.toString('utf8')}`);
    }
  }

  get places(): string[] {
    return [...this.#texts.keys()];
  }

  text(where: string): string {
    return this.#texts.get(where) ?? '';
  }

  /** Where which secrets stand, by their names. */
  leaks(secrets: Readonly<Record<string, string>>): string[] {
    return [...this.#texts].flatMap(([where, text]) =>
      Object.entries(secrets).flatMap(([name, secret]) => {
        const form = formsOf(secret).find((candidate) => text.includes(candidate));
        if (form === undefined) return [];
        const at = text.indexOf(form);
        return [`${where}: ${name}, in ...${text.slice(Math.max(0, at - 60), at)}<here>`];
      }),
    );
  }
}
