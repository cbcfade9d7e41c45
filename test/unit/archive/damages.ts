import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

/** Something that can happen to a file. */
export type Damage =
  | { readonly kind: 'truncated'; readonly bytes: number }
  | { readonly kind: 'zeroed'; readonly at: number; readonly bytes: number }
  | { readonly kind: 'flipped'; readonly at: number; readonly bit: number }
  /** Bytes that look like anything but what was there. */
  | { readonly kind: 'garbage'; readonly at: number; readonly bytes: number; readonly seed: number }
  /** A page lost its last write, or was written to another place. */
  | { readonly kind: 'copied'; readonly from: number; readonly to: number; readonly bytes: number };

export function applyDamage(path: string, damage: Damage): void {
  const file = openSync(path, 'r+');
  try {
    if (damage.kind === 'truncated') {
      ftruncateSync(file, damage.bytes);
    } else {
      const [at, bytes] = replacement(file, damage);
      const inside = Math.max(0, Math.min(bytes.length, fstatSync(file).size - at));
      writeSync(file, bytes, 0, inside, at);
    }
  } finally {
    closeSync(file);
  }
}

function replacement(
  file: number,
  damage: Exclude<Damage, { kind: 'truncated' }>,
): [at: number, bytes: Buffer] {
  switch (damage.kind) {
    case 'zeroed':
      return [damage.at, Buffer.alloc(damage.bytes)];
    case 'garbage':
      return [
        damage.at,
        Buffer.from(
          Array.from({ length: damage.bytes }, (_, i) => ((i + damage.seed) * 2_654_435_761) >>> 24),
        ),
      ];
    case 'flipped': {
      const byte = Buffer.alloc(1);
      readSync(file, byte, 0, 1, damage.at);
      byte[0] = (byte[0] ?? 0) ^ (1 << damage.bit);
      return [damage.at, byte];
    }
    case 'copied': {
      const bytes = Buffer.alloc(damage.bytes);
      readSync(file, bytes, 0, damage.bytes, damage.from);
      return [damage.to, bytes];
    }
  }
}
