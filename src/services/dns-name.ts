/**
 * Service names as labels of DNS, reversibly: no two names share a label, and each label tells its name.
 *
 * A name of lower-case letters, digits and single hyphens inside stays as it is. Of any other, what is readable stays
 * in place, and what had to give way follows behind the last `--`: `UserService` is `userservice--avfetf`.
 */

const PLAIN = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

interface Replaced {
  readonly position: number;
  readonly codePoint: number;
}

/** @throws RangeError when `name` is empty, so that nothing could be looked up */
export function toDnsName(name: string): string {
  if (name === '') throw new RangeError('a service without a name has no label');
  if (PLAIN.test(name)) return name;
  const points = [...name];
  const replaced: Replaced[] = [];
  const readable = points.map((point, position) => {
    const isHyphen = point === '-' && /^[a-z0-9]$/.test(points[position - 1] ?? '');
    if (/^[a-z0-9]$/.test(point) || (isHyphen && position < points.length - 1)) return point;
    replaced.push({ position, codePoint: point.codePointAt(0) ?? 0 });
    return standIn(point, position);
  });
  return `${readable.join('')}--${packed(replaced)}`;
}

/** The name that a label was made of; undefined where `toDnsName` makes no such label. */
export function fromDnsName(label: string): string | undefined {
  if (PLAIN.test(label)) return label;
  const end = label.lastIndexOf('--');
  if (end < 1) return undefined;
  const replaced = unpacked(label.slice(end + 2));
  if (replaced === undefined) return undefined;
  const points = [...label.slice(0, end)];
  for (const { position, codePoint } of replaced) {
    if (position >= points.length || codePoint > 0x10ffff) return undefined;
    points[position] = String.fromCodePoint(codePoint);
  }
  const name = points.join('');
  return toDnsName(name) === label ? name : undefined;
}

function standIn(point: string, position: number): string {
  if (/^[A-Z]$/.test(point)) return point.toLowerCase();
  return position === 0 ? 'x' : '-';
}

/** Distances and code points, as numbers of five bits a character, of which the highest says that more follow. */
function packed(replaced: readonly Replaced[]): string {
  let before = 0;
  const numbers = replaced.flatMap(({ position, codePoint }) => {
    const distance = position - before;
    before = position;
    return [distance, codePoint];
  });
  return numbers.map(packedNumber).join('');
}

function packedNumber(number: number): string {
  const low = BASE32[(number % 16) | (number >= 16 ? 16 : 0)] ?? '';
  return number >= 16 ? low + packedNumber(Math.floor(number / 16)) : low;
}

function unpacked(text: string): Replaced[] | undefined {
  const numbers: number[] = [];
  let [number, weight] = [0, 1];
  for (const character of text) {
    const digit = BASE32.indexOf(character);
    if (digit < 0 || weight > 2 ** 28) return undefined;
    number += (digit % 16) * weight;
    weight *= 16;
    if (digit >= 16) continue;
    numbers.push(number);
    [number, weight] = [0, 1];
  }
  if (weight !== 1 || numbers.length === 0 || numbers.length % 2 !== 0) return undefined;
  return replacements(numbers);
}

function replacements(numbers: readonly number[]): Replaced[] {
  let position = 0;
  const replaced: Replaced[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    position += numbers[at] ?? 0;
    replaced.push({ position, codePoint: numbers[at + 1] ?? 0 });
  }
  return replaced;
}
