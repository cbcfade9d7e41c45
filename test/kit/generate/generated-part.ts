/**
 * A page with the part between its marks made anew.
 * @throws Error when the page has lost its marks
 */
export function withPart(path: string, page: string, name: string, part: string): string {
  const [first, last] = [`<!-- generated: ${name} -->`, `<!-- end of generated: ${name} -->`];
  const begin = page.indexOf(first);
  const end = page.indexOf(last);
  if (begin < 0 || end < begin) throw new Error(`${path} has lost its marks, ${first} and ${last}`);
  return `${page.slice(0, begin)}${first}\n\n${part}\n\n${page.slice(end)}`;
}
