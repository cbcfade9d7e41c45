import type { core } from 'zod';
import type { ConfigProblem } from './problem.js';
import type { SettingNode, SettingPath } from './setting-tree.js';
import { allowedValues, formatPath, settingAt } from './setting-tree.js';
import type { Place, ReadSettings } from './settings-reader.js';

/** Puts what the schema found into words: one problem per setting, with its place in the file. */
export function schemaProblems(issues: readonly core.$ZodIssue[], settings: ReadSettings): ConfigProblem[] {
  const problems = new Map<string, ConfigProblem>();
  for (const { path, message } of issues.flatMap((issue) => simpleIssues(issue, []))) {
    const place = settings.places.get(formatPath(path));
    if (place?.failed === true || problems.has(formatPath(path))) continue;
    problems.set(formatPath(path), problemAt(path, settings, describeIssue(path, place, message)));
  }
  return [...problems.values()];
}

interface SimpleIssue {
  readonly path: SettingPath;
  /** What one of the schema's own functions found; undefined where the kind of value is wrong. */
  readonly message: string | undefined;
}

/** Of a setting with alternatives, the problems of the one that was meant: the value is of its type. */
function simpleIssues(issue: core.$ZodIssue, parent: SettingPath): SimpleIssue[] {
  const path = [...parent, ...(issue.path as SettingPath)];
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.find((issues) => issues.every((inner) => inner.path.length > 0));
    if (meant !== undefined) return meant.flatMap((inner) => simpleIssues(inner, path));
  }
  return [{ path, message: issue.code === 'custom' ? issue.message : undefined }];
}

function describeIssue(path: SettingPath, place: Place | undefined, message: string | undefined): string {
  const setting = settingAt(path);
  const allowed = setting === undefined ? '' : `; allowed: ${allowedValues(setting)}`;
  if (place === undefined) return `is missing${allowed}`;
  const wrong = message ?? (isTextWithoutQuotes(place, setting) ? 'to be a text it needs quotes' : undefined);
  return `got ${place.shown}${wrong === undefined ? '' : `: ${wrong}`}${allowed}`;
}

/** A name such as 2024 is a number to YAML. Quotes help unless it would be wrong as a text as well. */
function isTextWithoutQuotes(place: Place, setting: SettingNode | undefined): boolean {
  if (!place.isUnquoted || setting?.type !== 'string' || setting.enum !== undefined) return false;
  return setting.pattern === undefined || new RegExp(setting.pattern).test(place.shown);
}

/** A problem at the setting's place, or at the group that it is missing in. */
export function problemAt(path: SettingPath, settings: ReadSettings, message: string): ConfigProblem {
  for (let length = path.length; length >= 0; length--) {
    const place = settings.places.get(formatPath(path.slice(0, length)));
    if (place !== undefined)
      return { path: formatPath(path), line: place.line, column: place.column, message };
  }
  return { path: formatPath(path), line: 1, column: 1, message };
}
