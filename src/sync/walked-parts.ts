import type { KeyPrefix } from '../core/observation.js';

/** Of more parts than these, all is walked: about as many as a side may be watched in. */
const PARTS_MAX = 128;

/** Adds a part to those that are to be walked: none lies within another, and there is a bounded number of them. */
export function joinPrefix(parts: readonly KeyPrefix[], added: KeyPrefix): readonly KeyPrefix[] {
  if (parts.some((part) => added.startsWith(part))) return parts;
  const others = parts.filter((part) => !part.startsWith(added));
  return others.length < PARTS_MAX ? [...others, added] : [''];
}
